"""Records of `assay.record`: info.json beside configs.json, results.json and model.pt."""

from pathlib import Path
from typing import Any

from assay.discover.documents import flat, number
from assay.discover.runs import Point, Run
from assay.discover.walking import Folder
from assay.errors import Refused
from assay.record.documents import FILES, INFO, PROVENANCE
from assay.record.reading import load_record

MAX_BYTES = 64 * 2**20


def is_record(folder: Folder) -> bool:
    """Whether the folder holds a record, whole or half."""
    return len({INFO, FILES["configs"], FILES["results"]} & folder.files) >= 2


def read(folder: Folder) -> tuple[Run, Path]:
    """The run of a record, and its model.

    Raises:
        Refused: half a record, one whose files are not those that were written, or one without a model.
    """
    try:
        for name in {INFO, PROVENANCE, FILES["configs"], FILES["results"]} & folder.files:
            if (folder.path / name).stat().st_size > MAX_BYTES:
                raise Refused(f"{name} has more than {MAX_BYTES:,} bytes")
        record = load_record(folder.path)
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})") from None
    if "model_checkpoint" not in record.files:
        raise Refused("is a record without a model")
    config = {**flat(record.configs), **flat({"dataset": record.info["dataset"]})}
    run = Run("record", folder.path, str(record.info["run_id"]), config, _history(record.results))
    return run, record.files["model_checkpoint"]


def _history(results: Any) -> dict[str, list[Point]]:
    metrics = {**results.get("metrics", {})}
    return {name: [Point(value)] for name, text in metrics.items() if (value := number(text)) is not None}
