"""Calibration against a walk over sorted samples, its laws, and what chance does to smaller samples."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from assay.numerics.calibration import Calibration, block_length, calibration, reason_against, reliability


def calibrated(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that come true as often as they say."""
    generator = np.random.default_rng(seed)
    scores = generator.beta(0.5, 0.5, n)
    return scores, (generator.random(n) < scores).astype(np.int64)


def overconfident(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose logits are twice those that would be right."""
    rates, labels = calibrated(seed, n)
    odds = (rates / (1 - rates)) ** 2
    return odds / (1 + odds), labels


def measured(scores, labels, seed: int = 0, *, block: int = 1) -> Calibration:
    labels = np.asarray(labels, dtype=np.int64)
    return calibration(scores, labels, block=block, generator=np.random.default_rng(seed))


def overlapping(seed: int, n: int, overlap: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of `overlap` strides, whose scores are exact: attacks come in bursts, and neighbours share strides.

    A stride is the first or last of a burst with probability 0.05 and 0.1; a window with an attack has label 1. What
    a policy sees is normal, of mean 1.5 or 0.
    """
    generator, state = np.random.default_rng(seed), np.zeros(n + overlap - 1, bool)
    turns = generator.random(len(state))
    for i in range(1, len(state)):
        state[i] = turns[i] >= 0.1 if state[i - 1] else turns[i] < 0.05
    labels = np.array([state[i : i + overlap].any() for i in range(n)])
    noise = np.convolve(generator.standard_normal(len(state)), np.ones(overlap), "valid") / math.sqrt(overlap)
    benign = 2 / 3 * 0.95 ** (overlap - 1)
    odds = (1 - benign) / benign * np.exp(1.5 * (1.5 * labels + noise) - 1.5**2 / 2)
    return odds / (1 + odds), labels.astype(np.int64)


def oracle_bins(scores: list[float], n_bins: int) -> list[list[int]]:
    """Samples by bin: a group of equal scores goes where its middle rank falls."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    bins: list[list[int]] = [[] for _ in range(n_bins)]
    first = 0
    while first < len(order):
        group = [i for i in order if scores[i] == scores[order[first]]]
        middle = first + len(group) / 2
        bins[math.floor(n_bins * middle / len(order))] += group
        first += len(group)
    return [members for members in bins if members]


@pytest.mark.parametrize(("n", "decimals"), [(100, 9), (237, 9), (400, 2), (400, 1), (1000, 9), (3000, 2)])
def test_table_and_errors_are_those_of_a_walk_over_sorted_samples(n, decimals):
    scores, labels = calibrated(n + decimals, n)
    scores = scores.round(decimals)
    bins = oracle_bins(scores.tolist(), min(max(n // 50, 2), 15))
    table, found = reliability(scores, labels), measured(scores, labels)
    means = [math.fsum(scores[i] for i in members) / len(members) for members in bins]
    rates = [sum(int(labels[i]) for i in members) / len(members) for members in bins]
    assert table.n.tolist() == [len(members) for members in bins]
    assert table.score == pytest.approx(np.array(means))
    assert table.rate == pytest.approx(np.array(rates))
    ece, square = 0.0, 0.0
    for members, mean, rate in zip(bins, means, rates, strict=True):
        ece += len(members) / n * abs(rate - mean)
        square += len(members) / n * ((rate - mean) ** 2 - rate * (1 - rate) / (len(members) - 1))
    assert (found.ece, found.square, found.n) == (pytest.approx(ece), pytest.approx(square), n)
    assert found.brier == pytest.approx(np.mean([(y - s) ** 2 for y, s in zip(labels, scores, strict=True)]))


def test_the_debiased_square_of_right_scores_is_0_on_average_and_the_ece_is_not():
    """200 seeds of 300 samples; 4 standard errors."""
    found = [measured(*calibrated(seed, 300)) for seed in range(200)]
    squares = np.array([each.square for each in found])
    assert abs(squares.mean()) < 4 * squares.std() / math.sqrt(200)
    assert abs(squares.mean()) < 3e-4
    assert min(each.ece for each in found) > 0
    assert np.mean([each.ece for each in found]) == pytest.approx(0.037, abs=0.003)


EXPECTED = [  # n, mean ECE of right scores, error of overconfident ones, share of them found at 0.05
    (100, 0.041, 0.066, 0.58),
    (300, 0.038, 0.090, 0.97),
    (1000, 0.032, 0.096, 1.00),
]


@pytest.mark.parametrize(("n", "ece", "error", "power"), EXPECTED)
def test_right_and_overconfident_scores_are_told_apart_as_in_simulations(n, ece, error, power):
    """100 seeds of one distribution of scores; the simulations' is unknown. Tolerances are some 3 standard errors."""
    right = [measured(*calibrated(seed, n), seed) for seed in range(100)]
    wrong = [measured(*overconfident(seed, n), seed) for seed in range(100)]
    assert np.mean([each.ece for each in right]) == pytest.approx(ece, abs=0.008)
    assert abs(np.mean([each.square for each in right])) < 0.001
    assert math.sqrt(np.mean([each.square for each in wrong])) == pytest.approx(error, abs=0.012)
    assert np.mean([each.p <= 0.05 for each in right]) == pytest.approx(0.05, abs=0.045)
    assert np.mean([each.p <= 0.05 for each in wrong]) == pytest.approx(power, abs=0.15)


def test_the_chance_level_is_the_ece_of_right_scores():
    found = [measured(*calibrated(seed, 500), seed) for seed in range(100)]
    eces = np.array([each.ece for each in found])
    assert np.mean([each.ece_chance for each in found]) == pytest.approx(eces.mean(), rel=0.05)
    highs = [each.ece_chance_high for each in found]
    assert np.mean(highs) == pytest.approx(np.quantile(eces, 0.95), rel=0.15)
    assert all(each.ece_chance < each.ece_chance_high for each in found)


def test_the_least_p_is_one_of_all_draws_and_the_observed():
    assert measured(*overconfident(0, 3000)).p == 1 / 201


@pytest.mark.parametrize(
    ("n", "bins"), [(1, 1), (3, 1), (20, 2), (99, 2), (149, 2), (150, 3), (749, 14), (750, 15), (5000, 15)]
)
def test_bins_have_equal_mass(n, bins):
    scores, labels = calibrated(n, n)
    sizes = reliability(scores, labels).n
    assert (len(sizes), sizes.sum()) == (bins, n)
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        ([(0.3, 500)], [500]),
        ([(0.1, 10), (0.9, 490)], [10, 490]),
        ([(0.2, 150), (0.4, 200), (0.6, 150)], [150, 200, 150]),
        ([(0.1, 1), (0.5, 119)], [120]),
        ([(0.5, 119), (0.9, 1)], [120]),
        ([(0.1, 1), (0.2, 118), (0.3, 1)], [120]),
        ([(0.1, 60), (0.5, 138), (0.9, 1), (0.95, 101)], [60, 139, 101]),
    ],
)
def test_equal_scores_stay_together_and_no_bin_has_one_sample(groups, sizes):
    scores = np.concatenate([np.full(count, score) for score, count in groups])
    labels = np.arange(len(scores)) % 2
    order = np.random.default_rng(0).permutation(len(scores))
    assert reliability(scores[order], labels).n.tolist() == sizes


def test_the_interval_of_a_rate_is_wilson_s():
    table = reliability(*overconfident(1, 400))
    for n, rate, low, high in zip(table.n, table.rate, table.low, table.high, strict=True):
        expected = binomtest(round(n * rate), n).proportion_ci(method="wilson")
        assert (low, high) == (
            pytest.approx(expected.low, abs=1e-12),
            pytest.approx(expected.high, abs=1e-12),
        )
    assert table.low.min() >= 0
    assert table.high.max() <= 1


def test_the_order_of_samples_does_not_matter():
    scores, labels = calibrated(2, 333)
    order = np.random.default_rng(1).permutation(333)
    one, other = measured(scores, labels), measured(scores[order], labels[order])
    for name in ("ece", "square", "brier", "log_loss"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))


def test_benign_and_attack_may_change_places():
    scores, labels = overconfident(3, 600)
    one, other = measured(scores, labels), measured(1 - scores, 1 - labels)
    for name in ("ece", "square", "brier", "log_loss"):
        assert getattr(one, name) == pytest.approx(getattr(other, name))
    table, mirrored = reliability(scores, labels), reliability(1 - scores, 1 - labels)
    assert table.low == pytest.approx(1 - mirrored.high[::-1])


def test_one_score_that_is_the_rate_is_perfect():
    found = measured(np.full(200, 0.25), np.arange(200) % 4 == 0)
    assert (found.ece, found.p, found.brier) == (0, 1, pytest.approx(0.25 * 0.75))
    assert found.log_loss == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    assert found.square == pytest.approx(-0.25 * 0.75 / 199)
    assert found.error == pytest.approx(-math.sqrt(0.25 * 0.75 / 199))


def test_one_score_off_by_a_tenth_has_an_error_of_a_tenth():
    found = measured(np.full(10000, 0.35), np.arange(10000) % 4 == 0)
    assert (found.ece, found.error) == (pytest.approx(0.1), pytest.approx(0.1, abs=2e-4))
    assert found.brier == pytest.approx(0.25 * 0.75 + 0.1**2)


def test_a_certain_score_that_is_wrong_costs_a_large_logarithm_not_an_infinite_one():
    scores, labels = np.repeat([0.0, 1.0], 50), np.repeat([0, 1], 50)
    assert (measured(scores, labels).log_loss, measured(scores, labels).ece) == (0, 0)
    assert measured(1 - scores, labels).log_loss == pytest.approx(-math.log(1e-7))
    assert measured(1 - scores, labels).p == 1 / 201


def test_single_precision_is_computed_in_double():
    scores, labels = calibrated(4, 3000)
    single = scores.astype(np.float32)
    assert measured(single, labels) == measured(single.astype(np.float64), labels)


@pytest.mark.parametrize(
    ("benign", "attacks", "reason"),
    [
        (0, 0, "0 samples; needs 100 or more"),
        (79, 20, "99 samples; needs 100 or more"),
        (181, 19, "class attack has 19 samples; needs 20 or more"),
        (19, 181, "class benign has 19 samples; needs 20 or more"),
        (80, 20, ""),
        (20, 80, ""),
    ],
)
def test_what_cannot_be_told_has_a_reason_and_a_table(benign, attacks, reason):
    labels = np.repeat([0, 1], [benign, attacks])
    assert reason_against(labels) == reason
    if reason and len(labels):
        scores = np.linspace(0, 1, len(labels))
        assert reliability(scores, labels).n.sum() == len(labels)
        with pytest.raises(ValueError, match=f"calibration: {reason}"):
            measured(scores, labels)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([], [], "no sample"),
        ([0.5, 1.25], [0, 1], r"scores reach from 0\.5 to 1\.25; allowed: 0 to 1"),
        ([-0.5, 0.5], [0, 1], r"scores reach from -0\.5 to 0\.5; allowed: 0 to 1"),
        ([0.5, math.nan], [0, 1], "scores reach from nan to nan; allowed: 0 to 1"),
        ([0.5, 0.5], [0, 2], r"labels \[2\]; allowed: 0 \(benign\) and 1 \(attack\)"),
    ],
)
def test_what_are_no_scores_or_labels_is_refused(scores, labels, message):
    scores, labels = np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int64)
    for call in (reliability, measured):
        with pytest.raises(ValueError, match=f"calibration: {message}"):
            call(scores, labels)


def test_the_same_generator_gives_the_same_numbers():
    assert measured(*calibrated(5, 400), 7) == measured(*calibrated(5, 400), 7)
    assert measured(*calibrated(5, 400), 7).ece_chance != measured(*calibrated(5, 400), 8).ece_chance


@pytest.mark.parametrize(("overlap", "n"), [(4, 1000), (10, 1000), (10, 3000)])
def test_right_scores_of_overlapping_windows_are_found_wrong_no_more_often_than_chance_in_blocks_allows(
    overlap, n
):
    """100 seeds; 0.05 is right, and independent draws find a third or more of them wrong."""
    windows = [overlapping(seed, n, overlap) for seed in range(100)]
    blocks = [measured(*each, seed, block=block_length(*each)) for seed, each in enumerate(windows)]
    independent = [measured(*each, seed) for seed, each in enumerate(windows)]
    assert np.mean([each.p <= 0.05 for each in blocks]) <= 0.12
    assert np.mean([each.p <= 0.05 for each in independent]) >= 0.3
    means = [np.mean([each.square for each in found]) for found in (blocks, independent)]
    assert abs(means[0]) < 0.5 * means[1]


def test_overconfident_scores_of_overlapping_windows_are_still_found():
    scores, labels = overlapping(0, 3000, 4)
    odds = (scores / (1 - scores)) ** 2
    wrong = odds / (1 + odds)
    found = measured(wrong, labels, block=block_length(wrong, labels))
    assert found.block > 4
    assert found.p <= 0.05
    assert found.error == pytest.approx(0.1, abs=0.03)


def test_independent_samples_are_blocks_of_one_39_times_in_40():
    lengths = [block_length(*calibrated(seed, 400)) for seed in range(200)]
    assert np.mean([length > 1 for length in lengths]) == pytest.approx(0.025, abs=0.03)


def test_a_block_is_twice_the_autocorrelation_time():
    """Of one score, each label k times in a row: r at lag j is 1 - j / k, and the time is k."""
    for k in (5, 20):
        labels = np.repeat(np.random.default_rng(k).integers(0, 2, 4000), k)
        assert block_length(np.full(len(labels), 0.5), labels) == pytest.approx(2 * k, rel=0.1)


def test_scores_that_are_wrong_for_long_do_not_make_independent_labels_hang_together():
    scores = 0.5 + 0.45 * np.sin(np.arange(1000) / 50)
    labels = [np.random.default_rng(seed).integers(0, 2, 1000) for seed in range(40)]
    assert np.mean([block_length(scores, each) > 1 for each in labels]) < 0.2


def test_labels_of_a_block_are_drawn_together():
    """One score: the ECE is the error of one rate, sqrt(block) times as large by chance."""
    scores, labels = np.full(3000, 0.5), np.arange(3000) % 2
    one, ten = (measured(scores, labels, block=block) for block in (1, 10))
    assert ten.ece_chance == pytest.approx(math.sqrt(10) * one.ece_chance, rel=0.15)
    assert (one.block, ten.block) == (1, 10)
    assert (one.ece, one.brier) == (ten.ece, ten.brier)
    assert ten.square == pytest.approx(10 * one.square, rel=0.25)


def test_a_block_of_all_samples_is_one_draw():
    scores, labels = calibrated(6, 150)
    found = measured(scores, labels, block=1000)
    assert found.p > 0.5
    assert found.ece_chance > 0.2


def test_labels_that_the_bins_foretell_leave_nothing_to_hang_together():
    scores, labels = np.repeat([0.0, 1.0], 100), np.repeat([0, 1], 100)
    assert block_length(scores, labels) == 1
    assert measured(scores, labels, block=7).square == 0
