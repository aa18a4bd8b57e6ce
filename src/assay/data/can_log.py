"""A CAN log as a table: one row a message, in the order of the file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from assay.errors import Refused


@dataclass(frozen=True, slots=True)
class Log:
    """One raw log. Identifiers are text: "02B0" and "1E5" are no numbers."""

    path: Path
    row_word: str  # what `row_number` counts: "line" or "message"
    row_number: Int64[np.ndarray, " rows"]
    timestamp: Float64[np.ndarray, " rows"]  # seconds, ascending
    ids: tuple[str, ...]
    id_code: Int64[np.ndarray, " rows"]  # into `ids`
    payload: UInt8[np.ndarray, "rows 8"]  # the first 8 bytes, zeros where the message is shorter
    attack: Bool[np.ndarray, " rows"] | None  # None: the log has no labels

    def refuse(self, bad: Bool[np.ndarray, " rows"], what: str) -> None:
        """Raises Refused for the first bad row, if there is one."""
        if bad.any():
            row = int(np.argmax(bad))
            raise Refused(f"{self.path}, {self.row_word} {self.row_number[row]}: {what}.")


def sound_log(log: Log) -> Log:
    """The log itself, once its clock is known to be finite and never to go back.

    Raises:
        Refused: no message, or a timestamp that is not finite or smaller than the one before.
    """
    if len(log.timestamp) == 0:
        raise Refused(f"{log.path} holds no message.")
    log.refuse(~np.isfinite(log.timestamp), "the timestamp is not finite; allowed: seconds")
    back = np.concatenate([[False], np.diff(log.timestamp) < 0])
    log.refuse(back, "the timestamp is smaller than the one before; a log's clock must not go back")
    return log


def short_name(path: Path) -> str:
    """`folder/file` of the log, as record ids have it."""
    name = f"{path.parent.name}/{path.name}"
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
