"""Code digests: the closure of imports, blind to comments."""

import sys

import pytest

from assay import digest
from assay.digest import code_digests

FILES = {
    "pkg/__init__.py": "",
    "pkg/kernel.py": "import json\nfrom pkg.parts import half\nfrom pkg import unit\n\ndef f(x):\n    return half(x)\n",
    "pkg/parts.py": "from . import deep\n\ndef half(x):\n    return x / 2\n",
    "pkg/deep.py": "A = 1\n",
    "pkg/unit.py": "B = 1\n",
    "pkg/other.py": "C = 1\n",
}


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """Writes the files of a small distribution, some changed, and digests its kernel."""
    count = 0

    def digested(**changes):
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        for name, text in {**FILES, **{f"pkg/{k}.py": v for k, v in changes.items()}}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        monkeypatch.syspath_prepend(folder)
        digest._source.cache_clear()
        digest._remembered.cache_clear()
        return code_digests(["pkg.kernel"])

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield digested
    digest._remembered.cache_clear()


def test_the_closure_holds_what_is_imported_inside_the_distribution_and_nothing_else(digests):
    assert set(digests()) == {"pkg.kernel", "pkg.parts", "pkg.deep", "pkg.unit"}
    assert "pkg.kernel" not in sys.modules


def test_comments_docstrings_and_layout_change_nothing(digests):
    changed = digests(
        deep='"""Doc."""\n\n\nA = 1  # one\n', parts=FILES["pkg/parts.py"].replace(":\n", ':\n    """D."""\n')
    )
    assert changed == digests()


def test_a_changed_constant_deep_in_the_closure_changes_its_digest_alone(digests):
    before, after = digests(), digests(deep="A = 2\n")
    assert {name for name in before if before[name] != after[name]} == {"pkg.deep"}


def test_a_module_that_is_not_imported_does_not_matter(digests):
    assert digests(other="C = 2\n") == digests()


def test_a_later_process_parses_only_what_changed(digests, monkeypatch):
    before, trees, usual = digests(), [], digest._without_docstrings
    monkeypatch.setattr(digest, "_without_docstrings", lambda tree: trees.append(tree) or usual(tree))
    assert digests() == before and not trees
    assert digests(deep="A = 2\n")["pkg.deep"] != before["pkg.deep"] and len(trees) == 1


@pytest.mark.parametrize("content", ["not JSON", "[]"])
def test_a_damaged_memory_costs_a_parse_and_nothing_else(digests, tmp_path, content):
    before = digests()
    (tmp_path / "cache/assay/digests.json").write_text(content)
    assert digests() == before


def test_where_nothing_can_be_remembered_the_digests_are_the_same(digests, tmp_path, monkeypatch):
    before = digests()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert digests() == before
