"""The landscape of losses that are known in closed form, of the published student, and of what goes wrong."""

import warnings

import numpy as np
import pytest
import torch
from artifacts.tiny import TinyData, TinySamples, random_split
from families.checkpoints import random_gat, reference_student
from families.graphs import REFERENCE, reference_graphs

from assay.artifacts.landscape import compute
from assay.errors import AssayError, ResultWarning
from assay.families import gat
from assay.numerics.directions import filter_normalised

OPTIONS = {
    "resolution": 5,
    "scale": 1.0,
    "split": "val",
    "max_graphs": 500,
    "ignore": "none",
    "compat": "none",
    "seed": 42,
}


class Whole:
    """Parts that are never kept; notes which were asked for."""

    def __init__(self):
        self.asked = []

    def gather(self, n, part):
        self.asked.append(n)
        return [part(i) for i in range(n)]


class Bowl:
    """A loss that is the squared distance from a point, plus one draw of its generator."""

    family = "bowl"

    def __init__(self, noise: float = 0.0):
        draw = torch.Generator().manual_seed(0)
        self.weights = {"w": torch.randn(3, 2, generator=draw), "b": torch.randn(3, generator=draw)}
        self.noise = noise

    def to(self, device):
        return self

    def parameters(self):
        return self.weights

    def objective(self, samples, *, seed):
        offset = self.noise * float(torch.randn((), generator=torch.Generator().manual_seed(seed)))
        return lambda values: float(sum((v.double() ** 2).sum() for v in values)) + offset


def data(n: int = 6) -> TinyData:
    return TinyData({"val": random_split("val", n)})


def landscape(subject, held=None, parts=None, **changes):
    return compute(subject, held or data(), parts or Whole(), **{**OPTIONS, **changes})


def test_every_loss_is_that_of_the_parameters_moved_along_both_directions():
    bowl, found = Bowl(), landscape(Bowl())
    d1, d2 = (filter_normalised(list(bowl.weights.values()), seed=seed) for seed in (42, 43))
    for x, y, loss in zip(found.x, found.y, found.loss, strict=True):
        moved = [
            p.double() + x * a.double() + y * b.double()
            for p, a, b in zip(bowl.weights.values(), d1, d2, strict=True)
        ]
        assert loss == pytest.approx(float(sum((m**2).sum() for m in moved)), rel=1e-5)


def test_x_is_the_outer_loop_and_y_the_inner_over_the_same_axis():
    found = landscape(Bowl(), resolution=3, scale=0.5)
    assert found.x.tolist() == [-0.5] * 3 + [0.0] * 3 + [0.5] * 3
    assert found.y.tolist() == [-0.5, 0.0, 0.5] * 3


def test_the_centre_is_the_loss_of_the_checkpoint_itself():
    found = landscape(Bowl())
    assert found.loss[12] == found.loss_at_checkpoint
    assert found.loss_at_checkpoint == pytest.approx(
        float(sum((w**2).sum() for w in Bowl().weights.values()))
    )


def test_what_is_random_in_a_loss_is_the_same_at_every_point():
    difference = landscape(Bowl(noise=0.1)).loss - landscape(Bowl()).loss
    assert np.abs(difference).min() > 1e-3
    np.testing.assert_allclose(difference, difference[0], atol=1e-9)


def test_ignoring_biases_moves_the_same_directions_of_everything_else():
    found = landscape(Bowl(), ignore="biasbn")
    bowl = Bowl()
    bowl.weights["b"] = torch.zeros(3)
    still = float((Bowl().weights["b"].double() ** 2).sum())
    np.testing.assert_allclose(found.loss, landscape(bowl).loss + still, rtol=1e-6)
    assert not np.allclose(found.loss, landscape(Bowl()).loss)


def test_the_published_landscape_of_the_student_is_found_again():
    subject = gat.load(*reference_student())
    graphs = reference_graphs()
    held = TinyData({"val": TinySamples("val", np.arange(len(graphs)), graphs)})
    reference = np.load(REFERENCE / "landscape_gat_student.npz")
    found = landscape(subject, held, resolution=3)
    assert (found.x.tolist(), found.y.tolist()) == (reference["x"].tolist(), reference["y"].tolist())
    np.testing.assert_allclose(found.loss, reference["loss"], atol=1e-5)


def test_the_subject_is_bit_equal_after_a_landscape_and_after_one_that_broke_off():
    subject = random_gat(seed=3)
    before = {name: p.clone() for name, p in subject.network.state_dict().items()}
    mode = {name: module.training for name, module in subject.network.named_modules()}

    class Breaks(Whole):
        def gather(self, n, part):
            part(0)
            raise KeyboardInterrupt

    landscape(subject)
    with pytest.raises(KeyboardInterrupt):
        landscape(subject, parts=Breaks())
    after = subject.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert mode == {name: module.training for name, module in subject.network.named_modules()}


def test_rows_do_not_depend_on_each_other_so_that_any_of_them_can_be_kept():
    subject, rows = random_gat(seed=3), []

    class Backwards(Whole):
        def gather(self, n, part):
            made = {i: part(i) for i in reversed(range(n))}
            rows.extend(made)
            return [made[i] for i in range(n)]

    assert landscape(subject, parts=Backwards()).loss.tolist() == landscape(subject).loss.tolist()
    assert rows == [4, 3, 2, 1, 0]


def test_a_larger_split_is_drawn_from_with_the_seed():
    subject, held = random_gat(seed=3), data(20)
    seeds = {landscape(subject, held, max_graphs=7, seed=seed).loss_at_checkpoint for seed in (0, 1, 2)}
    whole = landscape(subject, held, max_graphs=20)
    assert (len(seeds), whole.n_samples, landscape(subject, held, max_graphs=7).n_samples) == (3, 20, 7)


@pytest.mark.parametrize("resolution", [1, 2, 4])
def test_a_grid_without_its_centre_is_told_and_still_knows_the_loss_there(resolution):
    with pytest.warns(ResultWarning, match=rf"a grid of {resolution} x {resolution} points does not hold"):
        found = landscape(Bowl(), resolution=resolution)
    assert len(found.loss) == resolution**2
    assert found.loss_at_checkpoint == landscape(Bowl()).loss_at_checkpoint


def test_a_loss_that_overflows_stands_as_it_is_and_is_counted():
    class Cliff(Bowl):
        def objective(self, samples, *, seed):
            usual = super().objective(samples, seed=seed)
            return lambda values: float("inf") if usual(values) > landscape_edge else usual(values)

    landscape_edge = float(np.median(landscape(Bowl()).loss))
    with pytest.warns(ResultWarning, match=r"12 of 25 losses overflow"):
        found = landscape(Cliff())
    assert (np.isinf(found.loss).sum(), found.n_not_finite) == (12, 12)


def test_a_checkpoint_whose_own_loss_overflows_is_told():
    bowl = Bowl()
    bowl.weights["w"] = torch.full((3, 2), 1e200, dtype=torch.float64)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = landscape(bowl)
    assert not np.isfinite(found.loss_at_checkpoint)
    assert any("the loss at the checkpoint itself is " in str(warning.message) for warning in told)


def test_parameters_that_are_zero_throughout_are_named_and_not_moved():
    bowl = Bowl()
    bowl.weights["b"] = torch.zeros(3)
    assert landscape(bowl).zero_norm == ("b",)
    np.testing.assert_allclose(landscape(bowl).loss, landscape(bowl, ignore="biasbn").loss)


def test_no_graph_and_a_label_without_a_logit_are_said():
    subject = random_gat(seed=3)
    with pytest.raises(AssayError, match="split val has no graph"):
        landscape(subject, TinyData({"val": TinySamples("val", np.arange(0), [])}))
    held = data()
    held.whole["val"].graphs[0].y.fill_(2)
    with pytest.raises(AssayError, match=r"label 2; the checkpoint has 2 classes"):
        landscape(subject, held)
