"""A landscape drawn: levels at equal ratios, axes the right way round, and whatever the losses are."""

import numpy as np
import pytest
from figures.results import bowl, landscape_result, with_holes
from hypothesis import given
from hypothesis import strategies as st

from assay.figures.landscape import _contour_levels, draw


def said(figure) -> str:
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def slices(figure):
    return [axes for axes in figure.axes if axes.get_title().startswith("along")]


def crosses(axes) -> int:
    return sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "x")


@given(st.floats(1e-12, 1e12), st.floats(1.001, 1e200))
def test_levels_rise_in_equal_ratios_from_the_lowest_to_the_highest_loss(low, ratio):
    levels = _contour_levels(np.array([low * ratio, low]))
    assert (levels[0], levels[-1]) == (low, low * ratio)
    assert (np.diff(levels) > 0).all()
    assert np.diff(np.log(levels)) == pytest.approx(np.log(ratio) / (len(levels) - 1), rel=1e-6, abs=1e-12)


@given(st.floats(-1e6, 0), st.floats(1e-3, 1e6))
def test_levels_of_losses_down_to_0_and_below_rise_in_equal_ratios_above_the_lowest(low, span):
    levels = _contour_levels(np.array([low, low + span]))
    assert (np.diff(levels) > 0).all()
    assert levels[0] == low
    assert levels[-1] == pytest.approx(low + span)
    assert np.diff(np.log(levels[1:] - low)).std() < 1e-3


def test_x_goes_to_the_right_and_y_up():
    figure = draw(landscape_result(9, lambda x, y: np.exp(x) + 0 * y))
    lines = figure.axes[0].collections[1]
    for path in lines.get_paths():
        assert np.ptp(path.vertices[:, 0]) < 1e-9  # a loss of x alone has upright contours
    along_x, along_y = slices(figure)
    assert along_x.lines[0].get_ydata() == pytest.approx(np.exp(np.linspace(-1, 1, 9)))
    assert along_y.lines[0].get_ydata() == pytest.approx(np.ones(9))


def test_the_checkpoint_is_marked_with_its_own_loss():
    figure = draw(landscape_result(9, bowl, loss_at_checkpoint=0.31))
    stars = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "*"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in stars] == [(0, 0), (0, 0.31), (0, 0.31)]


def test_slices_of_an_even_grid_are_the_nearest_to_the_checkpoint_and_say_so():
    along_x, along_y = slices(draw(landscape_result(4, lambda x, y: bowl(x, y) + y)))
    assert along_x.get_title() == "along x at y = \N{MINUS SIGN}0.333, the nearest to 0"
    assert along_y.get_title() == "along y at x = \N{MINUS SIGN}0.333, the nearest to 0"
    x = np.linspace(-1, 1, 4)
    assert along_x.lines[0].get_ydata() == pytest.approx(bowl(x, x[1]) + x[1])


def test_losses_that_are_not_finite_are_crosses_on_a_hatched_ground_and_counted():
    result = landscape_result(11, with_holes)
    figure = draw(result)
    flat = figure.axes[0]
    assert crosses(flat) == result.n_not_finite == int((~np.isfinite(result.loss)).sum()) > 0
    assert flat.patches[0].get_hatch()
    assert f"{result.n_not_finite} of 121 losses are not finite" in figure.get_supxlabel()


def test_a_slice_has_a_gap_and_a_cross_where_a_loss_is_not_finite():
    figure = draw(landscape_result(11, lambda x, y: np.where(x > 0.7, np.inf, bowl(x, y))))
    along_x, along_y = slices(figure)
    assert (crosses(along_x), crosses(along_y)) == (2, 0)
    assert np.isnan(along_x.lines[0].get_ydata()).sum() == 2


@pytest.mark.parametrize(
    ("resolution", "loss", "reason"),
    [
        (1, bowl, "One grid point"),
        (5, lambda x, y: 0 * x + 0.25, "The loss is the same at every finite point: 0.25."),
        (5, lambda x, y: 0.25 + 1e-14 * x, "The loss is the same at every finite point: 0.25."),
        (5, lambda x, y: x * np.nan, "No loss on the grid is finite."),
    ],
)
def test_a_plane_without_contours_says_why_and_keeps_its_slices(resolution, loss, reason):
    figure = draw(landscape_result(resolution, loss))
    assert reason in said(figure)
    assert len(slices(figure)) == 2


def test_one_finite_loss_among_others_is_drawn():
    draw(landscape_result(3, lambda x, y: np.where((x == 0) & (y == 0), 1.0, np.where(x > 0, 2.0, np.nan))))


@pytest.mark.parametrize(("factor", "heights"), [(1, "loss"), (1000, "log10 loss")])
def test_heights_are_logarithms_where_losses_are_orders_apart(factor, heights):
    figure = draw(landscape_result(7, lambda x, y: 1 + factor * bowl(x, y) - factor * 0.2))
    assert figure.axes[1].get_zlabel() == heights
    assert {axes.get_yscale() for axes in slices(figure)} == {"log" if heights != "loss" else "linear"}
    surface = figure.axes[1].collections[0]
    assert len(surface.get_array()) == 36


def test_what_the_directions_leave_out_is_said():
    notes = draw(landscape_result(3, bowl, zero_norm=("a", "b"), ignore="biasbn")).get_supxlabel()
    assert "zero throughout: 2 parameters" in notes
    assert "Directions leave out: biasbn" in notes


def test_losses_that_depend_on_the_batches_are_told():
    said = [
        " ".join(draw(landscape_result(3, bowl, compat=c)).get_supxlabel().split())
        for c in ("none", "published")
    ]
    assert ["depend on the batches" in notes for notes in said] == [False, True]
