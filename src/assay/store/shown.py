"""An artifact as lines of text for a terminal."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from assay.store.artifacts import load_artifact, record_of


def shown(path: Path) -> Iterator[str]:
    """What an artifact holds, and what its record says it was made of."""
    result = load_artifact(path)
    yield f"{path}: {type(result).__name__}"
    for name, value in asdict(result).items():
        yield f"  {name}: {_value(value)}"
    record = record_of(path)
    if not record:
        yield "  no record beside it"
        return
    by = f"assay {record['versions']['assay']}"
    yield f"made {record['started']} in {record['seconds']} s on {record['device']} by {by}"
    yield f"  options: {json.dumps(record['options'])}"
    for role, source in record["inputs"].items():
        yield f"  {role}: {source['path']} sha256 {source['sha256'][:12]}"
    yield from (f"  warning: {text}" for text in record["warnings"])


def _value(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return json.dumps(value, indent=2, default=str) if isinstance(value, dict | list) else str(value)
