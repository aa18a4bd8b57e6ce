"""CAN captures with attacks, all synthetic, in the published columns and folders."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from cantools.database.can import Message

from assay.demo.vehicle import (
    CLOCK_JITTER_S,
    LEVER,
    Frames,
    drive,
    frames_of,
    in_order,
    messages,
    period_s,
)
from assay.files import publish_bytes

ROUNDS = {"train": 8, "test": 3}
BENIGN, DOS, FUZZY, GEAR, REPLAY = KINDS = ("normal", "dos", "fuzzy", "gear", "replay")
CAPTURE_S = 1.3
WARM_UP_S = 3.0  # driven before the first capture, to be replayed
ATTACKED = ((0.15, 0.45), (0.6, 0.9))  # shares of a capture

DOS_PERIOD_S = 2e-3
FUZZY_PERIOD_S = 1e-2
FUZZY_IDS = 0x700
GEAR_MESSAGE, GEAR_SPOOFED = "TransGearData", "Reverse"
REPLAYED_UNIT = "ABS_ESC"
REPLAYED_BEFORE_S = 2.5

Span = tuple[float, float]  # seconds
Attack = Callable[[Frames, Span, np.random.Generator], Frames]


def write_traffic(folder: Path, seed: int) -> int:
    """Writes `train_normal/`, `train_attacks/` and `test/` below `folder`; returns the number of messages.

    One drive is cut into captures, which follow each other in time and alternate between the attacks.
    """
    generator = np.random.default_rng(seed)
    whole = drive(WARM_UP_S + CAPTURE_S * len(KINDS) * sum(ROUNDS.values()), generator)
    start, n_messages = WARM_UP_S, 0
    for split, rounds in ROUNDS.items():
        for number in range(1, rounds + 1):
            for kind in KINDS:
                capture = _capture(whole, kind, start, generator)
                publish_bytes(folder / _folder(split, kind) / f"{kind}_{number}.csv", _csv(capture))
                start, n_messages = start + CAPTURE_S, n_messages + len(capture)
    return n_messages


def dos(frames: Frames, span: Span, generator: np.random.Generator) -> Frames:
    """A flood of id 0, which no control unit sends; the bus has room, so all others are still heard."""
    times = np.arange(*span, DOS_PERIOD_S)
    planned = frames_of(0, times, np.zeros((len(times), 8)))
    return in_order([frames, _by_attacker(planned, span, generator)])


def fuzzy(frames: Frames, span: Span, generator: np.random.Generator) -> Frames:
    """Random ids with random payloads."""
    times = np.arange(*span, FUZZY_PERIOD_S)
    ids = generator.integers(1, FUZZY_IDS, len(times))
    payload = generator.integers(0, 256, (len(times), 8), dtype=np.uint8)
    planned = Frames(times, ids, payload, np.zeros(len(times), bool))
    return in_order([frames, _by_attacker(planned, span, generator)])


def gear(frames: Frames, span: Span, generator: np.random.Generator) -> Frames:
    """Half-way between two messages of the gearbox the attacker repeats the first, but says "reverse".

    What gives it away: this id comes twice as often as it should, and says two things in turn.
    """
    message = next(message for message in messages() if message.name == GEAR_MESSAGE)
    heard = frames.select(_within(frames, span) & (frames.ids == message.frame_id))
    payload = np.array([_spoofed(message, row.tobytes()) for row in heard.payload])
    planned = replace(heard, time=heard.time + period_s(message) / 2, payload=payload)
    return in_order([frames, _by_attacker(planned, span, generator)])


def replay(frames: Frames, span: Span, generator: np.random.Generator, *, recorded: Frames) -> Frames:
    """The brakes' control unit is silenced; what it sent some seconds before is sent again in its place.

    Ids, rates and payloads are the unit's own. Two things give it away. Its signals and counters jump back
    where it begins, and forth where it ends. In between, its gaps vary more than they should, by the root of
    two: they carry the jitter that was recorded, and that of the attacker's clock, which is as good.
    """
    taken = _within(frames, span) & _of_unit(frames, REPLAYED_UNIT)
    first, last = (edge - REPLAYED_BEFORE_S for edge in span)
    past = recorded.select(_within(recorded, (first, last)) & _of_unit(recorded, REPLAYED_UNIT))
    planned = replace(past, time=past.time + REPLAYED_BEFORE_S)
    return in_order([frames.select(~taken), _by_attacker(planned, span, generator)])


def _capture(whole: Frames, kind: str, start: float, generator: np.random.Generator) -> Frames:
    frames = whole.select(_within(whole, (start, start + CAPTURE_S)))
    attacks: Mapping[str, Attack] = {
        DOS: dos,
        FUZZY: fuzzy,
        GEAR: gear,
        REPLAY: lambda *arguments: replay(*arguments, recorded=whole),
    }
    if kind == BENIGN:
        return frames
    for first, last in ATTACKED:
        frames = attacks[kind](frames, (start + first * CAPTURE_S, start + last * CAPTURE_S), generator)
    return frames


def _spoofed(message: Message, payload: bytes) -> np.ndarray:
    said = message.decode_simple(payload)
    return np.frombuffer(message.encode({**said, LEVER: GEAR_SPOOFED}), np.uint8)


def _by_attacker(planned: Frames, span: Span, generator: np.random.Generator) -> Frames:
    """The planned frames as they are sent, by a clock as good as a control unit's."""
    times = planned.time + generator.normal(0, CLOCK_JITTER_S, len(planned))
    return replace(planned, time=times.clip(*span), attack=np.ones(len(planned), bool))


def _within(frames: Frames, span: Span) -> np.ndarray:
    return (frames.time >= span[0]) & (frames.time < span[1])


def _of_unit(frames: Frames, unit: str) -> np.ndarray:
    return np.isin(frames.ids, [message.frame_id for message in messages() if unit in message.senders])


def _folder(split: str, kind: str) -> str:
    if split == "test":
        return split
    return "train_normal" if kind == BENIGN else "train_attacks"


def _csv(frames: Frames) -> bytes:
    rows = zip(frames.time, frames.ids, frames.payload, frames.attack, strict=True)
    lines = [
        f"{time:.6f},{number:03X},{data.tobytes().hex().upper()},{attack:d}"
        for time, number, data, attack in rows
    ]
    return "\n".join(["timestamp,arbitration_id,data_field,attack", *lines, ""]).encode()
