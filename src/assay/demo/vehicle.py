"""Synthetic CAN traffic of one car: real message definitions and cycle times, invented signals."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from math import ceil, floor

import numpy as np
from cantools.database.can import Database, Message, Signal
from jaxtyping import Bool, Float64, Int64, UInt8

DEFINITIONS = "ford_lincoln_base_pt.dbc"
UNITS = frozenset({"PCM", "TCM_DSL", "ABS_ESC"})  # engine, gearbox and brakes
SLOWEST_MS = 100
CLOCK_JITTER_S = 2e-4  # of a control unit
NOISE = 0.002  # of a signal's range
GRID_HZ = 20
STATE_BITS = 4  # a signal of so many bits or fewer is a flag or names a state
STATE_S = 20.0  # mean time that a state holds
LEVER, DRIVE = "GearLvrPos_D_Actl", 3  # the gear lever, and where it stays


@dataclass(frozen=True, slots=True)
class Frames:
    """CAN messages in the order of time."""

    time: Float64[np.ndarray, " n"]  # seconds
    ids: Int64[np.ndarray, " n"]
    payload: UInt8[np.ndarray, "n 8"]
    attack: Bool[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.time)

    def select(self, rows: np.ndarray) -> "Frames":
        """The frames that an index or a mask names, in its order."""
        return Frames(*(getattr(self, field.name)[rows] for field in fields(self)))


@cache
def messages() -> tuple[Message, ...]:
    """The messages that the car's control units send at least ten times a second, by rising id.

    Raises:
        ModuleNotFoundError: opendbc, which brings the definitions, is not installed (`pip install assay[demo]`).
    """
    database = Database(strict=False)
    database.add_dbc_string((files("opendbc") / "dbc" / DEFINITIONS).read_text("cp1252"))
    sent = [message for message in database.messages if UNITS & set(message.senders) and message.length == 8]
    frequent = [message for message in sent if 0 < (message.cycle_time or 0) <= SLOWEST_MS]
    return tuple(sorted(frequent, key=lambda message: message.frame_id))


def period_s(message: Message) -> float:
    """Seconds from one sending of the message to the next."""
    return (message.cycle_time or SLOWEST_MS) / 1000


def drive(seconds: float, generator: np.random.Generator) -> Frames:
    """What the car's control units send while it drives; no attack."""
    sent = [_sent(message, seconds, generator) for message in messages()]
    return in_order(sent)


def in_order(parts: Sequence[Frames]) -> Frames:
    """All frames as one stream; of two at the same time the lower id is first, as on the bus."""
    whole = Frames(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Frames))
    )
    return whole.select(np.lexsort((whole.ids, whole.time)))


def frames_of(number: int, times: np.ndarray, payload: np.ndarray) -> Frames:
    """Frames of one id; none is an attack."""
    n = len(times)
    return Frames(times, np.full(n, number), payload.astype(np.uint8), np.zeros(n, bool))


def _sent(message: Message, seconds: float, generator: np.random.Generator) -> Frames:
    start = generator.uniform(0, period_s(message))
    times = np.arange(start, seconds, period_s(message))
    times = (times + generator.normal(0, CLOCK_JITTER_S, len(times))).clip(min=0)
    values = {signal.name: _raw(signal, times, seconds, generator) for signal in message.signals}
    rows = zip(*(column.tolist() for column in values.values()), strict=True)
    payload = b"".join(_encoded(message, dict(zip(values, row, strict=True))) for row in rows)
    return frames_of(message.frame_id, times, np.frombuffer(payload, np.uint8).reshape(-1, 8))


def _raw(signal: Signal, times: np.ndarray, seconds: float, generator: np.random.Generator) -> np.ndarray:
    """Raw values: counters count, checksums are filled in later, states hold, all others walk."""
    if signal.name.endswith("_Cnt"):
        return np.arange(len(times)) % 2**signal.length
    if signal.name.endswith("_Cs"):
        return np.zeros(len(times), int)
    if signal.name == LEVER:
        return np.full(len(times), DRIVE)
    low, high = _limits(signal)
    if signal.length <= STATE_BITS:
        return _states(times, (low, high), seconds, generator)
    share = np.interp(times, *_walk(seconds, generator)) + generator.normal(0, NOISE, len(times))
    return np.rint(low + share.clip(0, 1) * (high - low)).astype(int)


def _limits(signal: Signal) -> tuple[int, int]:
    """The raw values that the definition allows; all that fit where it says nothing."""
    if signal.minimum is None or signal.maximum is None:
        return 0, 2**signal.length - 1
    edges = ((edge - signal.offset) / signal.scale for edge in (signal.minimum, signal.maximum))
    low, high = sorted(edges)
    return ceil(low), floor(high)


def _states(
    times: np.ndarray, limits: tuple[int, int], seconds: float, generator: np.random.Generator
) -> np.ndarray:
    """One of all states at random until the next change, whose times are a Poisson process."""
    changes = np.sort(generator.uniform(0, seconds, generator.poisson(seconds / STATE_S)))
    held = generator.integers(*limits, len(changes) + 1, endpoint=True)
    return held[np.searchsorted(changes, times)]


def _walk(seconds: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Times, and a smooth walk between 0 and 1 that turns back at both."""
    times = np.arange(0, seconds + 2 / GRID_HZ, 1 / GRID_HZ)
    pace = 10 ** generator.uniform(-3, -1.5)
    speed = np.convolve(generator.normal(0, pace, len(times)), np.ones(GRID_HZ) / GRID_HZ**0.5, "same")
    place = generator.uniform() + np.cumsum(speed)
    return times, 1 - np.abs(place % 2 - 1)


def _encoded(message: Message, values: dict[str, int]) -> bytes:
    payload = message.encode(values, scaling=False)
    checksums = [signal.name for signal in message.signals if signal.name.endswith("_Cs")]
    if not checksums:
        return payload
    return message.encode({**values, **dict.fromkeys(checksums, 255 - sum(payload) % 256)}, scaling=False)
