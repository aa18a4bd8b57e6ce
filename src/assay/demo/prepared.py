"""A prepared data set of graphs as the demo reads it: whole splits, and what data.json says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from assay.data.collated import Collated
from assay.data.draws import SplitData
from assay.errors import AssayError
from assay.files import read_json
from assay.protocols import Samples
from assay.store.formats import load_arrays


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The folder of one prepared data set."""

    folder: Path
    content: Mapping[str, Any]  # data.json, any JSON values

    @classmethod
    def at(cls, folder: Path) -> "PreparedData":
        """The data set in `folder`.

        Raises:
            AssayError: there is none.
            Refused: data.json is damaged.
        """
        try:
            return cls(folder, read_json(folder / "data.json"))
        except FileNotFoundError:
            raise AssayError(f"{folder}/data.json is missing: let snakemake make it.") from None

    def split(self, name: str) -> Collated:
        """The graphs of a split; errors as `Collated.from_arrays`, and where the file is not the one described."""
        arrays = load_arrays(self.folder / f"{name}.safetensors", self.content["splits"][name]["sha256"])
        return Collated.from_arrays(arrays, f"data {self.folder.name}, split {name}")

    def samples(self, name: str) -> Samples:
        """Every graph of a split as a subject takes them; errors as `split`."""
        data = SplitData(self.folder.name, self.split, tuple(self.content["splits"]), self.attack_names)
        return cast(Samples, data.draw(name, max_samples=None, seed=0))

    @property
    def attack_names(self) -> dict[int, str]:
        """Attack type by code."""
        return {int(code): name for code, name in self.content["facts"]["attack_names"].items()}
