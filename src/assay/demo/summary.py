"""How well the demo's checkpoints tell attacks apart, beside what counting messages alone achieves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64
from sklearn import metrics

from assay.data.can_features import NODE_FEATURES
from assay.data.collated import Collated
from assay.demo.prepared import PreparedData
from assay.errors import AssayError
from assay.files import read_json

DATA, SPLIT = "can_demo", "test"
CHECKPOINTS = {  # by the head of their column
    "teacher": "gat_teacher",
    "student": "gat_student",
    "gatv2": "gat_v2",
    "vgae": "vgae",
    "dgi": "dgi",
    "dqn": "fusion_dqn",
    "mlp": "fusion_mlp",
}
COUNTING = "counting"
ANY = "any of them"
NOTE = (
    f"AUROC on the split {SPLIT}, each attack against the benign windows. The traffic is synthetic: real message "
    f"definitions, invented signals, simulated attacks.\n{COUNTING}: no model, only the number of ids in a window "
    "or the most messages of one id, and of both, in either direction, what is best for that attack.\n"
    "vgae and dgi never see an attack in training; dqn and mlp fuse what vgae and gatv2 say."
)


@dataclass(frozen=True, slots=True)
class Score:
    """One detector against one type of attack, on the test split."""

    detector: str
    attack: str
    n: int  # attacked graphs
    auroc: float


def scores(results: Path) -> list[Score]:
    """The scores of every checkpoint, and of counting on the same graphs.

    Raises:
        AssayError: an evaluation or the data set is missing.
        Refused: one of them is damaged.
    """
    found = [score for detector, name in CHECKPOINTS.items() for score in _evaluated(results, detector, name)]
    return [*found, *_counted(PreparedData.at(results / "data" / DATA))]


def table(found: Sequence[Score]) -> str:
    """A line for each type of attack, a column for each detector; below it, what they are."""
    detectors = list(dict.fromkeys(score.detector for score in found))
    auroc = {(score.attack, score.detector): f"{score.auroc:.3f}" for score in found}
    counts = {score.attack: score.n for score in found}
    rows = [["attack", "graphs", *detectors]]
    rows += [
        [attack, str(n), *(auroc[attack, detector] for detector in detectors)] for attack, n in counts.items()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, "", NOTE])


def best_count_auroc(graphs: Collated, attacked: Bool[np.ndarray, " graphs"]) -> float:
    """The best AUROC of a detector that only counts; 0.5 or more, as its direction is chosen in hindsight.

    A window holds a fixed number of messages, so what can be counted is the ids in it, and the messages of one id.
    """
    areas = [metrics.roc_auc_score(attacked, count) for count in (_n_ids(graphs), _most_messages(graphs))]
    return float(max(max(area, 1 - area) for area in areas))


def _evaluated(results: Path, detector: str, checkpoint: str) -> Iterator[Score]:
    path = results / checkpoint / "evaluation.json"
    try:
        of_split = read_json(path)["splits"][SPLIT]
    except FileNotFoundError:
        raise AssayError(f"{path} is missing: `snakemake --profile profiles/local` makes it.") from None
    for attack, of in of_split["attack_types"].items():
        yield Score(detector, attack, of["n"], of["auroc"])
    yield Score(detector, ANY, of_split["class_counts"][1], of_split["auroc"])


def _counted(data: PreparedData) -> Iterator[Score]:
    graphs = data.split(SPLIT)
    if graphs.attack_type is None:
        raise AssayError(f"data {DATA}, split {SPLIT} does not say which attack a graph holds.")
    attacked = graphs.y > 0
    for code in np.unique(graphs.attack_type[attacked]).tolist():
        kind = attacked & (graphs.attack_type == code)
        compared = ~attacked | kind
        chosen = graphs.select(np.flatnonzero(compared))
        yield Score(
            COUNTING, data.attack_names[code], int(kind.sum()), best_count_auroc(chosen, kind[compared])
        )
    yield Score(COUNTING, ANY, int(attacked.sum()), best_count_auroc(graphs, attacked))


def _n_ids(graphs: Collated) -> Int64[np.ndarray, " graphs"]:
    return np.diff(graphs.node_ptr)


def _most_messages(graphs: Collated) -> Float64[np.ndarray, " graphs"]:
    counts = graphs.x[:, NODE_FEATURES.index("msg_count")].astype(np.float64)
    return np.maximum.reduceat(counts, graphs.node_ptr[:-1])
