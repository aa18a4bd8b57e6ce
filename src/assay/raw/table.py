"""Tables of the user, Parquet or CSV, as one array a column."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from assay.errors import Refused

SUFFIXES = (".parquet", ".csv")


def read_columns(
    path: Path,
    refuse_names: Callable[[Sequence[str], str], None],
    *,
    text: Collection[str],
    most_rows: int | None = None,
) -> dict[str, np.ndarray]:
    """The columns by name: those named in `text` as text, all others as float64, NaN where a cell is empty.

    `refuse_names` sees the names, and the path, before any cell is looked at.

    Raises:
        Refused: the file is damaged or has more rows than `most_rows`, a name occurs twice, a cell of a text
            column is empty, or another column holds no numbers.
    """
    try:
        table = _parquet(path, most_rows) if path.suffix.lower() == ".parquet" else _csv(path, text)
    except (pa.ArrowException, OSError) as error:
        raise Refused(f"{path} is no readable table: {error}.") from None
    names = table.column_names
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        raise Refused(f"{path} has more than one column of the name {', '.join(repeated[:5])}.")
    refuse_names(names, str(path))
    return {
        name: _text(table[name], f"{path}: column {name}")
        if name in text
        else _numbers(table[name], f"{path}: column {name}")
        for name in names
    }


def _parquet(path: Path, most_rows: int | None) -> pa.Table:
    with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
        if most_rows is not None and file.metadata.num_rows > most_rows:
            raise Refused(f"{path} has {file.metadata.num_rows:,} rows; allowed: {most_rows:,}.")
        return file.read()


def _csv(path: Path, text: Collection[str]) -> pa.Table:
    convert = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(text, pa.string()), strings_can_be_null=False
    )
    return pyarrow.csv.read_csv(path, convert_options=convert)


def _text(column: pa.ChunkedArray, where: str) -> np.ndarray:
    try:
        cells = column.cast(pa.string()).to_pylist()
    except pa.ArrowException:
        raise Refused(f"{where} is {column.type}; allowed: text.") from None
    if not all(cells):
        row = next(i for i, cell in enumerate(cells) if not cell)
        raise Refused(f"{where} is empty in row {row}; allowed: text.")
    return np.array(cells, dtype=np.str_)


def _numbers(column: pa.ChunkedArray, where: str) -> np.ndarray:
    kind: Any = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise Refused(f"{where} is {kind}; allowed: numbers.")
    return column.cast(pa.float64()).to_numpy()
