"""CAN logs of capture tools, through python-can: candump .log, Vector .asc and .blf."""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import can
import numpy as np

from assay.data.can_log import Log, sound_log
from assay.errors import Refused

CANDUMP_ERROR = re.compile(r"\s[2367A-Fa-f][0-9A-Fa-f]{7}#")  # bit 29 of the id marks an error frame


def frame_log(path: Path) -> Log:
    """The log without its error frames; a remote frame has no payload.

    Identifiers are upper-case hex, 3 digits for a standard and 8 for an extended frame.

    Raises:
        Refused: with the line or message, where the file cannot be read to its end as what its
            suffix says.
    """
    return _READERS[path.suffix.lower()](path)


def _candump(path: Path) -> Log:
    lines = _Lines(path, "utf-8")
    reader = can.CanutilsLogReader(lines)
    return _log(path, "line", lines, reader, lambda message: bool(CANDUMP_ERROR.search(lines.line)))


def _asc(path: Path) -> Log:
    lines = _Lines(path, "latin-1")  # dates and comments are in the code page of the recording machine
    reader = can.ASCReader(lines)
    log = _log(path, "line", lines, reader, lambda message: message.is_error_frame)
    if reader.timestamps_format == "relative":
        raise Refused(f"{path} has relative timestamps; allowed: `base hex timestamps absolute`.")
    return log


def _blf(path: Path) -> Log:
    count = _Count()
    with path.open("rb") as stream:
        try:
            reader = can.BLFReader(stream)
        except Exception as error:  # struct errors, dates out of range: no readable header
            raise Refused(f"{path} is not a BLF file: {error!r}.") from error
        if path.stat().st_size < reader.file_size:
            size = f"{path.stat().st_size} of {reader.file_size} bytes"
            raise Refused(f"{path} was cut off: it has {size}.")
        return _log(path, "message", count, count.counted(reader), lambda message: message.is_error_frame)


_READERS: Mapping[str, Callable[[Path], Log]] = {".log": _candump, ".asc": _asc, ".blf": _blf}


class _Lines(io.StringIO):
    """A text file that knows the number of the line it gave last."""

    def __init__(self, path: Path, encoding: str):
        content = path.read_bytes()
        if b"\0" in content:
            line = content.count(b"\n", 0, content.index(b"\0")) + 1
            raise Refused(f"{path}, line {line}: a NUL byte; allowed: plain text.")
        try:
            super().__init__(content.decode(encoding).removeprefix("\ufeff"), newline=None)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise Refused(
                f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8 text."
            ) from None
        self.number = 0
        self.line = ""

    def __next__(self) -> str:  # type: ignore[override]  # typeshed gives every stream the bytes of _IOBase
        self.line = super().__next__()
        self.number += 1
        return self.line


class _Count:
    """The number of the message that was given last."""

    number = 0

    def counted(self, messages: Iterable[can.Message]) -> Iterator[can.Message]:
        for message in messages:
            self.number += 1
            yield message


def _log(
    path: Path,
    row_word: str,
    place: _Lines | _Count,
    messages: Iterable[can.Message],
    is_error: Callable[[can.Message], bool],
) -> Log:
    numbers, times, codes, payloads = [], [], [], bytearray()
    ids: dict[tuple[int, bool], int] = {}
    try:
        for message in messages:
            if is_error(message):
                continue
            numbers.append(place.number)
            times.append(message.timestamp)
            codes.append(ids.setdefault((message.arbitration_id, message.is_extended_id), len(ids)))
            payloads += _payload(message)
    except Exception as error:  # python-can raises whatever its parsing met
        at = f"{row_word} {place.number if row_word == 'line' else place.number + 1}"
        raise Refused(f"{path}, {at}: no CAN frame as {path.suffix} has it: {error}.") from error
    return sound_log(
        Log(
            path=path,
            row_word=row_word,
            row_number=np.array(numbers, np.int64),
            timestamp=np.array(times, np.float64),
            ids=tuple(f"{number:0{8 if extended else 3}X}" for number, extended in ids),
            id_code=np.array(codes, np.int64),
            payload=np.frombuffer(bytes(payloads), np.uint8).reshape(-1, 8),
            attack=None,
        )
    )


def _payload(message: can.Message) -> bytes:
    if message.is_remote_frame:
        return bytes(8)
    if not min(message.dlc, 8) <= len(message.data) <= message.dlc:
        raise ValueError(f"{len(message.data)} bytes of data where its length is {message.dlc}")
    return bytes(message.data[:8]).ljust(8, b"\0")
