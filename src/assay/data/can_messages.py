"""All messages of a split in the order of time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped, UInt8

from assay.data.can_csv import csv_log
from assay.data.can_frames import frame_log
from assay.data.can_labels import attack_code, logs_of, row_labels
from assay.data.can_log import Log, short_name
from assay.errors import Refused

READERS: Mapping[str, Callable[[Path], Log]] = {
    ".csv": csv_log,
    ".log": frame_log,
    ".asc": frame_log,
    ".blf": frame_log,
}


@dataclass(frozen=True, slots=True)
class Messages:
    """The logs of a split as one table, sorted by timestamp; ties keep the order of files and rows."""

    timestamp: Float64[np.ndarray, " rows"]  # seconds
    ids: tuple[str, ...]
    id_code: Int64[np.ndarray, " rows"]  # into `ids`
    payload: UInt8[np.ndarray, "rows 8"]
    attack: Bool[np.ndarray, " rows"]
    attack_code: Int64[np.ndarray, " rows"]  # of the file that the message is from
    file: Int64[np.ndarray, " rows"]  # into `names`
    names: tuple[str, ...]  # folder/file
    row_number: Int64[np.ndarray, " rows"]  # line, or message of a binary log

    def record_ids(self, rows: Int64[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
        """`folder/file:line` of messages."""
        names = np.char.add(np.array(self.names), ":")
        return np.char.add(names[self.file[rows]], self.row_number[rows].astype(str))


def split_messages(split: str, files: Sequence[Path]) -> tuple[Messages, list[str]]:
    """The messages of all logs, and a sentence for every pair of logs whose clocks overlap.

    Raises:
        Refused: no log, a log of another format, or one that is unsound.
    """
    paths = logs_of(files)
    if not paths:
        raise Refused(f"split {split} has no log; allowed: {', '.join(READERS)}.")
    logs = [_log(path) for path in paths]
    return _merged(logs), [f"split {split}: {text}" for text in _overlaps(logs)]


def _log(path: Path) -> Log:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise Refused(f"{path} is no CAN log; allowed: {', '.join(READERS)}.")
    return reader(path)


def _merged(logs: Sequence[Log]) -> Messages:
    ids = {text: code for code, text in enumerate(dict.fromkeys(text for log in logs for text in log.ids))}
    sizes = [len(log.timestamp) for log in logs]
    timestamp = np.concatenate([log.timestamp for log in logs])
    order = np.argsort(timestamp, kind="stable")
    codes = [np.array([ids[text] for text in log.ids])[log.id_code] for log in logs]
    return Messages(
        timestamp=timestamp[order],
        ids=tuple(ids),
        id_code=np.concatenate(codes)[order],
        payload=np.concatenate([log.payload for log in logs])[order],
        attack=np.concatenate([row_labels(log) for log in logs])[order],
        attack_code=np.repeat([attack_code(log.path) for log in logs], sizes)[order],
        file=np.repeat(np.arange(len(logs)), sizes)[order],
        names=tuple(short_name(log.path) for log in logs),
        row_number=np.concatenate([log.row_number for log in logs])[order],
    )


def _overlaps(logs: Sequence[Log]) -> list[str]:
    """Each log that begins before an earlier one has ended: the sort interleaves their messages."""
    by_start = sorted(logs, key=lambda log: log.timestamp[0])
    latest, found = by_start[0], []
    for log in by_start[1:]:
        if log.timestamp[0] < latest.timestamp[-1]:
            pair = f"{short_name(log.path)} and {short_name(latest.path)}"
            found.append(f"the clocks of {pair} overlap; their messages are interleaved by time")
        latest = max(latest, log, key=lambda log: log.timestamp[-1])
    return found
