import numpy as np
import pytest

from assay.data.can_features import NODE_FEATURES
from assay.data.collated import Collated, pointer
from assay.demo.summary import best_count_auroc, scores, table
from assay.errors import AssayError
from assay.files import publish_json
from assay.store.formats import save_arrays

AUROC = {
    "gat_student": 0.5,
    "gat_teacher": 0.75,
    "gat_v2": 0.875,
    "vgae": 0.625,
    "dgi": 0.25,
    "fusion_dqn": 0.125,
    "fusion_mlp": 0.375,
}


def graphs(n_ids: list[int], most: list[float], attack_type: list[int]) -> Collated:
    """Graphs of so many ids, of which the last has the most messages."""
    n_nodes = sum(n_ids)
    x = np.zeros((n_nodes, len(NODE_FEATURES)), np.float32)
    x[pointer(np.array(n_ids))[1:] - 1, NODE_FEATURES.index("msg_count")] = most
    edges = np.zeros((2, len(n_ids)), np.int64)
    return Collated(
        x=x,
        edge_index=edges,
        edge_attr=np.zeros((len(n_ids), 11), np.float32),
        node_id=np.zeros(n_nodes, np.int64),
        y=(np.array(attack_type) > 0).astype(np.int64),
        node_ptr=pointer(np.array(n_ids)),
        edge_ptr=pointer(np.ones(len(n_ids), np.int64)),
        attack_type=np.array(attack_type),
    )


def test_counting_takes_the_better_count_in_the_better_direction():
    attacked = np.array([False, False, True, True])
    assert best_count_auroc(graphs([3, 4, 1, 2], [1, 1, 1, 1], [0, 0, 1, 1]), attacked) == 1.0
    assert best_count_auroc(graphs([2, 2, 2, 2], [1, 2, 3, 4], [0, 0, 1, 1]), attacked) == 1.0
    assert best_count_auroc(graphs([2, 2, 2, 2], [1, 2, 1, 2], [0, 0, 1, 1]), attacked) == 0.5


@pytest.fixture
def results(tmp_path):
    split = graphs([3, 4, 1, 2], [1, 2, 1, 2], [0, 0, 1, 3])
    folder = tmp_path / "data" / "can_demo"
    about = {"test": save_arrays(split.arrays(), folder / "test.safetensors")}
    names = {"attack_names": {"0": "benign", "1": "dos", "3": "gear"}}
    publish_json(folder / "data.json", {"splits": about, "facts": names})
    for checkpoint, auroc in AUROC.items():
        kinds = {name: {"n": 1, "auroc": auroc} for name in ("dos", "gear")}
        of_test = {"attack_types": kinds, "auroc": auroc, "class_counts": [2, 2]}
        publish_json(tmp_path / checkpoint / "evaluation.json", {"splits": {"test": of_test}})
    return tmp_path


def test_checkpoints_stand_beside_counting_on_the_same_windows(results):
    found = {(score.detector, score.attack): (score.n, score.auroc) for score in scores(results)}
    columns = {"teacher": "gat_teacher", "student": "gat_student", "gatv2": "gat_v2"}
    columns |= {"vgae": "vgae", "dgi": "dgi", "dqn": "fusion_dqn", "mlp": "fusion_mlp"}
    expected = {detector: AUROC[checkpoint] for detector, checkpoint in columns.items()} | {"counting": 1.0}
    kinds = {"dos": 1, "gear": 1, "any of them": 2}
    assert found == {
        (detector, kind): (n, auroc) for detector, auroc in expected.items() for kind, n in kinds.items()
    }


def test_the_table_has_a_line_an_attack_and_a_column_a_detector(results):
    lines = table(scores(results)).splitlines()
    heads = ["teacher", "student", "gatv2", "vgae", "dgi", "dqn", "mlp", "counting"]
    values = ["0.750", "0.500", "0.875", "0.625", "0.250", "0.125", "0.375", "1.000"]
    assert lines[0].split() == ["attack", "graphs", *heads]
    assert lines[1].split() == ["dos", "1", *values]
    assert lines[3].split() == ["any", "of", "them", "2", *values]
    assert max(map(len, lines[:4])) < 100


def test_the_table_says_what_counting_is_and_that_the_traffic_is_synthetic(results):
    note = table(scores(results)).split("\n\n")[1]
    assert "The traffic is synthetic" in note
    assert "counting: no model" in note


@pytest.mark.parametrize(
    "file", ["gat_teacher/evaluation.json", "gat_student/evaluation.json", "data/can_demo/data.json"]
)
def test_a_missing_result_is_named(results, file):
    (results / file).unlink()
    with pytest.raises(AssayError, match=f"{file} is missing"):
        scores(results)
