"""Figures as files: the same bytes each time, whoever saves them, and whole or not at all."""

import matplotlib
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.figure import Figure
from PIL import Image

from assay.store.pictures import save_figure

STYLE = {"font.size": 7, "savefig.dpi": 40, "text.parse_math": False}


def figure() -> Figure:
    drawn = Figure(figsize=(3, 2))
    axes = drawn.subplots()
    axes.plot([-1, 2, 4], label="a $x$ line", clip_on=True)
    axes.bar([0, 1], [1, 3], hatch="//")
    axes.legend()
    return drawn


@pytest.fixture
def saved(tmp_path):
    def save(name: str, drawn: Figure | None = None) -> tuple[bytes, bytes]:
        png, svg = tmp_path / f"{name}.png", tmp_path / f"{name}.svg"
        save_figure(drawn or figure(), png, svg, style=STYLE)
        return png.read_bytes(), svg.read_bytes()

    return save


def test_one_figure_is_one_byte_sequence_drawn_again_or_saved_again(saved):
    drawn = figure()
    first = saved("a", drawn)
    assert saved("b", drawn) == first
    assert saved("c", figure()) == first


def test_files_name_no_date_and_no_software(saved, tmp_path):
    _, svg = saved("a")
    with Image.open(tmp_path / "a.png") as image:
        assert not {"Software", "Date", "Creation Time"} & image.info.keys()
        assert image.size == (120, 80)
    for word in (b"dc:date", b"Matplotlib v", b"<dc:creator"):
        assert word not in svg


def test_the_readers_own_matplotlibrc_changes_nothing(saved):
    drawn = figure()
    first = saved("a", drawn)
    theirs = {"svg.hashsalt": "other", "svg.fonttype": "none", "axes.unicode_minus": False, "savefig.dpi": 50}
    with matplotlib.rc_context(theirs):
        assert saved("b", drawn) == first


def test_the_style_is_in_force_while_a_figure_is_saved(saved, tmp_path):
    drawn = figure()
    before = saved("a", drawn)
    files = (tmp_path / "b.png", tmp_path / "b.svg")
    save_figure(drawn, *files, style={**STYLE, "axes.unicode_minus": False})
    for old, new in zip(before, files, strict=True):
        assert old != new.read_bytes()


def test_a_failed_save_leaves_the_old_files_and_no_litter(saved, tmp_path):
    before = saved("a")
    broken = figure()
    broken.axes[0].draw = None
    with pytest.raises(TypeError):
        saved("a", broken)
    assert ((tmp_path / "a.png").read_bytes(), (tmp_path / "a.svg").read_bytes()) == before
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg"}


def test_saving_opens_no_figure_and_leaves_matplotlib_as_it_was(saved):
    before = dict(matplotlib.rcParams)
    saved("a")
    assert dict(matplotlib.rcParams) == before
    assert not Gcf.figs
