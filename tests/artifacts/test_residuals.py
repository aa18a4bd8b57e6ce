"""Single outputs of a regression: which samples and outputs are kept, and relative errors along multipoles."""

import numpy as np
import pytest
import torch
from artifacts.regressed import Oracle, TinyRows, TinyTables, noisy, regression

from assay.artifacts.regression import compute
from assay.artifacts.residuals import AS_STORED, MOST_OUTPUTS, MOST_SAMPLES, errors_by_ell, pairs
from assay.protocols import TargetUnits

ELLS = ("ell_3000", "ell_500", "ell_1000")


def units(transform: str, *, mean: float = 0.0, std: float = 1.0, n: int = 3) -> TargetUnits:
    return TargetUnits(transform, torch.full((n,), mean), torch.full((n,), std))


def spectra(seed: int = 0, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """True spectra, and predictions that are off by a few per cent."""
    draw = np.random.default_rng(seed)
    true = np.exp(draw.normal(size=(n, 3)))
    return true, true * (1 + 0.05 * draw.normal(size=(n, 3)))


def test_all_of_a_few_samples_and_outputs_are_kept_as_they_are():
    targets, predictions = noisy(0, 12, 3)
    found = pairs(targets, predictions, ("a", "b", "c"), np.array([0.5, 0.9, 0.1]))
    assert list(found) == ["a", "b", "c"]
    np.testing.assert_array_equal(found["b"].target, targets[:, 1])
    np.testing.assert_array_equal(found["b"].prediction, predictions[:, 1])


def test_of_many_outputs_the_least_and_the_best_explained_are_among_those_kept():
    targets, predictions = noisy(1, 9, 40)
    r2 = np.random.default_rng(2).permutation(40) / 40.0
    r2[7] = np.nan
    names = [f"out{k}" for k in range(40)]
    found = pairs(targets, predictions, names, r2)
    assert len(found) == MOST_OUTPUTS
    assert {"out7", f"out{int(np.nanargmax(r2))}"} <= set(found)


def test_of_many_samples_some_are_kept_evenly_with_the_first_and_the_last():
    targets = np.arange(5000.0)[:, None]
    kept = pairs(targets, targets + 1, ("a",), np.zeros(1))["a"]
    assert len(kept.target) == MOST_SAMPLES
    assert (kept.target[0], kept.target[-1]) == (0, 4999)
    np.testing.assert_array_equal(np.array(kept.prediction) - kept.target, 1)
    assert np.ptp(np.diff(kept.target)) <= 1


@pytest.mark.parametrize("transform", ["ln", "log10", "none"])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (2.0, 3.0)])
def test_relative_errors_are_of_the_quantity_whatever_became_of_it(transform, mean, std):
    true, predicted = spectra()
    made = {"ln": np.log, "log10": np.log10, "none": lambda values: values}[transform]
    scaled = [(made(values) - mean) / std for values in (true, predicted)]
    found = errors_by_ell(*scaled, ELLS, units(transform, mean=mean, std=std))
    size = np.abs(predicted / true - 1)[:, [1, 2, 0]]
    assert found.ell == [500, 1000, 3000]
    np.testing.assert_allclose(found.median, np.median(size, 0), rtol=1e-9)
    np.testing.assert_allclose(found.p84, np.quantile(size, 0.84, axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.p95, np.quantile(size, 0.95, axis=0), rtol=1e-9)


def test_small_errors_of_logarithms_keep_their_digits():
    targets = np.zeros((4, 1))
    found = errors_by_ell(targets, targets + 1e-13, ("ell_2",), units("ln", n=1))
    assert found.median[0] == pytest.approx(1e-13, rel=1e-6, abs=0)


def test_without_units_targets_are_taken_as_they_are_stored_and_that_is_said():
    true, predicted = spectra()
    found = errors_by_ell(true, predicted, ELLS, None)
    assert found.of == AS_STORED
    assert found.median == errors_by_ell(true, predicted, ELLS, units("none")).median


def test_true_values_of_0_have_no_relative_error():
    targets = np.array([[0.0, 0.0, 2.0], [0.0, -4.0, 2.0]])
    found = errors_by_ell(targets, targets + 1, ("ell_1", "ell_2", "ell_3"), None)
    assert found.median == [None, 0.25, 0.5]


@pytest.mark.parametrize("names", [("ell_1", "b", "ell_3"), ("a", "b", "c"), ("ell_", "ell_2", "ell_3")])
def test_outputs_that_are_no_multipoles_have_no_errors_by_ell(names):
    true, predicted = spectra(n=5)
    assert errors_by_ell(true, predicted, names, None) is None


def test_names_of_the_data_say_the_multipoles_where_the_checkpoint_names_none():
    targets, predictions = noisy(0, 8, 2)
    assert regression({"val": (targets, predictions)}).splits["val"].by_ell is None

    class Named(TinyRows):
        def batches(self, size):
            for batch in TinyRows.batches(self, size):
                yield type(batch)(batch.x, batch.y, y_names=("ell_300", "ell_200"))

    data = TinyTables({"val": Named(predictions, targets)})
    found = compute(Oracle(("output_0", "output_1")), data, splits=(), batch_size=3).splits["val"]
    assert found.by_ell.ell == [200, 300]
    assert list(found.pairs) == ["output_0", "output_1"]
