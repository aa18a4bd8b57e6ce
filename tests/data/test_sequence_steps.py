"""Graphs that are sequences of windows keep the step of each node on their way to a batch."""

from dataclasses import replace

import numpy as np
import pytest
from data.random_graphs import random_graphs

from assay.data import graphs as source
from assay.data.collated import Collated
from assay.errors import Refused


def sequences() -> Collated:
    graphs = random_graphs()
    return replace(graphs, node_sequence_step=np.random.default_rng(0).integers(0, 4, len(graphs.x)))


def test_selected_graphs_keep_their_steps():
    graphs, index = sequences(), np.array([11, 4, 4, 0])
    expected = [graphs.node_sequence_step[graphs.node_ptr[g] : graphs.node_ptr[g + 1]] for g in index]
    batch = graphs.select(index).batch()
    assert batch.node_sequence_step.tolist() == np.concatenate(expected).tolist()


def test_graphs_without_steps_give_batches_without():
    assert random_graphs().select(np.array([1, 2])).batch().node_sequence_step is None
    assert "node_sequence_step" not in random_graphs().arrays()


def test_steps_are_read_from_a_file(tmp_path):
    np.savez(tmp_path / "a.npz", **sequences().arrays())
    prepared = source.prepare({"val": (tmp_path / "a.npz",)})
    expected = sequences().node_sequence_step
    np.testing.assert_array_equal(prepared.splits["val"].node_sequence_step, expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda step: step - 9, "node_sequence_step holds -"),
        (lambda step: step.astype(np.float32), "node_sequence_step is float32; allowed: int64"),
        (lambda step: step[1:], "node_sequence_step has shape"),
    ],
    ids=["negative", "float", "short"],
)
def test_unsound_steps_are_refused(change, said):
    arrays = sequences().arrays()
    arrays["node_sequence_step"] = change(arrays["node_sequence_step"])
    with pytest.raises(Refused, match=said):
        Collated.from_arrays(arrays)
