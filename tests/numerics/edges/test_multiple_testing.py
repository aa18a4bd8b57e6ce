"""q-values: their definition, families cut at a limit, and the rate that they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.numerics.edges.multiple_testing import q_values

P = arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1))


def by_definition(p: np.ndarray) -> np.ndarray:
    """The least m p/rank of it and of all larger ones."""
    ranks = np.array([(p <= own).sum() for own in p])
    return np.array([(len(p) * p / ranks)[p >= own].min() for own in p])


@given(P)
def test_q_is_the_least_rate_at_which_a_test_is_called(p):
    np.testing.assert_allclose(q_values(p, m=len(p)), by_definition(p), rtol=1e-12)


@given(P, st.floats(0.01, 0.99))
def test_q_up_to_the_limit_are_exact_where_only_p_up_to_it_are_known(p, limit):
    whole = q_values(p, m=len(p))
    kept = p <= limit
    found = q_values(p[kept], m=len(p), limit=limit)
    np.testing.assert_allclose(found, np.where(whole[kept] <= limit, whole[kept], np.nan), rtol=1e-12)


@given(P)
def test_others_count_in_the_family_without_an_answer(p):
    half = len(p) // 2
    found = q_values(p[:half], m=len(p), others=p[half:])
    np.testing.assert_allclose(found, q_values(p, m=len(p))[:half], rtol=1e-12)


def test_what_is_not_tested_is_no_member_of_the_family():
    p = np.array([0.01, np.nan, 0.04, np.nan])
    found = q_values(p, m=2)
    np.testing.assert_allclose(found, [0.02, np.nan, 0.04, np.nan])


def test_an_empty_family_has_no_q():
    assert q_values(np.array([]), m=0).shape == (0,)
    assert np.isnan(q_values(np.array([np.nan]), m=0)).all()


@pytest.mark.parametrize("share_true", [0.0, 0.1])
def test_the_false_discovery_rate_is_held(share_true):
    rng, n, rates = np.random.default_rng(0), 1000, []
    for _ in range(200):
        p = rng.random(n)
        n_true = int(share_true * n)
        p[:n_true] = rng.random(n_true) ** 6
        called = q_values(p, m=n) <= 0.1
        rates.append(called[n_true:].sum() / max(called.sum(), 1))
    expected = 0.1 * (1 - share_true)
    assert np.mean(rates) == pytest.approx(expected, abs=4 * np.std(rates) / np.sqrt(200))
