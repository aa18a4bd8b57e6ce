"""A run: the folder of one training, what its config says, and how its metrics went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assay.discover.documents import Plain
from assay.discover.walking import Skipped, shown
from assay.errors import Refused


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a metric at an epoch and a step; -1 where one is not known."""

    value: float
    epoch: int = -1
    step: int = -1


@dataclass(slots=True)
class Run:
    """What lies beside checkpoints.

    Attributes:
        layout: the layout that it is in.
        folder: that of the run.
        name: what the run calls itself; empty where it does not.
        config: plain values by dotted key.
        history: metric -> its values.
        best: the name of the checkpoint that the run itself calls its best; empty where it calls none so.
        refused: why its checkpoints give no rows; empty where they do.
        skipped: files that could not be read, and why.
    """

    layout: str
    folder: Path
    name: str = ""
    config: dict[str, Plain] = field(default_factory=dict)
    history: dict[str, list[Point]] = field(default_factory=dict)
    best: str = ""
    refused: str = ""
    skipped: list[Skipped] = field(default_factory=list)

    def lie_in(self, around: "Run") -> None:
        """Take over the name of the run around this one, and what it says and this one does not."""
        self.name = around.name or self.name
        self.config = {**around.config, **self.config}
        self.history = {**around.history, **self.history}
        self.refused = self.refused or around.refused
        self.skipped += around.skipped

    def left_out(self, path: Path, refusal: Refused) -> None:
        """Note a file beside checkpoints that was not read."""
        self.skipped.append(Skipped(shown(path), str(refusal)))


def first_text(config: Mapping[str, Plain], keys: Sequence[str]) -> str:
    """The first of the keys that is set to text."""
    values = (config.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value.strip()), "")
