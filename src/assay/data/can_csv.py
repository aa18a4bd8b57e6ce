"""CAN logs as CSV tables: timestamp, identifier, payload and, where known, the attack label."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from jaxtyping import Int64, UInt8

from assay.data.can_log import Log, sound_log
from assay.errors import Refused

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "timestamp": ("timestamp",),
    "id": ("arbitration_id", "arb_id"),
    "payload": ("data_field", "payload"),
}
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
MAX_DIGITS = 128  # a CAN FD frame has at most 64 bytes
NOT_HEX = 255

_NIBBLE = np.full(256, NOT_HEX, np.uint8)
for _value, _digits in enumerate(zip("0123456789abcdef", "0123456789ABCDEF", strict=True)):
    _NIBBLE[[ord(digit) for digit in _digits]] = _value


def csv_log(path: Path) -> Log:
    """The log; columns beside timestamp, id, payload and `attack` are ignored.

    Raises:
        Refused: with the line, for text that is no such table.
    """
    text = clean_text(path)
    header = _header(text, path)
    named = {part: _column(header, names, path) for part, names in COLUMNS.items()}
    wanted = [*named.values(), *(["attack"] if "attack" in header else [])]
    table = _table(text, header, wanted, path)
    line = np.arange(2, 2 + table.num_rows)
    ids, id_code = _ids(_values(table, named["id"]), path)
    attack = _attacks(_values(table, "attack"), path) if "attack" in header else None
    return sound_log(
        Log(
            path=path,
            row_word="line",
            row_number=line,
            timestamp=_seconds(_values(table, named["timestamp"]), path),
            ids=ids,
            id_code=id_code,
            payload=payload_bytes(_values(table, named["payload"]), path),
            attack=attack,
        )
    )


def clean_text(path: Path) -> bytes:
    """The file as UTF-8 with \\n line ends, without byte order mark and without empty last lines.

    Raises:
        Refused: an empty file, a NUL, a bare carriage return, or bytes that are not UTF-8.
    """
    text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").rstrip(b"\n")
    if not text:
        raise Refused(f"{path} is empty.")
    for byte, name in ((b"\0", "a NUL byte"), (b"\r", "a carriage return without a line feed")):
        if byte in text:
            raise Refused(f"{path}, line {_line_of(text, text.index(byte))}: {name}; allowed: plain text.")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line_of(text, error.start)
        raise Refused(f"{path}, line {line}: byte {text[error.start]:#04x} is not UTF-8 text.") from None
    return text


def payload_bytes(column: pa.ChunkedArray, path: Path) -> UInt8[np.ndarray, "rows 8"]:
    """The first 8 bytes of every hex payload, zeros where it is shorter.

    Raises:
        Refused: with the line, for a digit that is not hex, an odd number of digits, or over 64 bytes.
    """
    chunks, row = [], 0
    for chunk in column.chunks:
        start, text = _text_buffer(chunk)
        _refuse_payload(start, text, row, column, path)
        chunks.append(_first_bytes(start, text))
        row += len(chunk)
    return np.concatenate(chunks)


def _first_bytes(start: np.ndarray, text: np.ndarray) -> np.ndarray:
    n_digits = np.diff(start)
    padded = np.concatenate([_NIBBLE[text], np.zeros(16, np.uint8)])
    payload = np.zeros((len(n_digits), 8), np.uint8)
    for byte in range(8):
        at = start[:-1] + 2 * byte
        value = padded[at.clip(max=len(text))] << 4 | padded[at.clip(max=len(text)) + 1]
        payload[:, byte] = np.where(n_digits > 2 * byte, value, 0)
    return payload


def _refuse_payload(
    start: np.ndarray, text: np.ndarray, row: int, column: pa.ChunkedArray, path: Path
) -> None:
    n_digits = np.diff(start)
    bad = (n_digits % 2 == 1) | (n_digits > MAX_DIGITS)
    not_hex = np.flatnonzero(_NIBBLE[text] == NOT_HEX)
    bad[np.searchsorted(start, not_hex, side="right") - 1] = True
    if bad.any():
        first = row + int(np.argmax(bad))
        allowed = "an even number of hex digits, up to 128, without separators"
        _refuse_row(path, first, f"payload {column[first].as_py()[:140]!r}; allowed: {allowed}")


def _text_buffer(chunk: pa.StringArray) -> tuple[Int64[np.ndarray, " ends"], UInt8[np.ndarray, " digits"]]:
    """Where each text begins, and at last ends, in the bytes of all texts."""
    _, offsets, data = chunk.buffers()
    ends = np.frombuffer(offsets, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1].astype(np.int64)
    text = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] if data else np.zeros(0, np.uint8)
    return ends - ends[0], text


def _seconds(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    try:
        return pc.cast(column, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        row = _first_row(pc.invert(pc.match_substring_regex(column, NUMBER)))
    value = column[row].as_py()
    _refuse_row(
        path, row, f"timestamp {value[:40]!r} is not a number; allowed: seconds, as 1478198376.389427"
    )
    return None


def _ids(column: pa.ChunkedArray, path: Path) -> tuple[tuple[str, ...], np.ndarray]:
    whole = pc.dictionary_encode(column.combine_chunks())
    ids = tuple(whole.dictionary.to_pylist())
    id_code = whole.indices.to_numpy().astype(np.int64)
    if "" in ids:
        _refuse_row(path, int(np.argmax(id_code == ids.index(""))), "the identifier is empty")
    return ids, id_code


def _attacks(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    known = pc.is_in(column, pa.array(["0", "1"]))
    if not pc.all(known).as_py():
        row = _first_row(pc.invert(known))
        _refuse_row(path, row, f"attack is {column[row].as_py()[:40]!r}; allowed: 0 or 1")
    return pc.equal(column, "1").to_numpy()


def _table(text: bytes, header: Sequence[str], wanted: Sequence[str], path: Path) -> pa.Table:
    ragged: list[pa_csv.InvalidRow] = []

    def stop(row: pa_csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    try:
        table = pa_csv.read_csv(
            pa.BufferReader(text),
            pa_csv.ReadOptions(use_threads=False, column_names=header, skip_rows=1),
            pa_csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=stop),
            pa_csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())),
        )
    except pa.ArrowInvalid as error:
        raise Refused(_broken(text, header, ragged, path, error)) from None
    if table.num_rows != text.count(b"\n"):
        raise Refused(f"{path}, line {_open_quote(text)}: a quote is opened and not closed on its line.")
    return table


def _broken(
    text: bytes, header: Sequence[str], ragged: list[pa_csv.InvalidRow], path: Path, error: Exception
) -> str:
    if b"\n" not in text:
        return f"{path} holds a header and no message."
    if not ragged:
        return f"{path} is not a readable CSV table: {error}."
    row = ragged[0]
    columns = f"{row.actual_columns} columns; the header has {len(header)}: {', '.join(header)}"
    return f"{path}, line {row.number}: {columns}. A log that was cut off ends so."


def _header(text: bytes, path: Path) -> list[str]:
    first = text[: text.find(b"\n")] if b"\n" in text else text
    if len(first) > 10_000:
        raise Refused(f"{path}: the first line has {len(first)} bytes; a header is expected.")
    names = [name.strip() for name in next(csv.reader([first.decode("utf-8")]))]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise Refused(f"{path}: the column {', '.join(repeated)} occurs more than once.")
    return names


def _column(header: Sequence[str], names: Sequence[str], path: Path) -> str:
    found = [name for name in names if name in header]
    if len(found) != 1:
        got = ", ".join(found or header)[:200]
        raise Refused(f"{path} needs exactly one column {' or '.join(names)}; got: {got}.")
    return found[0]


def _values(table: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(table[name])


def _first_row(bad: pa.ChunkedArray) -> int:
    return int(np.argmax(bad.to_numpy()))


def _open_quote(text: bytes) -> int:
    odd = (number for number, line in enumerate(text.split(b"\n"), 1) if line.count(b'"') % 2)
    return next(odd, 1)


def _line_of(text: bytes, position: int) -> int:
    return text.count(b"\n", 0, position) + 1


def _refuse_row(path: Path, row: int, what: str) -> NoReturn:
    raise Refused(f"{path}, line {row + 2}: {what}.")
