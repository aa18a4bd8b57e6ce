"""Edge scores of a network that did what is written down: who drives whom, and what cannot be told."""

import warnings

import numpy as np
import pytest
from artifacts.traces import Recorded, RowData, noise, recorded
from numerics.edges.planted import planted

from assay.artifacts.edge_scores import compute
from assay.catalog import ARTIFACTS
from assay.errors import AssayError, ResultWarning
from assay.numerics.edges.edge_scores import score_tables
from assay.numerics.edges.function_values import function_values

OPTIONS = {name: option.default for name, option in ARTIFACTS["edge_scores"].options.items()}
EDGES = [(0, 1), (0, 1), (1, 1), (2, 0)]


def scored(subject, data=None, **changes):
    return compute(subject, data or RowData(subject.activation.shape[1]), **OPTIONS | changes)


def test_the_gradient_follows_the_activation_of_what_drives_it():
    case = planted(0, n=20, samples=400, effect=0.5)
    found = scored(recorded(case.activation, case.gradient))
    driven = np.zeros((20, 20), dtype=bool)
    driven[tuple(case.held_out)] = True
    assert found.W[driven].min() > found.W[~driven].max()


def test_scores_are_those_of_the_traced_numbers_whatever_the_batches():
    subject = recorded(*noise(3, 30, 4), edges=EDGES)
    expected = score_tables(
        *(np.abs(side.astype(np.float32)).astype(float) for side in (subject.activation, subject.gradient)),
        method="spearman",
        pool="pooled",
    )
    for batch_size in (1, 7, 256):
        found = scored(subject, batch_size=batch_size)
        np.testing.assert_array_equal(found.W, expected.scores)
        np.testing.assert_array_equal(found.expected, expected.expected)
    assert (found.n_samples, found.n_layers, found.n_draws) == (30, 3, 0)
    assert (found.W_sd, found.W_low, found.W_high) == (None, None, None)


def test_the_table_of_edges_is_by_source_and_target():
    found = scored(recorded(*noise(2, 9, 3), edges=EDGES))
    assert np.argwhere(found.existing).tolist() == [[0, 1], [1, 1], [2, 0]]
    assert found.names.tolist() == ["f0", "f1", "f2"]


@pytest.mark.parametrize("norm", ["l1", "l2", "none"])
@pytest.mark.parametrize("agg", ["sum", "mean", "max"])
def test_channels_are_taken_together_as_the_options_say(norm, agg):
    activation, gradient = noise(3, 25, 7)
    subject = Recorded(
        activation, gradient, ["a", "b", "c"], np.array([[0], [1]]), np.array([0, 0, 1, 1, 1, 2, 2])
    )
    values = [
        function_values(side.astype(np.float32), subject.channel_function, 3, norm=norm, agg=agg)
        for side in (activation, gradient)
    ]
    expected = score_tables(*values, method="pearson", pool="per_layer")
    found = scored(subject, norm=norm, agg=agg, method="pearson", pool="per_layer")
    np.testing.assert_array_equal(found.W, expected.scores)


def test_penalty_and_activation_mean_multiply_the_scores():
    subject = recorded(*noise(3, 30, 3), edges=EDGES)
    plain = scored(subject).W
    penalised = scored(subject, penalty_factor=0.1).W
    np.testing.assert_allclose(penalised, plain * np.outer([1.21, 1.1, 1.1], [0.9, 0.729, 1]), atol=1e-14)
    scaled = scored(subject, scale_by_act_mean=True).W
    means = np.abs(subject.activation.astype(np.float32))[:-1].mean((0, 1))
    np.testing.assert_allclose(scaled, plain * means[:, None], rtol=1e-5)


def test_a_bootstrap_is_decided_by_the_seed_and_has_a_spread():
    subject = recorded(*noise(3, 40, 4))
    options = {"estimate": True, "estimate_iters": 20, "estimate_n_samples": 100}
    one, again, other = (scored(subject, seed=seed, **options) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.W, again.W)
    assert not np.array_equal(one.W, other.W)
    assert one.n_draws == 20
    assert (one.W_sd > 0).all()
    assert ((one.W_low <= one.W) & (one.W_high >= one.W)).all()


def test_the_global_generator_of_numpy_stays_as_it_is():
    before = np.random.get_state()[1].copy()
    scored(recorded(*noise(3, 20, 3)), estimate=True, max_samples=10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_function_that_does_not_vary_is_named_and_scores_zero():
    activation, gradient = noise(3, 20, 4)
    activation[..., 1] = 0
    gradient[1:, :, 2] = 5
    with pytest.warns(ResultWarning) as said:
        found = scored(recorded(activation, gradient))
    assert [str(warning.message) for warning in said] == [
        "the activation of 1 functions does not vary over the samples: as sources they score 0 (f1)",
        "the gradient of 1 functions does not vary over the samples: as targets they score 0 (f2)",
    ]
    assert (found.W[1] == 0).all() and (found.W[:, 2] == 0).all()
    assert found.source_varies.tolist() == [True, False, True, True]
    assert found.target_varies.tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("layers", "samples", "message"),
    [
        (1, 20, r"needs 2 blocks or more \(constructor argument layers\); this one has 1"),
        (3, 2, "from 3 samples or more; split 'val' gives 2"),
    ],
)
def test_too_little_is_an_error_that_says_what_is_needed(layers, samples, message):
    with pytest.raises(AssayError, match=message):
        scored(recorded(*noise(layers, samples, 3)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error_that_names_functions(value):
    activation, gradient = noise(3, 20, 12)
    gradient[1, 4, 1:9] = value
    with pytest.raises(
        AssayError, match="gradients of 8 of 12 functions are not finite: f1, f2, f3, f4, f5 and 3 more"
    ):
        scored(recorded(activation, gradient))
    activation[0, 0, 3] = value
    with pytest.raises(AssayError, match="activations of 1 of 12 functions are not finite: f3"):
        scored(recorded(activation, gradient))


def test_a_penalty_that_overflows_is_an_error():
    subject = recorded(*noise(2, 9, 2), edges=[(0, 1)] * 2000)
    with pytest.raises(
        AssayError, match=r"penalty_factor 1\.0: .* overflows at the largest out-degree, 2000"
    ):
        scored(subject, penalty_factor=1.0)


def test_a_split_that_is_not_there_is_an_error():
    with pytest.raises(AssayError, match="data 'rows' have no split 'train'"):
        scored(recorded(*noise(2, 9, 2)), split="train")


def test_usual_scores_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scored(recorded(*noise(3, 20, 3)))
