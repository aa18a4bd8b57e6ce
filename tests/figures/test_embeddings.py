"""Embeddings drawn: every sample once, components that mean what they say, and separation or the reason why not."""

import dataclasses

import numpy as np
import pytest
from figures.results import embeddings_result
from matplotlib.colors import to_rgb

from assay.figures.embeddings import MOST_DRAWN, draw
from assay.figures.style import look
from assay.numerics.separation import separation

HALVES = [0, 1] * 40


def points(axes) -> np.ndarray:
    return np.concatenate([np.asarray(group.get_offsets()) for group in axes.collections])


def groups(axes) -> dict[str, int]:
    return {group.get_label(): len(group.get_offsets()) for group in axes.collections}


def said(figure) -> str:
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts).replace("\n", " ")


def test_every_sample_is_a_point_of_its_class():
    axes = draw(embeddings_result([0] * 30 + [1] * 12)).axes[0]
    assert groups(axes) == {"benign (30)": 30, "attack (12)": 12}
    for label, group in enumerate(axes.collections):
        assert tuple(group.get_facecolor()[0][:3]) == pytest.approx(to_rgb(look(label).colour))


def test_the_components_are_those_of_the_centred_samples():
    result = embeddings_result(HALVES)
    rows = result.embeddings.astype(np.float64)
    variances, axes_of_variance = np.linalg.eigh(np.cov(rows.T))
    first = (rows - rows.mean(0)) @ axes_of_variance[:, -1]
    axes = draw(result).axes[0]
    drawn = np.concatenate([np.asarray(axes.collections[label].get_offsets())[:, 0] for label in (0, 1)])
    expected = np.concatenate([first[result.labels == label] for label in (0, 1)])
    assert np.abs(drawn) == pytest.approx(np.abs(expected), abs=1e-5)
    assert axes.get_xlabel() == f"PC 1 ({variances[-1] / variances.sum():.1%} of variance)"
    assert axes.get_ylabel() == f"PC 2 ({variances[-2] / variances.sum():.1%} of variance)"


def test_the_sign_of_a_component_is_that_of_its_largest_loading():
    result = embeddings_result([0] * 30)
    mirrored = dataclasses.replace(result, embeddings=-result.embeddings)
    assert points(draw(mirrored).axes[0]) == pytest.approx(-points(draw(result).axes[0]), abs=1e-5)


def test_samples_in_another_order_are_the_same_picture():
    result = embeddings_result([0] * 30)
    turned = dataclasses.replace(result, embeddings=result.embeddings[::-1].copy())
    assert points(draw(turned).axes[0])[::-1] == pytest.approx(points(draw(result).axes[0]), abs=1e-5)


def test_a_mean_far_off_changes_no_component():
    result = embeddings_result([0] * 200, d=3)
    moved = dataclasses.replace(result, embeddings=result.embeddings + np.float32(1000))
    assert points(draw(moved).axes[0]) == pytest.approx(points(draw(result).axes[0]), abs=1e-2)


@pytest.mark.parametrize("labels", [[1], [0] * 7])
def test_samples_that_are_all_equal_have_no_variance(labels):
    result = embeddings_result(labels)
    equal = dataclasses.replace(result, embeddings=np.ones_like(result.embeddings))
    axes = draw(equal).axes[0]
    assert axes.get_xlabel() == "PC 1 (0.0% of variance)"
    assert (points(axes) == 0).all()


def test_every_split_has_its_row_on_the_same_axes():
    result = embeddings_result([0] * 60, split=np.repeat(["val", "test"], [40, 20]))
    first, _, second, _ = draw(result).axes
    assert (len(points(first)), len(points(second))) == (40, 20)
    assert (first.get_title(), second.get_title()) == ("val: n = 40, by class", "test: n = 20, by class")
    assert first.get_xlim() == second.get_xlim()


def test_of_many_samples_a_stated_number_is_drawn():
    figure = draw(embeddings_result([0] * (MOST_DRAWN + 1000), d=2))
    assert len(points(figure.axes[0])) == MOST_DRAWN
    assert f"{MOST_DRAWN} of {MOST_DRAWN + 1000} samples" in " ".join(figure.get_supxlabel().split())


def test_an_attack_type_counts_for_attacks_alone():
    labels, types = [0, 0, 1, 1, 1], np.array([3, 0, 3, 3, 0])
    axes = draw(embeddings_result(labels, attack_type=types)).axes[1]
    assert groups(axes) == {"benign (2)": 2, "attack 3 (2)": 2, "other or unknown (1)": 1}


def test_rare_types_share_a_look():
    types = np.concatenate([np.repeat(np.arange(1, 8), 3), [8, 9]])
    axes = draw(embeddings_result([1] * len(types), attack_type=types)).axes[1]
    assert groups(axes) == {f"attack {code} (3)": 3 for code in range(1, 8)} | {"other or unknown (2)": 2}


def test_the_separation_is_that_of_the_full_space():
    result = embeddings_result(HALVES, d=9)
    text = said(draw(result))
    found = separation(result.embeddings, result.labels, generator=np.random.default_rng(0))
    for name, score in (("silhouette", found.silhouette), ("recall", found.recall), ("AUROC", found.auroc)):
        assert (
            f"{name} {score.value:.2f} [{score.low:.2f}, {score.high:.2f}] chance {score.chance:.2f}" in text
        )


@pytest.mark.parametrize(
    ("labels", "reason"),
    [([0] * 20, "one class only: 0"), ([0] * 20 + [1] * 9, "class 1 has 9 samples; needs 10 or more")],
)
def test_what_cannot_be_measured_has_its_reason_instead(labels, reason):
    assert reason in said(draw(embeddings_result(labels)))


def test_no_sample_is_said():
    assert said(draw(embeddings_result([]))) == "no sample"
