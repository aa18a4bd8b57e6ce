"""How well the demo's checkpoints tell attacks apart, beside what counting messages alone achieves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64
from sklearn import metrics

from assay.data.can_features import NODE_FEATURES
from assay.data.collated import Collated
from assay.demo.prepared import PreparedData
from assay.files import read_json

SPLIT = "test"
COUNTING = "counting"


@dataclass(frozen=True, slots=True)
class Score:
    """One detector against one type of attack, on the test split."""

    detector: str
    attack: str
    n: int  # attacked graphs
    auroc: float


def scores(results: Path) -> list[Score]:
    """The scores of every checkpoint that has an evaluation, and of counting on the same data."""
    found: list[Score] = []
    names: list[str] = []
    for path in sorted(results.glob("*/evaluation.json")):
        evaluation = read_json(path)
        names.append(evaluation["data"])
        types = evaluation["splits"][SPLIT]["attack_types"]
        found += [Score(path.parent.name, name, of["n"], of["auroc"]) for name, of in types.items()]
    for name in sorted(set(names)):
        found += _counting(PreparedData.at(results / "data" / name))
    return found


def table(found: Sequence[Score]) -> str:
    """A line for each type of attack, a column for each detector."""
    detectors = list(dict.fromkeys(score.detector for score in found))
    auroc = {(score.attack, score.detector): f"{score.auroc:.3f}" for score in found}
    counts = {score.attack: score.n for score in found}
    rows = [["attack", "graphs", *detectors]]
    rows += [
        [attack, str(n), *(auroc.get((attack, detector), "-") for detector in detectors)]
        for attack, n in counts.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    note = (
        f"AUROC on {SPLIT}, synthetic traffic. {COUNTING}: the better, for each attack, of the number of ids in a "
        "window and the most messages of one id, in the better direction."
    )
    return "\n".join([*lines, note])


def best_count_auroc(graphs: Collated, attacked: np.ndarray) -> float:
    """The best AUROC of a detector that only counts; 0.5 or more, as its direction is chosen in hindsight.

    A window holds a fixed number of messages, so what can be counted is the ids in it, and the messages of one id.
    """
    areas = [metrics.roc_auc_score(attacked, count) for count in (_n_ids(graphs), _most_messages(graphs))]
    return float(max(max(area, 1 - area) for area in areas))


def _counting(data: PreparedData) -> Iterator[Score]:
    graphs = data.split(SPLIT)
    if graphs.attack_type is None:
        return
    attacked = graphs.y > 0
    for code in np.unique(graphs.attack_type[attacked]).tolist():
        kind = attacked & (graphs.attack_type == code)
        compared = ~attacked | kind
        chosen = graphs.select(np.flatnonzero(compared))
        name = data.attack_names[code] if code else "unnamed"
        yield Score(COUNTING, name, int(kind.sum()), best_count_auroc(chosen, kind[compared]))


def _n_ids(graphs: Collated) -> Int64[np.ndarray, " graphs"]:
    return np.diff(graphs.node_ptr)


def _most_messages(graphs: Collated) -> Float64[np.ndarray, " graphs"]:
    counts = graphs.x[:, NODE_FEATURES.index("msg_count")].astype(np.float64)
    return np.maximum.reduceat(counts, graphs.node_ptr[:-1])
