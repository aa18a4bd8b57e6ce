"""Which messages of a log are an attack, and which attack its name says."""

import csv
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from assay.data.can_csv import clean_text
from assay.data.can_log import Log
from assay.errors import Refused

SIDECAR = ".attacks.csv"

# The first pattern in the name decides; the published table, in its order.
PATTERNS: Sequence[tuple[str, int]] = (
    ("normal", 0),
    ("attack_free", 0),
    ("benign", 0),
    ("dos", 1),
    ("fuzzy", 2),
    ("fuzzing", 2),
    ("force-neutral", 3),
    ("gear", 3),
    ("rpm-accessory", 12),
    ("rpm", 4),
    ("flooding", 5),
    ("malfunction", 6),
    ("double", 7),
    ("triple", 8),
    ("interval", 9),
    ("speed-accessory", 11),
    ("speed", 10),
    ("standstill", 13),
    ("systematic", 14),
    ("suppress", 15),
    ("masquerade", 16),
    ("replay", 17),  # ours, after the published ones
)
ATTACK_NAMES: Mapping[int, str] = dict(sorted((code, name) for name, code in PATTERNS)) | {
    2: "fuzzing",
    3: "gear",
    0: "benign",
}


def attack_code(path: Path) -> int:
    """The code of the first pattern that occurs in "stem parent-folder", lower-case; 0 where none does."""
    name = f"{path.stem} {path.parent.name}".lower()
    return next((code for pattern, code in PATTERNS if pattern in name), 0)


def row_labels(log: Log) -> Bool[np.ndarray, " rows"]:
    """Whether each message is part of an attack: by the log itself, or by its `<log>.attacks.csv`.

    Raises:
        Refused: labels in both places, or in none for a log whose name is an attack.
    """
    sidecar = sidecar_of(log.path)
    if log.attack is not None:
        if sidecar.exists():
            raise Refused(f"{log.path} has a column attack and {sidecar.name} beside it; keep one of them.")
        return log.attack
    if sidecar.exists():
        return _within(log.timestamp, _intervals(sidecar))
    if attack_code(log.path) > 0:
        name = ATTACK_NAMES[attack_code(log.path)]
        raise Refused(
            f"{log.path} is by its name an attack ({name}) but says nowhere which messages are; allowed: "
            f"a column attack (0 or 1), or a file {sidecar.name} beside it with columns start,end in seconds."
        )
    return np.zeros(len(log.timestamp), bool)


def logs_of(files: Sequence[Path]) -> list[Path]:
    """The files without the `.attacks.csv` among them.

    Raises:
        Refused: an `.attacks.csv` that belongs to none of the logs.
    """
    logs = [path for path in files if not path.name.endswith(SIDECAR)]
    owned = {sidecar_of(path) for path in logs}
    for path in files:
        if path.name.endswith(SIDECAR) and path not in owned:
            raise Refused(f"{path} belongs to no log; its log would be {path.name.removesuffix(SIDECAR)}.")
    return logs


def sidecar_of(path: Path) -> Path:
    """Where the attack intervals of a log without labels stand."""
    return path.with_name(path.name + SIDECAR)


def _within(time: np.ndarray, intervals: Sequence[tuple[float, float]]) -> np.ndarray:
    starts = np.sort([start for start, _ in intervals])
    ends = np.sort([end for _, end in intervals])
    return np.searchsorted(starts, time, side="right") > np.searchsorted(ends, time, side="left")


def _intervals(path: Path) -> list[tuple[float, float]]:
    rows = list(csv.reader(clean_text(path).decode("utf-8").split("\n")))
    if rows[0] != ["start", "end"]:
        raise Refused(f"{path} has columns {','.join(rows[0])[:80]}; allowed: start,end.")
    return [_interval(row, line, path) for line, row in enumerate(rows[1:], 2)]


def _interval(row: Sequence[str], line: int, path: Path) -> tuple[float, float]:
    try:
        start, end = map(float, row)
    except ValueError:
        start, end = 0.0, -1.0
    if not (isfinite(start) and isfinite(end) and start <= end):
        raise Refused(
            f"{path}, line {line}: {','.join(row)[:80]}; allowed: start,end in seconds, start <= end."
        )
    return start, end
