"""Feature scaling, fitted on benign training graphs only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from assay.data.can_features import EDGE_FEATURES, NODE_FEATURES
from assay.data.collated import Collated
from assay.errors import AssayError, Refused

Values = Float32[np.ndarray, "rows columns"]
Column = Float64[np.ndarray, " columns"]


@dataclass(frozen=True, slots=True)
class ColumnScale:
    """(value - center) / scale for each column; scale is 1 in the columns that have no spread."""

    center: Column
    scale: Column
    flat: Bool[np.ndarray, " columns"]  # no spread in benign data: only centred

    def __call__(self, values: Values) -> Values:
        """The scaled values."""
        return ((values - self.center) / self.scale).astype(np.float32)

    def facts(self, names: Sequence[str]) -> dict[str, list]:
        """Numbers by column, and the names of the columns that are only centred."""
        flat = [name for name, is_flat in zip(names, self.flat, strict=True) if is_flat]
        return {"center": self.center.tolist(), "scale": self.scale.tolist(), "only_centred": flat}


@dataclass(frozen=True, slots=True)
class Scaler:
    """A scaling of node and of edge features."""

    kind: str
    x: ColumnScale
    edge_attr: ColumnScale

    def __call__(self, graphs: Collated) -> Collated:
        """The graphs with scaled features."""
        return replace(graphs, x=self.x(graphs.x), edge_attr=self.edge_attr(graphs.edge_attr))

    def facts(self) -> dict[str, object]:
        """Kind and numbers, as JSON values."""
        return {
            "kind": self.kind,
            "x": self.x.facts(NODE_FEATURES),
            "edge_attr": self.edge_attr.facts(EDGE_FEATURES),
        }


def fitted_scaler(kind: str, train: Collated) -> Scaler:
    """The scaler of this kind: z_benign, robust_benign or none; all but none fitted on label 0 of `train`.

    Raises:
        Refused: no benign training graph.
        AssayError: an unknown kind.
    """
    if kind not in _FITS:
        raise AssayError(f"scaler {kind!r} is unknown; allowed: {', '.join(_FITS)}.")
    fit = _FITS[kind]
    benign = train if kind == "none" else train.select(np.flatnonzero(train.y == 0))
    if len(benign) == 0:
        raise Refused(
            f"split train: all {len(train)} graphs are attacks, so scaler {kind} has nothing to be fitted on; "
            "allowed: at least 1 benign training graph, or scaler none."
        )
    return Scaler(kind, fit(benign.x), fit(benign.edge_attr))


def _standard(values: Values) -> ColumnScale:
    """Mean and population standard deviation; flat where smallest and largest value are equal."""
    flat = values.max(axis=0) == values.min(axis=0)
    center = np.where(flat, values[0].astype(np.float64), values.mean(axis=0, dtype=np.float64))
    return ColumnScale(center, np.where(flat, 1.0, values.std(axis=0, dtype=np.float64)), flat)


def _robust(values: Values) -> ColumnScale:
    """Median and interquartile range, linear between order statistics; flat where the range is 0."""
    low, center, high = np.quantile(values.astype(np.float64), (0.25, 0.5, 0.75), axis=0)
    flat = high == low
    return ColumnScale(center, np.where(flat, 1.0, high - low), flat)


def _identity(values: Values) -> ColumnScale:
    n = values.shape[1]
    return ColumnScale(np.zeros(n), np.ones(n), np.zeros(n, bool))


_FITS: Mapping[str, Callable[[Values], ColumnScale]] = {
    "z_benign": _standard,
    "robust_benign": _robust,
    "none": _identity,
}
