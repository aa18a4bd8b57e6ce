"""The CKA of a student and its teacher: which samples are compared, and what is said of the numbers."""

import dataclasses
import json
import math

import numpy as np
import pytest
from artifacts.tiny import Echo, TinyData, feature_split, random_split
from families.checkpoints import random_gat
from scipy.signal import lfilter

from assay.artifacts.cka import compute
from assay.errors import AssayError, ResultWarning
from assay.numerics.similarity import chance_sd, linear_cka

OPTIONS = {"split": "val", "max_samples": 500, "batch_size": 32, "compat": "none", "seed": 42}


@pytest.fixture(scope="module")
def student():
    return random_gat(seed=1, layers=2)


@pytest.fixture(scope="module")
def teacher():
    return random_gat(seed=2, layers=3, hidden=5, conv_type="gat")


@pytest.fixture(scope="module")
def data():
    return TinyData({"val": random_split("val", 60)})


@pytest.fixture(scope="module")
def result(student, teacher, data):
    return compute(student, teacher, data, **OPTIONS)


def test_every_cell_is_the_cka_of_its_two_layers(student, teacher, data, result):
    batch = next(data.whole["val"].batches(60))
    for i, x in enumerate(teacher.layers(batch)):
        for j, y in enumerate(student.layers(batch)):
            assert result.matrix[i][j] == pytest.approx(linear_cka(x, y), abs=1e-5)
            assert result.scores[f"teacher_{i}_student_{j}"] == result.matrix[i][j]


def test_teacher_and_student_may_have_different_depths(result):
    assert list(result.scores) == [f"teacher_{i}_student_{j}" for i in range(3) for j in range(2)]
    for table in (result.matrix, result.biased, result.interval):
        assert [len(row) for row in table] == [2, 2, 2]


def test_the_interval_holds_its_score(result):
    for scores, intervals in zip(result.matrix, result.interval, strict=True):
        for score, (low, high) in zip(scores, intervals, strict=True):
            assert low <= score <= high


def test_the_result_says_what_was_compared(result):
    assert (result.n, result.split, result.data) == (60, "val", "tiny")
    assert (result.family, result.teacher_family) == ("gat", "gat")
    assert result.chance_sd == chance_sd(60)
    assert result.undefined == {}
    assert result.compat == "none"
    assert not result.thinned.applied
    assert result.thinned.lag1_autocorrelation is None


def test_the_result_is_plain_json(result):
    text = json.dumps(dataclasses.asdict(result), allow_nan=False)
    assert json.loads(text)["matrix"] == result.matrix


def test_a_checkpoint_that_is_its_own_teacher_scores_one(student, data):
    itself = compute(student, student, data, **OPTIONS)
    assert itself.matrix[1][1] == pytest.approx(1, abs=1e-9)


def test_the_same_request_gives_the_same_result(student, teacher, data, result):
    assert compute(student, teacher, data, **OPTIONS) == result


def rows(n: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 3))


def test_three_samples_are_refused_and_four_are_compared_with_a_warning():
    few = TinyData({"val": feature_split("val", rows(3))})
    with pytest.raises(AssayError, match="needs 4 samples or more; split 'val' of 'tiny' gives 3"):
        compute(Echo(), Echo(), few, **OPTIONS)
    four = TinyData({"val": feature_split("val", rows(4))})
    with pytest.warns(ResultWarning, match=r"CKA of 4 samples .* chance level of 0\.707"):
        result = compute(Echo(), Echo(), four, **OPTIONS)
    assert result.matrix[0][0] == pytest.approx(1, abs=1e-9)
    assert result.interval == [[None]]
    assert result.undefined == {"interval": "needs 20 samples, got 4"}


def test_fifty_samples_are_not_warned_about():
    compute(Echo(), Echo(), TinyData({"val": feature_split("val", rows(50))}), **OPTIONS)


def test_a_constant_layer_is_undefined_and_named():
    constant = np.ones((60, 3))
    result = compute(Echo(), Echo(), TinyData({"val": feature_split("val", constant)}), **OPTIONS)
    assert result.scores == {"teacher_0_student_0": None}
    assert result.biased == [[None]]
    assert result.interval == [[None]]
    assert result.undefined["teacher_0_student_0"].startswith("teacher layer 0 and student layer 0: constant")


def test_a_layer_that_varies_in_one_group_of_samples_only_has_a_score_without_interval():
    x = np.zeros((60, 3))
    x[:3] = rows(3)
    data = TinyData({"val": feature_split("val", x, time=np.arange(60.0))})
    result = compute(Echo(), Echo(), data, **OPTIONS)
    assert result.matrix[0][0] == pytest.approx(1, abs=1e-9)
    assert result.interval == [[None]]
    assert list(result.undefined) == ["interval of teacher_0_student_0"]


def test_max_samples_limits_what_is_compared():
    data = TinyData({"val": feature_split("val", rows(90))})
    assert compute(Echo(), Echo(), data, **OPTIONS | {"max_samples": 70}).n == 70


def test_an_unknown_split_is_refused_with_those_that_exist(student, teacher, data):
    with pytest.raises(AssayError, match=r"no split 'test'; they have val"):
        compute(student, teacher, data, **OPTIONS | {"split": "test"})


def test_values_that_are_not_finite_are_refused_by_layer():
    data = TinyData({"val": feature_split("val", [[0.0], [1], [2], [np.nan]])})
    with pytest.raises(AssayError, match="layer 0 of the teacher: 1 of 4 samples"):
        compute(Echo(), Echo(), data, **OPTIONS)


def autoregression(rho: float, n: int) -> np.ndarray:
    return lfilter([math.sqrt(1 - rho**2)], [1, -rho], rows(n), axis=0)


def test_neighbours_in_time_that_are_alike_are_thinned_to_three_correlation_lengths():
    data = TinyData({"val": feature_split("val", autoregression(0.6, 500), time=np.arange(500.0))})
    result = compute(Echo(), Echo(), data, **OPTIONS)
    rho = result.thinned.lag1_autocorrelation
    assert rho == pytest.approx(0.6, abs=0.1)
    assert result.thinned.applied
    assert result.thinned.step == math.ceil(-3 / math.log(rho))
    assert (result.thinned.n_before, result.n) == (500, math.ceil(500 / result.thinned.step))
    assert result.chance_sd == chance_sd(result.n)
    assert not result.thinned.capped


def test_the_order_of_time_decides_not_that_of_the_file():
    shuffle = np.random.default_rng(1).permutation(500)
    series = autoregression(0.6, 500)
    in_order = TinyData({"val": feature_split("val", series, time=np.arange(500.0))})
    shuffled = TinyData({"val": feature_split("val", series[shuffle], time=shuffle.astype(float))})
    assert compute(Echo(), Echo(), in_order, **OPTIONS) == compute(Echo(), Echo(), shuffled, **OPTIONS)


def test_samples_without_time_are_not_thinned():
    data = TinyData({"val": feature_split("val", autoregression(0.9, 100))})
    result = compute(Echo(), Echo(), data, **OPTIONS)
    assert (result.n, result.thinned.lag1_autocorrelation) == (100, None)


def test_samples_that_chance_alone_makes_alike_are_not_thinned():
    data = TinyData({"val": feature_split("val", rows(100), time=np.arange(100.0))})
    result = compute(Echo(), Echo(), data, **OPTIONS)
    assert (result.n, result.thinned.step) == (100, 1)
    assert result.thinned.lag1_autocorrelation < result.thinned.threshold == 0.2


def test_thinning_never_leaves_fewer_than_four_samples_and_says_so():
    ramp = np.linspace(0, 1, 40)[:, None] + 0.01 * rows(40)
    data = TinyData({"val": feature_split("val", ramp, time=np.arange(40.0))})
    with pytest.warns(ResultWarning) as told:
        result = compute(Echo(), Echo(), data, **OPTIONS)
    assert (result.n, result.thinned.step) == (4, 13)
    assert result.thinned.capped
    assert any("their CKA is too high" in str(warning.message) for warning in told)
