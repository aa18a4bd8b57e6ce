"""A fusion policy drawn: bars that are shares of their class, points of the table, and every reason in words."""

import dataclasses

import numpy as np
import pytest
from figures.results import policy_result
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer

from assay.figures.fusion_policy import draw
from assay.figures.style import look
from assay.numerics.calibration import calibration, reliability

HALVES = [0, 1] * 40


def panel(figure, start: str):
    (found,) = [axes for axes in figure.axes if axes.get_title().startswith(start)]
    return found


def titles(figure) -> list[str]:
    return [axes.get_title().split(":")[0].split(";")[0] for axes in figure.axes]


def bars(axes) -> list[dict[float, float]]:
    """Of each class, heights above 0 or below by the middle of the bar."""
    return [
        {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in group if bar.get_height()}
        for group in axes.containers
    ]


def errorbars(axes) -> np.ndarray:
    """Where the points stand, and the ends of their lines: (x, y, low, high) a row."""
    (container,) = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    line, _, (ends,) = container.lines
    segments = np.array(ends.get_segments())
    return np.column_stack([line.get_xdata(), line.get_ydata(), segments[:, 0, 1], segments[:, 1, 1]])


def header(figure) -> str:
    return " ".join(figure.subfigs[0].get_suptitle().split())


def test_alphas_are_shares_of_their_class_attacks_downwards():
    alphas = [0.0, 0.0, 0.05, 0.85, 1.0, 1.0, 1.0, 1.0]
    axes = panel(draw(policy_result([0, 0, 0, 0, 1, 1, 1, 2], alphas=alphas)), "alpha")
    assert bars(axes) == [{0.0: 0.5, 0.05: 0.25, 0.85: 0.25}, {1.0: -1.0}]
    for label, group in enumerate(axes.containers):
        assert group[0].get_facecolor()[:3] == pytest.approx(to_rgb(look(label).colour))


def test_every_published_alpha_has_a_bar_of_its_own():
    alphas = np.linspace(0, 1, 21, dtype=np.float32)
    benign, _ = bars(panel(draw(policy_result([0] * 21, alphas=alphas)), "alpha"))
    assert list(benign) == pytest.approx(np.linspace(0, 1, 21).tolist())
    assert list(benign.values()) == pytest.approx([1 / 21] * 21)


def test_scores_are_shares_of_their_class_on_one_scale():
    score = np.array([0.01, 0.01, 0.52, 0.97, 0.97, 0.97], np.float32)
    axes = panel(draw(policy_result([0, 0, 0, 1, 1, 1], score=score)), "score")
    benign, attacks = bars(axes)
    assert benign == pytest.approx({0.025: 2 / 3, 0.525: 1 / 3})
    assert attacks == {0.975: -1}
    low, high = axes.get_ylim()
    assert -low == high > 1


def test_the_dashed_line_is_the_lowest_score_called_an_attack():
    score = np.array([0.2, 0.7, 0.4, 0.9], np.float32)
    result = policy_result([0, 1, 0, 1], score=score, decision=np.array([0, 1, 0, 1]))
    (dashed,) = [line for line in panel(draw(result), "score").lines if line.get_linestyle() == "--"]
    assert dashed.get_xdata() == pytest.approx([0.7, 0.7])
    none = panel(draw(policy_result([0, 0], score=score[:2], decision=np.array([0, 0]))), "score")
    assert not [line for line in none.lines if line.get_linestyle() == "--"]


def test_reliability_is_the_table_of_each_split_with_its_intervals():
    split = np.repeat(["val", "test"], [300, 200])
    result = policy_result([0, 1] * 250, split=split)
    panels = [axes for axes in draw(result).axes if axes.get_title().startswith("reliability")]
    assert len(panels) == 2
    for name, axes in zip(("val", "test"), panels, strict=True):
        here = result.split == name
        table = reliability(result.score[here].astype(np.float64), result.label[here])
        expected = np.column_stack([table.score, table.rate, table.low, table.high])
        assert errorbars(axes) == pytest.approx(expected)


def test_the_numbers_are_those_of_the_calibration_the_ece_beside_chance():
    result = policy_result([0, 1] * 150)
    found = calibration(
        result.score.astype(np.float64), result.label, block=1, generator=np.random.default_rng(0)
    )
    said = panel(draw(result), "reliability").get_title()
    assert f"ECE {found.ece:.3f}, p = {found.p:.2g}\n" in said
    assert (
        f"by chance {found.ece_chance:.3f}, 95 % below {found.ece_chance_high:.3f}; error {found.error:.3f}\n"
        in said
    )
    assert f"Brier {found.brier:.3f}, log loss {found.log_loss:.3f} nats" in said


def test_an_error_below_0_keeps_its_sign():
    result = policy_result([0, 1] * 150)
    below = {"val": dataclasses.replace(result.calibration["val"], square=-0.0004)}
    figure = draw(policy_result([0, 1] * 150, calibration=below))
    assert "error \N{MINUS SIGN}0.020" in panel(figure, "reliability").get_title()


def test_what_is_not_measured_has_its_reason_and_its_table():
    axes = panel(draw(policy_result([0] * 200)), "reliability")
    assert "no ECE: class attack has 0 samples; needs 20 or more" in " ".join(axes.get_title().split())
    assert (errorbars(axes)[:, 1] == 0).all()


def test_scores_a_rounding_outside_0_to_1_are_clipped():
    score = np.resize(np.array([-1e-6, 1 + 1e-6], np.float32), len(HALVES))
    figure = draw(policy_result(HALVES, score=score))
    assert errorbars(panel(figure, "reliability"))[:, 0].tolist() == [0, 1]
    assert bars(panel(figure, "score")) == [{0.025: 1.0}, {0.975: -1.0}]


def test_at_each_alpha_stands_how_often_it_is_right_and_how_certain_the_experts_are():
    alphas = [0.2, 0.2, 0.2, 0.2, 0.8, 0.8]
    decision, gat = np.array([0, 1, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 0.5, 0.7], np.float32)
    vgae = np.array([1.5, 1, 1, 1, -0.5, 0.5], np.float32)  # clipped, as policies see it
    result = policy_result([0, 1, 1, 0, 1, 0], alphas=alphas, decision=decision, gat_conf=gat, vgae_conf=vgae)
    axes = panel(draw(result), "at each alpha")
    points = errorbars(axes)
    assert points[:, :2] == pytest.approx(np.array([[0.2, 0.75], [0.8, 0.5]]))
    assert points[0, 2:] == pytest.approx([0.3006, 0.9544], abs=1e-4)  # Wilson, 3 of 4
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    assert lines["GAT's certainty"] == pytest.approx([0.25, 0.6])
    assert lines["VGAE's certainty"] == pytest.approx([1, 0.25])


def test_where_no_alpha_is_chosen_there_is_no_panel_of_it_and_the_title_says_so():
    learnt = draw(policy_result(HALVES, policy="weighted_avg", learnt_alpha=0.8314))
    assert titles(learnt) == ["score", "reliability"]
    assert learnt.get_suptitle().endswith("Learnt alpha: 0.831.")
    assert draw(policy_result(HALVES)).get_suptitle().endswith("It has no alpha.")
    chosen = draw(policy_result(HALVES, alphas=[0.5, 1]))
    assert titles(chosen) == ["alpha", "score", "at each alpha", "reliability"]
    assert "has no alpha" not in chosen.get_suptitle()


def test_why_it_does_not_decide_sample_by_sample_is_printed_at_its_split():
    sentence = "Alpha is 1 for every sample: the VGAE is never used."
    split = np.repeat(["val", "test"], 40)
    figure = draw(policy_result(HALVES, alphas=[1], split=split, degenerate={"test": sentence}))
    said = [" ".join(part.get_suptitle().split()) for part in figure.subfigs]
    assert [sentence in text for text in said] == [False, True]


def test_the_header_says_how_much_of_each_class_is_decided_right():
    result = policy_result([0, 0, 0, 0, 1, 2], decision=np.array([0, 0, 0, 1, 0, 1]))
    assert header(draw(result)) == "val: 4 benign (75.0% decided right), 2 attacks (50.0% decided right)"
    assert header(draw(policy_result([1], decision=np.array([1])))) == (
        "val: 0 benign, 1 attack (100.0% decided right)"
    )


def test_no_sample_is_said():
    assert [text.get_text() for axes in draw(policy_result([])).axes for text in axes.texts] == ["no sample"]
