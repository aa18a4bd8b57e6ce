"""What holds for every figure: texts can be read, axes say what they are, names are no formulas, nothing leaks."""

from dataclasses import dataclass

import matplotlib
import numpy as np
import pytest
from figures.results import FIGURES, UNSAFE
from lab import ROOT
from matplotlib._pylab_helpers import Gcf
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from mpl_toolkits.mplot3d import Axes3D

from assay.figures.style import STYLE

ALLOWANCE = 1.5  # pixels at 100 an inch


@dataclass(frozen=True)
class Drawn:
    """A figure, the texts that are really written on it with the boxes that they fill, and rcParams after it."""

    kind: str
    figure: Figure
    texts: list[tuple[Text, Bbox]]
    left_behind: bool


@pytest.fixture(scope="module", params=FIGURES)
def drawn(request) -> Drawn:
    before = dict(matplotlib.rcParams)
    figure = FIGURES[request.param]()
    left_behind = dict(matplotlib.rcParams) != before
    return Drawn(request.param, figure, written(figure), left_behind)


def written(figure: Figure) -> list[tuple[Text, Bbox]]:
    texts, usual = [], Text.draw

    def recorded(self, renderer):
        if self.get_visible() and self.get_text().strip():
            texts.append((self, self.get_window_extent(renderer)))
        usual(self, renderer)

    with pytest.MonkeyPatch.context() as patch, matplotlib.style.context(["default", dict(STYLE)]):
        patch.setattr(Text, "draw", recorded)
        FigureCanvasAgg(figure).draw()
    return texts


def test_texts_lie_inside_the_figure_and_cover_no_other(drawn):
    page = drawn.figure.bbox.padded(ALLOWANCE)
    texts = [(text.get_text(), box) for text, box in drawn.texts if not isinstance(text.axes, Axes3D)]
    assert texts
    assert not [text for text, box in texts if not (page.contains(*box.min) and page.contains(*box.max))]
    low, high = np.array([box.min for _, box in texts]), np.array([box.max for _, box in texts])
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)  # (texts, texts, 2)
    one, other = np.nonzero(np.triu((shared > ALLOWANCE).all(2), 1))
    assert not [(texts[i][0], texts[j][0]) for i, j in zip(one, other, strict=True)]


def test_an_axis_with_numbers_says_what_they_are(drawn):
    labels = {text for text, _ in drawn.texts}
    for axes in drawn.figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            if any({tick.label1, tick.label2} & labels for tick in axis.get_major_ticks()):
                assert axis.get_label_text(), axes.get_title()


def test_the_title_says_whose_result_it_is_of_which_data_and_of_how_many(drawn):
    title = drawn.figure.get_suptitle()
    assert "can" in title or UNSAFE in title
    assert any(family in title for family in ("gat", "echo", UNSAFE))
    assert "n = " in title


def test_a_name_is_never_read_as_a_formula(drawn):
    assert not any(text.get_parse_math() for text, _ in drawn.texts)
    if "unsafe" in drawn.kind:
        assert any(UNSAFE in text.get_text() for text, _ in drawn.texts)


def test_drawing_leaves_no_trace_in_matplotlib(drawn):
    assert not drawn.left_behind
    assert not Gcf.figs


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src/assay/figures").glob("*.py")), ids=lambda path: path.stem
)
def test_no_figure_goes_through_pyplot(path):
    assert "pyplot" not in path.read_text()
