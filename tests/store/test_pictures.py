"""Figures as files: the same bytes each time, whoever saves them, and whole or not at all."""

import hashlib
import json

import matplotlib
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.figure import Figure
from PIL import Image

from assay.store.marks import Marks, text_chunks
from assay.store.pictures import save_figure, save_pages
from assay.store.stage import owned

STYLE = {"font.size": 7, "savefig.dpi": 40, "text.parse_math": False}
MARKS = Marks(source="5a" * 32, code="1-c0de")


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
        save_figure(drawn or figure(), png, svg, style=STYLE, marks=MARKS)
        return png.read_bytes(), svg.read_bytes()

    return save


def test_one_figure_is_one_byte_sequence_drawn_again_or_saved_again(saved):
    drawn = figure()
    first = saved("a", drawn)
    assert saved("b", drawn) == first
    assert saved("c", figure()) == first


def test_files_name_their_source_and_code_and_neither_a_date_nor_a_version(saved, tmp_path):
    png, svg = saved("a")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Source"] == f"sha256:{MARKS.source}"
        assert image.info["Software"] == "assay figure 1-c0de"
        assert image.size == (120, 80)
    for word in (f"<dc:source>sha256:{MARKS.source}</dc:source>", "<dc:title>assay figure 1-c0de</dc:title>"):
        assert word.encode() in svg
    for word in (b"dc:date", b"Creation Time", b"atplotlib v"):
        assert word not in png + svg


def test_a_png_names_the_digests_of_the_files_beside_it(tmp_path):
    listing, png, svg = (tmp_path / name for name in ("a.pages.json", "a.png", "a.svg"))
    listing.write_text("{}")
    save_figure(figure(), png, svg, style=STYLE, marks=MARKS, beside=[listing])
    beside = {name: text for name, text in text_chunks(png).items() if name.startswith(".")}
    assert beside == {
        suffix: f"sha256:{hashlib.sha256((tmp_path / f'a{suffix}').read_bytes()).hexdigest()}"
        for suffix in (".svg", ".pages.json")
    }


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
    save_figure(drawn, *files, style={**STYLE, "axes.unicode_minus": False}, marks=MARKS)
    with Image.open(files[0]) as image, Image.open(tmp_path / "a.png") as old:
        assert old.tobytes() != image.tobytes()
    assert before[1] != files[1].read_bytes()


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


@pytest.fixture
def paged(tmp_path):
    def save(*names: str, broken: bool = False) -> set[str]:
        """Save pages of these names, of which the last may not be drawable; returns what lies in the folder."""
        drawn = [(name, figure()) for name in names]
        if broken:
            drawn[-1][1].axes[0].draw = None
        folder, listing = tmp_path / "figures/maps", tmp_path / "figures/maps.pages.json"
        with owned(tmp_path / "figures/maps.png") as stage:
            save_pages(iter(drawn), stage.path(folder), stage.path(listing), style=STYLE, marks=MARKS)
            stage.publish(folder, listing)
        return below(tmp_path / "figures/maps")

    return save


def below(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_pages_are_those_of_the_last_save_alone(paged, tmp_path):
    assert paged("one/a", "one/b", "two/a") == {"one/a.png", "one/b.png", "two/a.png"}
    assert paged("one/b") == {"one/b.png"}
    listing = json.loads((tmp_path / "figures/maps.pages.json").read_text())
    assert listing["files"].keys() == {"one/b.png"}
    assert below(tmp_path / "figures") == {"maps/one/b.png", "maps.pages.json"}


def test_a_page_is_the_figure_saved_alone(paged, saved, tmp_path):
    paged("a")
    saved("a")
    with Image.open(tmp_path / "figures/maps/a.png") as page, Image.open(tmp_path / "a.png") as alone:
        assert page.tobytes() == alone.tobytes()
    assert text_chunks(tmp_path / "figures/maps/a.png") == MARKS.png


def test_a_failed_page_leaves_the_old_pages_their_list_and_no_litter(paged, tmp_path):
    paged("a", "b")
    before = (tmp_path / "figures/maps.pages.json").read_bytes()
    with pytest.raises(TypeError):
        paged("a", "c", broken=True)
    assert below(tmp_path / "figures") == {"maps/a.png", "maps/b.png", "maps.pages.json"}
    assert (tmp_path / "figures/maps.pages.json").read_bytes() == before


def test_without_pages_the_folder_is_empty_and_there(paged, tmp_path):
    assert paged() == set()
    assert (tmp_path / "figures/maps").is_dir()
