"""CAN captures with attacks, all synthetic, in the published columns and folders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from assay.demo.vehicle import Frames, as_sent, drive, in_order, messages
from assay.files import publish_bytes

ROUNDS = {"train": 5, "test": 2}
BENIGN, DOS, FUZZY, GEAR, REPLAY = "normal", "dos", "fuzzy", "gear", "replay"
SECONDS = {BENIGN: 1.2, DOS: 1.2, FUZZY: 1.2, GEAR: 1.5, REPLAY: 1.5}  # of one capture
WARM_UP_S = 3.0  # driven before the first capture, to be replayed
ATTACKED = ((0.15, 0.45), (0.6, 0.9))  # shares of a capture

DOS_PERIOD_S = 2e-3
FUZZY_PERIOD_S = 1e-2
FUZZY_IDS = 0x700
ATTACKER_JITTER_S = 8e-4  # of a laptop's adapter, against 0.2 ms of a control unit
GEAR_MESSAGE, GEAR_SIGNAL, GEAR_SPOOFED = "TransGearData", "GearLvrPos_D_Actl", "Reverse"
REPLAYED_UNIT = "ABS_ESC"
REPLAYED_BEFORE_S = 2.5

Attack = Callable[[Frames, tuple[float, float], np.random.Generator], Frames]


def write_traffic(folder: Path, seed: int) -> int:
    """Writes `train_normal/`, `train_attacks/` and `test/` below `folder`; returns the number of messages.

    One drive is cut into captures, which follow each other in time and alternate between the attacks.
    """
    generator = np.random.default_rng(seed)
    per_round = sum(SECONDS.values())
    whole = drive(WARM_UP_S + per_round * sum(ROUNDS.values()), generator)
    start, n_messages = WARM_UP_S, 0
    for split, rounds in ROUNDS.items():
        for number in range(1, rounds + 1):
            for name, seconds in SECONDS.items():
                capture = _capture(whole, name, (start, start + seconds), generator)
                publish_bytes(folder / _folder(split, name) / f"{name}_{number}.csv", _csv(capture))
                start, n_messages = start + seconds, n_messages + len(capture)
    return n_messages


def dos(frames: Frames, span: tuple[float, float], generator: np.random.Generator) -> Frames:
    """A flood of id 0, which wins every arbitration."""
    times = _times(span, DOS_PERIOD_S, generator)
    return in_order([frames, as_sent(times, 0, np.zeros((len(times), 8)), attack=True)])


def fuzzy(frames: Frames, span: tuple[float, float], generator: np.random.Generator) -> Frames:
    """Random ids with random payloads."""
    times = _times(span, FUZZY_PERIOD_S, generator)
    payload = generator.integers(0, 256, (len(times), 8), dtype=np.uint8)
    injected = Frames(times, generator.integers(1, FUZZY_IDS, len(times)), payload, np.ones(len(times), bool))
    return in_order([frames, injected])


def gear(frames: Frames, span: tuple[float, float], generator: np.random.Generator) -> Frames:
    """The gearbox is silenced; frames of the attacker say "reverse" in its place, at its rate."""
    message = next(message for message in messages() if message.name == GEAR_MESSAGE)
    taken = _within(frames, span) & (frames.ids == message.frame_id)
    said = message.decode_simple(frames.payload[taken][0].tobytes())
    spoofed = np.frombuffer(message.encode({**said, GEAR_SIGNAL: GEAR_SPOOFED}), np.uint8)
    return _replaced(frames, taken, np.tile(spoofed, (taken.sum(), 1)), span, generator)


def replay(
    frames: Frames, span: tuple[float, float], generator: np.random.Generator, *, recorded: Frames
) -> Frames:
    """The brakes' control unit is silenced; what it sent some seconds before is sent in its place."""
    taken = _within(frames, span) & _of_unit(frames, REPLAYED_UNIT)
    payload = frames.payload[taken].copy()
    for number in np.unique(frames.ids[taken]):
        rows = frames.ids[taken] == number
        past = recorded.payload[
            (recorded.ids == number)
            & (recorded.time < span[0])
            & (recorded.time >= span[0] - REPLAYED_BEFORE_S)
        ]
        payload[rows] = past[: rows.sum()]
    return _replaced(frames, taken, payload, span, generator)


def _capture(whole: Frames, name: str, span: tuple[float, float], generator: np.random.Generator) -> Frames:
    frames = whole.select(_within(whole, span))
    attacks: Mapping[str, Attack] = {
        DOS: dos,
        FUZZY: fuzzy,
        GEAR: gear,
        REPLAY: lambda *arguments: replay(*arguments, recorded=whole),
    }
    if name not in attacks:
        return frames
    for first, last in ATTACKED:
        length = span[1] - span[0]
        frames = attacks[name](frames, (span[0] + first * length, span[0] + last * length), generator)
    return frames


def _replaced(
    frames: Frames,
    taken: np.ndarray,
    payload: np.ndarray,
    span: tuple[float, float],
    generator: np.random.Generator,
) -> Frames:
    """The taken frames sent by the attacker instead, whose clock is worse."""
    jitter = generator.normal(0, ATTACKER_JITTER_S, taken.sum())
    times = (frames.time[taken] + jitter).clip(*span)
    sent = Frames(times, frames.ids[taken], payload, np.ones(len(times), bool))
    return in_order([frames.select(~taken), sent])


def _times(span: tuple[float, float], period: float, generator: np.random.Generator) -> np.ndarray:
    times = np.arange(*span, period)
    return (times + generator.normal(0, ATTACKER_JITTER_S, len(times))).clip(*span)


def _within(frames: Frames, span: tuple[float, float]) -> np.ndarray:
    return (frames.time >= span[0]) & (frames.time < span[1])


def _of_unit(frames: Frames, unit: str) -> np.ndarray:
    return np.isin(frames.ids, [message.frame_id for message in messages() if unit in message.senders])


def _folder(split: str, name: str) -> str:
    if split == "test":
        return split
    return "train_normal" if name == BENIGN else "train_attacks"


def _csv(frames: Frames) -> bytes:
    rows = zip(frames.time, frames.ids, frames.payload, frames.attack, strict=True)
    lines = [
        f"{time:.6f},{number:03X},{data.tobytes().hex().upper()},{attack:d}"
        for time, number, data, attack in rows
    ]
    return "\n".join(["timestamp,arbitration_id,data_field,attack", *lines, ""]).encode()
