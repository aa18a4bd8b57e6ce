"""What was seen of each checkpoint when it was last looked at, in a file beside the manifest.

A text of JSON after its sha256: one that is damaged is no memory.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.files import compact_json, publish_bytes, sha256_bytes
from assay.provenance.status import Word

Verdict = tuple[Word, tuple[str, ...]]  # of a state: its word and its reasons


@dataclass(frozen=True, slots=True)
class Sight:
    """How the artifacts of a checkpoint stood, in the order of the table, under which seal."""

    seal: str
    watched: Sequence[str]  # where a change of its training would have shown
    verdicts: Sequence[Verdict]


def read_sights(path: Path) -> dict[str, Sight]:
    """The sights by checkpoint; none where the file is not there, or is damaged."""
    content = read_sealed(path)
    verdicts = [(word, tuple(reasons)) for word, reasons in content.get("verdicts", ())]
    return {
        checkpoint: Sight(seal, watched, [verdicts[number] for number in numbers])
        for checkpoint, (seal, watched, numbers) in content.get("sights", {}).items()
    }


def write_sights(path: Path, sights: Mapping[str, Sight]) -> None:
    """Remember the sights; nothing where the results are read-only."""
    numbers: dict[Verdict, int] = {}
    rows = {
        checkpoint: [
            sight.seal,
            list(sight.watched),
            [numbers.setdefault(verdict, len(numbers)) for verdict in sight.verdicts],
        ]
        for checkpoint, sight in sights.items()
    }
    write_sealed(path, {"verdicts": list(numbers), "sights": rows})


def read_sealed(path: Path) -> dict[str, Any]:
    """The JSON object behind its sha256 in a file; empty where there is none, or it is damaged."""
    try:
        sha256, _, text = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    return json.loads(text) if sha256_bytes(text).encode() == sha256 else {}


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Put an object behind its sha256, which `read_sealed` reads; nothing where the results are read-only."""
    text = compact_json(content).encode()
    with suppress(OSError):
        publish_bytes(path, sha256_bytes(text).encode() + b"\n" + text)
