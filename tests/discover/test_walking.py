"""Folders are walked once, whatever is in them."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from discover import trees

from assay.discover import child, walking
from assay.discover.walking import Skipped, walk


def files(tree):
    return sorted(str(folder.path / name) for folder in tree.folders.values() for name in folder.files)


def test_a_loop_of_links_is_not_followed_and_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.written(tmp_path / "runs" / "a" / "x.pt", "")
    (tmp_path / "runs" / "a" / "up").symlink_to(tmp_path / "runs")
    tree = walk([Path("runs")])
    assert files(tree) == ["runs/a/x.pt"]
    reason = "is a link to a folder; links are not followed, name the folder itself"
    assert tree.skipped == [Skipped("runs/a/up", reason)]


def test_a_root_that_is_a_link_is_entered_and_one_inside_another_is_walked_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.written(tmp_path / "runs" / "a" / "x.pt", "")
    (tmp_path / "link").symlink_to("runs")
    assert files(walk([Path("link")])) == ["link/a/x.pt"]
    assert files(walk([Path("runs/a"), Path("runs"), Path("link")])) == ["runs/a/x.pt"]


def test_a_link_to_nothing_or_to_itself_and_a_pipe_are_skipped(tmp_path):
    (tmp_path / "gone.pt").symlink_to("nowhere.pt")
    (tmp_path / "one.pt").symlink_to("two.pt")
    (tmp_path / "two.pt").symlink_to("one.pt")
    os.mkfifo(tmp_path / "pipe.ckpt")
    tree = walk([tmp_path])
    assert files(tree) == []
    reasons = {Path(skipped.path).name: skipped.reason for skipped in tree.skipped}
    assert reasons == {
        "gone.pt": "cannot be read (No such file or directory)",
        "one.pt": "cannot be read (Too many levels of symbolic links)",
        "two.pt": "cannot be read (Too many levels of symbolic links)",
        "pipe.ckpt": "is a device or a pipe",
    }


def test_a_folder_that_may_not_be_read_is_skipped_and_the_others_are_not(monkeypatch):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        trees.written(root / "open" / "x.pt", "")
        trees.written(root / "shut" / "y.pt", "")
        (root / "shut").chmod(0)
        with as_nobody():
            tree = walk([root])
        (root / "shut").chmod(0o755)
    assert files(tree) == [str(root / "open" / "x.pt")]
    assert tree.skipped == [Skipped(str(root / "shut"), "cannot be read (Permission denied)")]


def test_a_folder_that_vanishes_while_it_is_walked_is_skipped(tmp_path, monkeypatch):
    trees.written(tmp_path / "a" / "x.pt", "")
    (tmp_path / "b").mkdir()
    scan = os.scandir

    def scandir(path):
        if Path(path).name == "a":
            (tmp_path / "b").rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    tree = walk([tmp_path])
    assert files(tree) == [str(tmp_path / "a" / "x.pt")]
    assert tree.skipped == [Skipped(str(tmp_path / "b"), "cannot be read (No such file or directory)")]


def test_hidden_folders_and_results_are_not_entered_but_hydras_is(tmp_path):
    for name in (".git", ".hydra", "results", "site-packages"):
        trees.written(tmp_path / name / "x.pt", "")
    tree = walk([tmp_path], without=[(tmp_path / "results").resolve()])
    assert files(tree) == [str(tmp_path / ".hydra" / "x.pt")]
    assert {Path(skipped.path).name for skipped in tree.skipped} == {".git", "results", "site-packages"}


def test_a_tree_deeper_than_the_limit_is_cut_there(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MAX_DEPTH", 2)
    trees.written(tmp_path / "a" / "b" / "x.pt", "")
    trees.written(tmp_path / "a" / "b" / "c" / "y.pt", "")
    tree = walk([tmp_path])
    assert files(tree) == [str(tmp_path / "a" / "b" / "x.pt")]
    assert "2 folders deep" in tree.skipped[0].reason


def test_a_tree_wider_than_the_limit_is_cut_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(walking, "MAX_FILES", 1)
    for name in "abc":
        trees.written(tmp_path / name / "x.pt", "")
    tree = walk([tmp_path])
    assert len(files(tree)) == 1
    assert "name smaller folders" in tree.skipped[-1].reason


@pytest.mark.parametrize("name", ["a\tb.pt", "a\nb.pt", b"\xff.pt", "\x1b[31m.pt"])
def test_a_name_that_is_no_text_is_shown_on_one_line(name):
    text = walking.shown(Path(os.fsdecode(name)))
    assert text.isprintable()
    assert text.endswith(".pt")


def test_a_file_that_may_not_be_read_is_refused():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        path = trees.mlp(Path(name) / "x.pt")
        path.chmod(0)
        with as_nobody():
            answer = child._answer(str(path))
    assert answer == {"refused": "it cannot be read (Permission denied)"}


@contextmanager
def as_nobody():
    """Without root's right to read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
