"""The figure of a record: which curves share a panel, their axis, and what is said where there is nothing."""

import math

import pytest
from artifacts.origins import curve, record
from figures.seen import texts_of

from assay.figures.quantities import quantities
from assay.figures.record import NO_HISTORY, draw


def grouped(**curves):
    found = record(curves={name.replace("__", "/"): one for name, one in curves.items()})
    return quantities(found.results["history"], found.results["history_at"])


def axes_of(figure, title: str):
    return next(axes for axes in figure.axes if axes.get_title() == title)


def test_training_and_validation_of_one_quantity_share_a_panel_and_losses_come_first():
    found = grouped(
        val_acc=curve([1.0]),
        train_loss=curve([1.0]),
        val_loss=curve([1.0]),
        valid__f1=curve([1.0]),
        lr=curve([1.0]),
    )
    assert {quantity: [line.name for line in lines] for quantity, lines in found.items()} == {
        "loss": ["train", "val"],
        "acc": ["val"],
        "f1": ["val"],
        "lr": ["lr"],
    }


def test_the_loss_of_a_trainer_is_that_of_training_beside_its_eval_loss():
    found = grouped(loss=curve([1.0]), eval_loss=curve([1.0]))
    assert [line.name for line in found["loss"]] == ["train", "eval"]


def test_the_axis_is_one_on_which_every_value_has_a_place_of_its_own():
    assert grouped(loss=curve([1.0, 2.0]))["loss"][0].axis == "epoch"
    by_step = {**curve([1.0, 2.0], [0, 0]), "step": [5, 6]}
    (line,) = grouped(loss=by_step)["loss"]
    assert (line.axis, list(line.x)) == ("step", [5, 6])
    (line,) = grouped(loss=curve([1.0, 2.0], [None, None]))["loss"]
    assert (line.axis, list(line.x)) == ("entry", [0, 1])


def test_a_loss_over_decades_is_drawn_on_a_logarithmic_axis_and_others_are_not():
    steep, flat = curve([1.0, 0.1, 0.01]), curve([1.0, 0.9])
    assert axes_of(draw(record(curves={"val_loss": steep})), "loss").get_yscale() == "log"
    assert axes_of(draw(record(curves={"val_loss": flat})), "loss").get_yscale() == "linear"
    negative = curve([1.0, 0.01, -0.5])
    assert axes_of(draw(record(curves={"val_loss": negative})), "loss").get_yscale() == "linear"


def test_the_best_epoch_is_marked_in_its_panel_alone():
    figure = draw(record(curves={"val_loss": curve([3.0, 1.0, 2.0]), "val_acc": curve([1.0, 2.0, 3.0])}))
    dotted = [line.get_xdata()[0] for line in axes_of(figure, "loss").lines if line.get_linestyle() == ":"]
    assert dotted == [1]
    assert not [line for line in axes_of(figure, "acc").lines if line.get_linestyle() == ":"]
    assert "the lowest val_loss, 1, at epoch 1." in texts_of(figure)


def test_what_is_not_finite_is_a_gap_and_is_said():
    figure = draw(record(curves={"loss": curve([1.0, "NaN", 2.0])}))
    (line,) = [line for line in axes_of(figure, "loss").lines if line.get_linestyle() != ":"]
    assert math.isnan(line.get_ydata()[1])
    assert "not finite are gaps, in 1 of the curves" in texts_of(figure)


def test_a_thinned_history_and_panels_that_are_left_out_are_said():
    long = {**curve([1.0, 2.0]), "n": 9000}
    figure = draw(record(curves={f"m{i}": long for i in range(8)}))
    assert "6 of 8 metrics are drawn" in texts_of(figure)
    assert "Thinned, lowest and highest values kept: 8 of the curves." in texts_of(figure)


def test_without_a_history_the_figure_says_so_and_shows_the_settings():
    figure = draw(record(hparams={"hyper_parameters": {"width": 8}, "epoch": 3}, config={"lr": 0.1}))
    said = texts_of(figure)
    assert NO_HISTORY in said
    assert {"width = 8", "lr = 0.1"} <= set(said.splitlines())
    assert "epoch 3" in said


@pytest.mark.parametrize("n", [24, 25])
def test_more_settings_than_fit_are_counted(n):
    said = texts_of(draw(record(config={f"k{i}": i for i in range(n)})))
    assert ("and 2 more" in said) == (n == 25)
