"""The style: what is apart stays apart, and numbers can be read on every colour."""

from itertools import pairwise

import kiwisolver
import matplotlib
import numpy as np
import pytest
from figures.results import FIGURES
from matplotlib.colors import to_rgb

from assay.figures.style import COLOURS, STYLE, class_name, ink, look


def contrast(one, other) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour):
        c = np.asarray(to_rgb(colour))
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_neighbouring_looks_differ_in_colour_and_in_marker():
    looks = [look(i) for i in range(8)]
    for one, other in pairwise(looks):
        assert one.colour != other.colour
        assert one.marker != other.marker


def test_no_two_of_fifty_six_looks_are_the_same():
    assert len({(look(i).colour, look(i).marker) for i in range(56)}) == 56


def test_benign_and_attack_have_names_and_other_classes_numbers():
    assert [class_name(label) for label in range(3)] == ["benign", "attack", "class 2"]


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_is_seen_on_white(colour):
    assert contrast(colour, "white") > 2


@pytest.mark.parametrize("share", np.linspace(0, 1, 41))
def test_numbers_are_read_on_every_colour_of_the_scale(share):
    colour = matplotlib.colormaps["cividis"](share)[:3]
    assert contrast(colour, ink(*colour)) >= 4.5


def positions(seed: int) -> list[float]:
    """Where everything stands in a figure, laid out while the memory that is free lies in an order of the seed."""
    used = [kiwisolver.Variable() for _ in range(20_000)]
    np.random.default_rng(seed).shuffle(used)
    del used[:15_000]
    figure = FIGURES["gradcam"]()
    with matplotlib.style.context(["default", dict(STYLE)]):
        figure.draw_without_rendering()
    boxes = [part.bbox_relative for part in figure.subfigs]
    boxes += [axes.get_position(original=True) for axes in figure.axes]
    return [number for box in boxes for number in box.bounds]


def test_the_order_of_addresses_in_memory_moves_nothing():
    assert all(positions(seed) == positions(0) for seed in range(1, 8))
