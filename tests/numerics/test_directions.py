"""Directions: normal draws, each filter as long as the parameter's."""

import numpy as np
import pytest
import torch
from families.checkpoints import reference_student
from families.graphs import REFERENCE

from assay.families import gat
from assay.numerics.directions import filter_normalised

SHAPES = [(5, 3), (1, 2, 4), (6,), (), (2, 3, 2, 2)]


def parameters(seed: int = 0) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=draw) for shape in SHAPES]


def rows(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(len(tensor), -1) if tensor.ndim > 1 else tensor.reshape(1, -1)


def test_every_filter_is_as_long_as_the_parameters_own():
    for direction, parameter in zip(filter_normalised(parameters(), seed=3), parameters(), strict=True):
        torch.testing.assert_close(rows(direction).norm(dim=1), rows(parameter).norm(dim=1))
        assert direction.shape == parameter.shape


def test_a_direction_before_scaling_is_a_normal_draw_in_the_order_of_the_parameters():
    draw = torch.Generator().manual_seed(3)
    for direction, parameter in zip(filter_normalised(parameters(), seed=3), parameters(), strict=True):
        drawn = torch.randn(parameter.shape, generator=draw)
        cosines = torch.cosine_similarity(rows(direction), rows(drawn), dim=1)
        torch.testing.assert_close(cosines, torch.ones_like(cosines))


def test_the_seed_decides_and_nothing_else():
    torch.manual_seed(1)
    first = filter_normalised(parameters(), seed=3)
    state = torch.get_rng_state()
    again, other = filter_normalised(parameters(), seed=3), filter_normalised(parameters(), seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True) if a.ndim)


def test_a_filter_of_zeros_has_no_direction_and_moves_no_other_draw():
    whole = filter_normalised(parameters(), seed=3)
    emptied = parameters()
    emptied[0][2] = 0
    emptied[2].zero_()
    found = filter_normalised(emptied, seed=3)
    assert not found[0][2].any() and not found[2].any()
    kept = [0, 1, 3, 4]
    assert torch.equal(found[0][kept], whole[0][kept])
    assert all(torch.equal(found[i], whole[i]) for i in (1, 3, 4))


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_very_small_and_very_large_parameters_keep_finite_directions(size):
    (direction,) = filter_normalised([torch.full((2, 3), size)], seed=0)
    torch.testing.assert_close(
        direction.double().norm(dim=1), torch.full((2,), size * 3**0.5, dtype=torch.float64)
    )


def test_the_directions_of_the_published_student_lead_to_its_published_losses():
    state, hparams = reference_student()
    moved = [p + d for p, d in _first_direction(gat.load(state, hparams))]
    reference = np.load(REFERENCE / "landscape_gat_student.npz")
    assert reference["loss"][7] == pytest.approx(_loss(state, hparams, moved), abs=1e-5)


def _first_direction(subject):
    parameters = list(subject.parameters().values())
    return zip(parameters, filter_normalised(parameters, seed=42), strict=True)


def _loss(state, hparams, parameters) -> float:
    from families.graphs import reference_graphs, together

    names = gat.load(state, hparams).parameters()
    moved = gat.load(dict(zip(names, parameters, strict=True)), hparams)
    batch = together(reference_graphs())
    return float(torch.nn.functional.cross_entropy(moved.predict(batch), batch.y))
