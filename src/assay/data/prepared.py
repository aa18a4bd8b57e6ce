"""What a data source hands over: its splits, and what a reader must know of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.data.collated import Collated


@dataclass(frozen=True, slots=True)
class Prepared:
    """Splits by name, and facts: JSON values, `num_ids` and `warnings` among them."""

    splits: Mapping[str, Collated]
    facts: Mapping[str, Any]  # any JSON value


def one_class_warnings(splits: Mapping[str, Collated]) -> list[str]:
    """A sentence for every split whose graphs all have one label."""
    return [
        f"split {name}: all {len(graphs)} graphs have label {graphs.y[0]}"
        for name, graphs in splits.items()
        if graphs.y.min() == graphs.y.max()
    ]
