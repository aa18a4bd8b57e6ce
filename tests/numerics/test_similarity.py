"""CKA: the laws that it obeys, then an independent computation, then its chance level and interval."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numerics.song import biased_cka, cka
from scipy import stats

from assay.numerics.similarity import chance_sd, cka_tables, linear_cka

EXACT = {"abs": 1e-9}  # float64 throughout
PERMUTATIONS = 500


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def related(seed: int, n: int, p: int, q: int, *, share: float = 1.0):
    x = draw(seed, n, p)
    return x, share * x @ draw(seed + 1, p, q) + draw(seed + 2, n, q)


def rotation(seed: int, d: int) -> torch.Tensor:
    return torch.linalg.qr(draw(seed, d, d)).Q


sizes = {
    "seed": st.integers(0, 10**6),
    "n": st.integers(4, 40),
    "p": st.integers(1, 50),
    "q": st.integers(1, 50),
}


@given(**sizes)
@settings(max_examples=40, deadline=None)
def test_linear_cka_equals_the_form_of_song_et_al(seed, n, p, q):
    x, y = related(seed, n, p, q)
    assert linear_cka(x, y) == pytest.approx(cka(x, y), abs=1e-6)


@given(**sizes)
@settings(max_examples=20, deadline=None)
def test_biased_cka_is_the_centred_one_with_its_diagonal(seed, n, p, q):
    x, y = related(seed, n, p, q)
    assert float(cka_tables([x], [y]).biased) == pytest.approx(biased_cka(x, y), abs=1e-6)


def test_linear_cka_ignores_rotation_scale_and_shift():
    x, y = related(0, 60, 7, 5)
    turned = 1e-3 * x @ rotation(3, 7) + 100
    assert linear_cka(turned, y) == pytest.approx(linear_cka(x, y), **EXACT)


def test_linear_cka_is_symmetric():
    x, y = related(1, 30, 4, 60)
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x), **EXACT)


@pytest.mark.parametrize("d", [1, 8, 200])
def test_linear_cka_of_equal_representations_is_one(d):
    x = draw(2, 40, d)
    assert linear_cka(x, x) == pytest.approx(1, **EXACT)


def test_linear_cka_does_not_depend_on_the_order_of_samples():
    x, y = related(4, 50, 6, 6)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    assert linear_cka(x[order], y[order]) == pytest.approx(linear_cka(x, y), **EXACT)


def test_linear_cka_of_wide_independent_gaussians_is_near_zero_where_the_biased_one_is_near_one():
    x, y = draw(5, 50, 1000), draw(6, 50, 1000)
    assert abs(linear_cka(x, y)) < 5 * chance_sd(50)
    assert float(cka_tables([x], [y]).biased) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(("n", "p"), [(10, 1), (20, 64), (60, 5)])
def test_under_permuted_rows_the_mean_is_zero_and_the_spread_is_the_chance_level(n, p):
    x, y = draw(7, n, p), draw(8, n, p) ** 3
    shuffle = torch.Generator().manual_seed(0)
    scores = [linear_cka(x, y[torch.randperm(n, generator=shuffle)]) for _ in range(PERMUTATIONS)]
    assert np.mean(scores) == pytest.approx(0, abs=4 * chance_sd(n) / math.sqrt(PERMUTATIONS))
    assert np.std(scores) == pytest.approx(chance_sd(n), rel=0.15)


@pytest.mark.parametrize(
    ("n", "expected"), [(10, 0.169), (20, 0.077), (50, 0.029), (100, 0.014), (500, 0.0028)]
)
def test_the_chance_level_is_the_published_table(n, expected):
    assert chance_sd(n) == pytest.approx(expected, abs=0.0006)


def test_one_sample_that_is_longer_than_all_others_keeps_the_score_exact():
    x, y = related(9, 200, 20, 20)
    x[3] *= 1e4
    assert linear_cka(x, y) == pytest.approx(cka(x, y), abs=1e-8)


def test_values_as_large_and_as_small_as_float64_allows_do_not_overflow():
    x, y = related(10, 30, 3, 3)
    assert linear_cka(1e300 * x, 1e-300 * y) == pytest.approx(linear_cka(x, y), **EXACT)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_constant_side_is_refused_by_name(value):
    with pytest.raises(ValueError, match="y is constant over its 50 samples"):
        linear_cka(draw(0, 50, 3), torch.full((50, 4), value))


def test_samples_that_are_all_equally_far_apart_have_no_similarity_to_compare():
    with pytest.raises(ValueError, match="x is constant"):
        linear_cka(torch.eye(12), draw(0, 12, 3))


def test_the_biased_cka_is_a_number_where_only_the_debiased_one_is_undefined():
    far = draw(0, 40, 3)
    far[5] *= 1e8
    for x in (torch.eye(40).double(), far):
        y = draw(1, 40, 3)
        tables = cka_tables([x], [y])
        assert tables.debiased.isnan().all()
        assert float(tables.biased) == pytest.approx(biased_cka(x, y), abs=1e-6)


def test_a_side_whose_columns_are_constant_up_to_rounding_is_undefined_either_way():
    x = torch.tensor([0.1, 1 / 3, 7e5]).double().expand(47, 3)
    tables = cka_tables([x], [draw(1, 47, 3)])
    assert tables.debiased.isnan().all()
    assert tables.biased.isnan().all()


def test_three_samples_are_too_few():
    with pytest.raises(ValueError, match="needs 4 samples or more; got 3"):
        linear_cka(draw(0, 3, 2), draw(1, 3, 2))


def test_sides_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"got \[5, 6\]"):
        cka_tables([draw(0, 5, 2)], [draw(1, 6, 2)])


def test_values_that_are_not_finite_are_refused():
    x = draw(0, 8, 2)
    x[1, 1] = torch.nan
    with pytest.raises(ValueError, match="finite"):
        linear_cka(x, draw(1, 8, 2))


def test_a_table_holds_the_score_of_every_pair_and_nan_where_a_side_is_constant():
    xs = [draw(0, 30, 2), torch.ones(30, 2)]
    ys = [draw(1, 30, 5), draw(2, 30, 3), xs[0].float()]
    tables = cka_tables(xs, ys)
    assert tables.debiased[0].tolist() == pytest.approx([linear_cka(xs[0], y) for y in ys], **EXACT)
    for table in (tables.debiased, tables.biased, tables.low, tables.high):
        assert table.shape == (2, 3)
        assert table[1].isnan().all()
        assert table[0].isfinite().all()
    assert tables.x_varies == (True, False)
    assert tables.y_varies == (True, True, True)


@pytest.mark.parametrize("n", [20, 47, 200])
def test_the_interval_is_the_jackknife_over_20_groups_on_atanh(n):
    x, y = related(11, n, 6, 30)
    tables = cka_tables([x], [y])
    subsets = [np.delete(np.arange(n), rows) for rows in np.array_split(np.arange(n), 20)]
    replicates = np.arctanh([cka(x[rows], y[rows]) for rows in subsets])
    se = math.sqrt(19 / 20 * ((replicates - replicates.mean()) ** 2).sum())
    reach = stats.t(19).ppf(0.975) * se
    centre = math.atanh(cka(x, y))
    assert float(tables.low) == pytest.approx(math.tanh(centre - reach), abs=1e-7)
    assert float(tables.high) == pytest.approx(math.tanh(centre + reach), abs=1e-7)


def test_below_20_samples_there_is_no_interval():
    tables = cka_tables([draw(0, 19, 2)], [draw(1, 19, 2)])
    assert tables.low.isnan().all()
    assert tables.high.isnan().all()
    assert tables.debiased.isfinite().all()


def test_the_interval_of_equal_representations_is_one():
    x = draw(12, 80, 5)
    tables = cka_tables([x], [x])
    assert float(tables.low) == pytest.approx(1, **EXACT)
    assert float(tables.high) == pytest.approx(1, **EXACT)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_interval_holds_the_score_of_the_population_about_95_times_of_100(share):
    trials, mixing = 200, draw(0, 8, 8)
    wide = draw(1, 20_000, 8)
    truth = linear_cka(wide, share * wide @ mixing + draw(2, 20_000, 8))
    held = 0
    for trial in range(trials):
        x = draw(100 + trial, 100, 8)
        tables = cka_tables([x], [share * x @ mixing + draw(9000 + trial, 100, 8)])
        held += float(tables.low) <= truth <= float(tables.high)
    assert 0.90 <= held / trials <= 0.995
