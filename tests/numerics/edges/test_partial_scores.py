"""Tests given some sources: residuals of least squares, the variance of two layers, and type I errors."""

import numpy as np
import pytest
from numerics.edges.nulls import null_columns, together
from scipy import linalg, stats

from assay.numerics.edges import partial_scores
from assay.numerics.edges.layer_tests import Null, layer_tests
from assay.numerics.edges.partial_scores import partial_p, partial_tests
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.unit_columns import score_units

NONE = np.zeros(0, dtype=np.int64)


def scores(
    seed: int, *, n: int = 60, k: int = 8, layers: int = 3, shape: str = "half-normal", rho: float = 0.5
):
    rng = np.random.default_rng(seed)
    return [
        score_units(null_columns(shape, rng, layers=layers, n=n, k=k, rho=rho), together(n)).columns
        for _ in range(2)
    ]


def annihilator(given: np.ndarray) -> np.ndarray:
    """I - QQ' of the columns and the constant."""
    basis = linalg.orth(np.column_stack([np.ones(len(given)), given]))
    return np.eye(len(given)) - basis @ basis.T


def by_definition(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> tuple[float, float]:
    """z and skewness of one source and one target, (layers, n), given (layers, n, k)."""
    _, n, k = given.shape
    nu, take = n - 1 - k, [annihilator(layer) for layer in given]
    e, f = ([m @ v / np.linalg.norm(m @ v) for m, v in zip(take, side, strict=True)] for side in (x, y))
    cross = np.array([[np.trace(p @ q) for q in take] for p in take])
    noise = np.clip(np.array([[a @ b for b in f] for a in f]) * nu / cross, -1, 1)
    spread = max((np.array([[a @ b for b in e] for a in e]) * noise).sum() / nu, 0.2 / nu)
    ex, fx = (np.einsum("pn,qn,rn->pqr", side, side, side) for side in (e, f))
    third = (nu + 1) / (nu * (nu - 1)) * (ex * fx).sum()
    return sum(a @ b for a, b in zip(e, f, strict=True)) / np.sqrt(spread), third / spread**1.5


def test_z_and_skewness_are_those_of_residuals_with_the_freedom_that_two_layers_share():
    x, y = scores(0, shape="relu", n=400)
    given = [np.array([1, 4, 6]), np.array([0])]
    found = partial_tests(x, y[:, :, :2], given, together(400))
    for j, chosen in enumerate(given):
        for i in sorted({*range(8)} - {*chosen.tolist()}):
            z, skew = by_definition(x[:, :, i], y[:, :, j], x[:, :, chosen])
            assert found.z[i, j] == pytest.approx(z, rel=1e-9)
            assert found.skew[i, j] == pytest.approx(skew, rel=1e-7, abs=1e-12)


def test_the_strongest_layer_has_the_degrees_of_freedom_that_are_left():
    x, y = scores(1, layers=1)
    chosen = np.array([2, 5])
    found = partial_tests(x, y[:, :, :1], [chosen], together(60))
    take = annihilator(x[0][:, chosen])
    e, f = take @ x[0, :, 0], take @ y[0, :, 0]
    r = e @ f / np.linalg.norm(e) / np.linalg.norm(f)
    assert found.z_max[0, 0] == pytest.approx(r * np.sqrt(57), rel=1e-9)


def test_a_target_that_nothing_is_given_for_has_its_plain_tests():
    x, y = scores(2)
    found = partial_tests(x, y, [NONE] * 8, together(60))
    sides = (Side.of(side, together(60)) for side in (x, y))
    plain = layer_tests(x.transpose(0, 2, 1) @ y, Null.of(*sides))
    for name in ("z", "skew", "p", "z_max", "p_max"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-9, atol=1e-12)


def test_what_is_given_and_what_it_explains_is_not_tested():
    x, y = scores(3)
    x[:, :, 4] = (x[:, :, 1] + x[:, :, 2]) / np.linalg.norm(x[:, :, 1] + x[:, :, 2], axis=1)[:, None]
    y[:, :, 1] = x[:, :, 1]
    found = partial_tests(x, y[:, :, :2], [np.array([1, 2])] * 2, together(60))
    assert np.isnan(found.p[[1, 2, 4], 0]).all()
    assert np.isnan(found.p[:, 1]).all()
    assert np.isfinite(found.p[[0, 3, 5, 6, 7], 0]).all()


def test_given_sources_that_are_alike_or_not_used_count_once_or_not():
    x, y = scores(4)
    x[:, :, 5], x[:, :, 6] = x[:, :, 2], 0
    found = partial_tests(x, y[:, :, :1], [np.array([2, 5, 6])], together(60))
    once = partial_tests(x, y[:, :, :1], [np.array([2])], together(60))
    np.testing.assert_allclose(found.p[[0, 1, 3]], once.p[[0, 1, 3]], rtol=1e-9)


@pytest.mark.parametrize(("n_given", "tested"), [(5, True), (6, False), (30, False)])
def test_at_least_20_samples_beyond_3_and_the_given_ones_are_needed(n_given, tested):
    x, y = scores(5, n=28, k=32, shape="gaussian")
    found = partial_tests(x, y[:, :, :1], [np.arange(n_given)], together(28))
    assert np.isfinite(found.p[31, 0]) == tested


def test_an_order_is_a_draw_from_the_null_of_a_target_that_depends_on_what_is_given():
    x, y = scores(6)
    y[:, :, 0] = x[:, :, 1] + 0.1 * y[:, :, 0]
    y[:, :, 0] /= np.linalg.norm(y[:, :, 0], axis=1)[:, None]
    rng = np.random.default_rng(0)
    orders = [rng.permutation(60) for _ in range(300)]
    p = partial_p(x[:, :, :4], y[:, :, :1], [np.array([1])], together(60), orders, strongest=False)
    drawn = stats.norm.isf(p[:, [0, 2, 3], 0])
    assert np.std(drawn) == pytest.approx(1, abs=0.1)
    assert np.mean(drawn) == pytest.approx(0, abs=0.15)


def order_within(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    order = np.arange(len(groups))
    for own in (np.flatnonzero(groups == group) for group in np.unique(groups)):
        order[own] = rng.permutation(own)
    return order


@pytest.mark.parametrize("groups", [together(60), np.arange(60) % 2], ids=["together", "in batches"])
@pytest.mark.parametrize("strongest", [False, True], ids=["mean", "strongest"])
def test_orders_taken_together_have_the_p_of_each_alone(groups, strongest):
    """One target with something given and one without; None is the order in which they came."""
    rng = np.random.default_rng(1)
    x, y = (score_units(rng.standard_normal((3, 60, k)), groups).columns for k in (8, 2))
    sides = x, y, [np.array([1, 4]), NONE], groups
    orders = [None, *(order_within(groups, rng) for _ in range(2))]
    found = partial_p(*sides, orders, strongest=strongest)
    for order, p in zip(orders, found, strict=True):
        np.testing.assert_allclose(partial_p(*sides, [order], strongest=strongest)[0], p, rtol=1e-9)
    tests = partial_tests(*sides)
    np.testing.assert_allclose(found[0], tests.p_max if strongest else tests.p, rtol=1e-9)
    plain = partial_p(x, y[:, orders[1], 1:], [NONE], groups, [None], strongest=strongest)
    np.testing.assert_allclose(found[1][:, 1:], plain[0], rtol=1e-9)


def test_sources_taken_a_few_at_a_time_have_the_same_tests(monkeypatch):
    x, y = scores(7)
    sides = x, y, [np.array([1, 4])] * 8, together(60)
    whole = partial_tests(*sides)
    for at_a_time in (1, 3, 8):
        monkeypatch.setattr(partial_scores, "BLOCK_NUMBERS", at_a_time * 3 * 60)
        for name in ("z", "skew", "p_max"):
            np.testing.assert_allclose(getattr(partial_tests(*sides), name), getattr(whole, name), rtol=1e-9)


def type_1_errors(n: int, k: int, *, draws: int, seed: int = 0) -> np.ndarray:
    """Shares of p up to .05 and .001 of a target whose gradients follow from the k sources that are given."""
    rng, every = np.random.default_rng(seed), []
    for _ in range(draws):
        noise = [null_columns("gaussian", rng, layers=6, n=n, k=m, rho=0.5) for m in (k + 30, 4)]
        values = noise[1] + noise[0][:, :, :k].sum(2, keepdims=True) / np.sqrt(k)
        x, y = (score_units(side, together(n)).columns for side in (noise[0], values))
        every.append(partial_tests(x, y, [np.arange(k)] * 4, together(n)).p[k:].ravel())
    every = np.concatenate(every)
    return np.array([(every <= level).mean() for level in (0.05, 0.001)])


def test_few_samples_and_many_given_sources_keep_their_level():
    at_5, at_01 = type_1_errors(50, 20, draws=60)
    assert at_5 == pytest.approx(0.05, abs=0.009)
    assert at_01 < 0.003


@pytest.mark.slow
@pytest.mark.parametrize(("n", "k"), [(50, 20), (200, 20)])
def test_type_1_errors_are_those_of_the_level(n, k):
    at_5, at_01 = type_1_errors(n, k, draws=250)
    assert at_5 == pytest.approx(0.05, abs=0.006)
    assert at_01 <= 0.0016


# -- within batches ----------------------------------------------------------------------------------------


def test_the_variance_is_that_of_residuals_batch_by_batch():
    """One layer: over batches sum of e.e times f.f over the trace of I - QQ' that a batch has."""
    groups = np.array([0, 1, 0, 1, 1, 2] * 15)
    rng = np.random.default_rng(8)
    x, y = (score_units(rng.standard_normal((1, 90, k)), groups).columns for k in (4, 1))
    within = (groups[:, None] == groups) / np.bincount(groups)[groups]
    basis = linalg.orth(x[0][:, [1, 2]])
    take = np.eye(90) - within - basis @ basis.T
    e, f = (take @ side[0, :, 0] for side in (x, y))
    e, f = e / np.linalg.norm(e), f / np.linalg.norm(f)
    spread = sum(
        (e[own] @ e[own]) * (f[own] @ f[own]) / np.diag(take)[own].sum()
        for own in (groups == g for g in range(3))
    )
    found = partial_tests(x, y, [np.array([1, 2])], groups)
    assert found.z[0, 0] == pytest.approx(e @ f / np.sqrt(spread), rel=1e-9)
    assert found.z_max[0, 0] == pytest.approx(found.z[0, 0], rel=1e-12)


def test_the_covariance_of_two_layers_is_over_what_both_leave_of_a_batch():
    groups = np.repeat([0, 1], [30, 50])
    rng = np.random.default_rng(9)
    x = score_units(rng.standard_normal((2, 80, 4)), groups).columns
    y = score_units(rng.standard_normal((1, 80, 1)) + 0.5 * rng.standard_normal((2, 80, 1)), groups).columns
    within = (groups[:, None] == groups) / np.bincount(groups)[groups]
    take = [np.eye(80) - within - (b := linalg.orth(layer[:, [1, 2]])) @ b.T for layer in x]
    e, f = ([m @ side[p, :, 0] for p, m in enumerate(take)] for side in (x, y))
    e, f = ([v / np.linalg.norm(v) for v in side] for side in (e, f))
    spread = 0.0
    for own in (groups == 0, groups == 1):
        freedom = np.array([[(m @ other).diagonal()[own].sum() for other in take] for m in take])
        gram_e, gram_f = (np.array([[a[own] @ b[own] for b in side] for a in side]) for side in (e, f))
        spread += (gram_e * gram_f / freedom).sum()
    found = partial_tests(x, y, [np.array([1, 2])], groups)
    assert found.z[0, 0] == pytest.approx(
        sum(a @ b for a, b in zip(e, f, strict=True)) / np.sqrt(spread), rel=1e-9
    )


@pytest.mark.slow
def test_targets_and_sources_that_are_silent_in_the_same_batch_keep_their_level():
    """Their parents, too: they cost degrees of freedom in the other batch alone."""
    groups, every = np.repeat([0, 1], [100, 60]), []
    rng = np.random.default_rng(0)
    for _ in range(150):
        noise = [null_columns("half-normal", rng, layers=4, n=160, k=m, rho=0.5) for m in (42, 4)]
        values = noise[1] + noise[0][:, :, :12].sum(2, keepdims=True) / np.sqrt(12)
        x, y = (
            score_units(np.where((groups == 0)[:, None], 0, v), groups).columns for v in (noise[0], values)
        )
        every.append(partial_tests(x, y, [np.arange(12)] * 4, groups).p[12:].ravel())
    every = np.concatenate(every)
    assert (every <= 0.05).mean() == pytest.approx(0.05, abs=0.008)
    assert (every <= 0.001).mean() <= 0.002
