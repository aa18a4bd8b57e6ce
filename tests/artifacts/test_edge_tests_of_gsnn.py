"""Edge tests of the reference network itself: the published scores in any batches, and a network left as it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from artifacts.edges import edge_tests, published_table
from artifacts.traces import RowData, RowSamples
from families.gsnn.examples import REFERENCE, random_subject, reference_checkpoint

from assay.artifacts import edge_recovery, edge_scores
from assay.artifacts import edge_tests as edge_tests_row
from assay.catalog import ARTIFACTS
from assay.errors import AssayError
from assay.families import gsnn
from assay.protocols import TableBatch


@dataclass(frozen=True)
class TableSamplesOf(RowSamples):
    x: np.ndarray | None = None
    y: np.ndarray | None = None

    def batches(self, size: int) -> Iterator[TableBatch]:
        x, y = torch.tensor(self.x), torch.tensor(self.y)
        for start in range(0, len(x), size):
            yield TableBatch(x[start : start + size], y[start : start + size])


@dataclass(frozen=True)
class TableOf(RowData):
    x: np.ndarray | None = None
    y: np.ndarray | None = None

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> TableSamplesOf:
        return TableSamplesOf(split, np.arange(self.n), x=self.x, y=self.y)


def reference_table() -> TableOf:
    held = np.load(REFERENCE / "trace.npz")
    return TableOf(100, x=held["x"], y=held["y"])


def random_table(n: int = 40) -> TableOf:
    draw = np.random.default_rng(0)
    x, y = (draw.standard_normal((n, width)).astype(np.float32) for width in (4, 3))
    return TableOf(n, x=x, y=y)


@pytest.mark.parametrize("size", [1, 7, 32, 100, 500])
@pytest.mark.parametrize(("reduction", "score"), [("l1", "corr"), ("l2", "partial")])
def test_the_published_scores_are_those_of_the_network_in_batches_of_any_size(size, reduction, score):
    published = published_table(f"bs100_{reduction}_pre_{score}")
    subject = gsnn.load(*reference_checkpoint())
    found = edge_tests(subject, reference_table(), reduction=reduction, score=score, batch_size=size)
    assert found.src.rows().tolist() == published["src_func"].tolist()
    assert found.dst.rows().tolist() == published["dst_func"].tolist()
    assert found.has_edge.tolist() == (published["has_edge"] == "True").tolist()
    np.testing.assert_allclose(found.corr, published["corr"], atol=5e-5)


@contextmanager
def left_as_it_was(network: torch.nn.Module):
    """Parameters, buffers, gradients, flags, mode and hooks."""
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    flags = [parameter.requires_grad for parameter in network.parameters()]
    modes = [module.training for module in network.modules()]
    yield
    assert [module.training for module in network.modules()] == modes
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for parameter, flag in zip(network.parameters(), flags, strict=True):
        assert torch.equal(parameter.grad, torch.full_like(parameter, 0.5))
        assert parameter.requires_grad is flag
    assert not any(
        hooks for module in network.modules() for hooks in (module._forward_hooks, module._backward_hooks)
    )


ARTIFACTS_OF_EDGES = {
    "edge_scores": edge_scores,
    "edge_tests": edge_tests_row,
    "edge_recovery": edge_recovery,
}


@pytest.mark.filterwarnings("ignore::assay.errors.ResultWarning")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("artifact", ARTIFACTS_OF_EDGES)
def test_parameters_gradients_mode_and_hooks_are_as_before(artifact, training):
    subject = random_subject(0, norm="batch", dropout=0.3)
    options = {name: option.default for name, option in ARTIFACTS[artifact].options.items()}
    options |= {"positives": "existing"} if artifact == "edge_recovery" else {}
    with left_as_it_was(subject.network.train(training)):
        ARTIFACTS_OF_EDGES[artifact].compute(subject, random_table(), **options)
        with pytest.raises(AssayError, match="criterion 'l0' is unknown"):
            ARTIFACTS_OF_EDGES[artifact].compute(subject, random_table(), **options | {"criterion": "l0"})


def test_a_second_call_gives_the_same_table():
    subject = random_subject(0, norm="batch", dropout=0.3)
    first = edge_tests(subject, random_table())
    np.testing.assert_array_equal(first.corr, edge_tests(subject, random_table()).corr)


@pytest.mark.parametrize("criterion", ["mae", "huber"])
def test_the_criterion_decides_the_gradients(criterion):
    subject = random_subject(0)
    by_squares = edge_tests(subject, random_table())
    assert not np.array_equal(edge_tests(subject, random_table(), criterion=criterion).corr, by_squares.corr)


def test_an_unknown_criterion_one_block_and_layer_norms_before_the_record_are_refused():
    with pytest.raises(AssayError, match="criterion 'l0' is unknown; allowed: mse"):
        edge_tests(random_subject(0), random_table(), criterion="l0")
    with pytest.raises(AssayError, match="layers is 1"):
        edge_tests(random_subject(0, layers=1), random_table())
    with pytest.raises(AssayError, match="norm layer"):
        edge_tests(random_subject(0), random_table(), use_pre_norm=False)
    assert edge_tests(random_subject(0, norm="batch"), random_table(), use_pre_norm=False).m > 0
