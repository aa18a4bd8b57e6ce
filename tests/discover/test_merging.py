"""A sheet that a person wrote stays byte for byte; rows are added behind it, or nothing is written."""

import os
from pathlib import Path

import pytest
from discover import trees

from assay.discover.merging import merged, publish_sheet, read_sheet
from assay.errors import AssayError, ConfigError

ROW = {
    "checkpoint": "b",
    "family": "mlp",
    "path": "b.pt",
    "data": "d",
    "teacher": "",
    "meta.confidence": "sure",
}
OWN = b"\xef\xbb\xbfdata\tcheckpoint\tpath\tfamily\tmeta.who\r\n\r\n# mine\r\n"
OWN += b"d\ta \ta.pt\tmlp\tme\r\nd\tc\tgone.pt\tmlp"


def sheet(folder: Path, content: bytes) -> Path:
    (folder / "sheet.tsv").write_bytes(content)
    return folder / "sheet.tsv"


def test_what_stands_there_stays_and_rows_follow_in_its_columns_and_line_ends(tmp_path):
    read = read_sheet(sheet(tmp_path, OWN))
    assert merged(read, [ROW]) == OWN + b"\r\nd\tb\tb.pt\tmlp\t\r\n"


def test_without_a_new_row_not_a_byte_changes(tmp_path):
    path = sheet(tmp_path, OWN)
    before = path.stat()
    publish_sheet(read_sheet(path), [])
    assert path.read_bytes() == OWN
    assert path.stat().st_ino == before.st_ino


def test_a_new_sheet_has_the_columns_that_rows_fill(tmp_path):
    lines = merged(read_sheet(tmp_path / "new.tsv"), [ROW]).decode().split("\n")
    assert lines == [
        "checkpoint\tfamily\tpath\tdata\tteacher\texperts\tmeta.confidence",
        "b\tmlp\tb.pt\td\t\t\tsure",
        "",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"checkpoint\tpath\n", "column family, data is missing"),
        (b"checkpoint\tfamily\tpath\tdata\tdata\n", "names a column twice"),
        (b"\xff\n", "cannot be read as text"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_and_left_alone(tmp_path, content, reason):
    path = sheet(tmp_path, content)
    trees.mlp(tmp_path / "runs" / "a.pt")
    result = trees.run("discover", tmp_path / "runs", "-o", path)
    assert result.exit_code == 2
    assert reason in str(result.exception)
    assert path.read_bytes() == content


def test_a_sheet_that_changed_meanwhile_is_not_written(tmp_path):
    path = sheet(tmp_path, OWN)
    read = read_sheet(path)
    path.write_bytes(OWN + b"\n")
    with pytest.raises(AssayError, match="changed while folders were read"):
        publish_sheet(read, [ROW])
    assert path.read_bytes() == OWN + b"\n"
    with pytest.raises(ConfigError):
        read_sheet(sheet(tmp_path, b"x\n"))


def test_a_link_to_a_sheet_stays_a_link(tmp_path):
    path = sheet(tmp_path, OWN)
    (tmp_path / "link.tsv").symlink_to("sheet.tsv")
    publish_sheet(read_sheet(tmp_path / "link.tsv"), [ROW])
    assert (tmp_path / "link.tsv").is_symlink()
    assert path.read_bytes().startswith(OWN)


def test_discovered_again_nothing_is_added_and_a_vanished_file_keeps_its_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.mlp(tmp_path / "runs" / "a.pt")
    trees.mlp(tmp_path / "runs" / "b.pt")
    assert trees.run("discover", "runs", "-o", "s.tsv").exit_code == 0
    content = Path("s.tsv").read_bytes()
    (tmp_path / "runs" / "b.pt").unlink()
    again = trees.run("discover", "runs", "-o", "s.tsv")
    assert again.stdout == "s.tsv: 0 rows added, 1 there already\n"
    assert Path("s.tsv").read_bytes() == content


def test_a_renamed_row_is_known_by_its_path_and_a_new_one_gets_another_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.mlp(tmp_path / "runs" / "a.pt")
    trees.mlp(tmp_path / "runs" / "mine.pt")
    own = "checkpoint\tfamily\tpath\tdata\n" + f"Mine\tmlp\t{tmp_path}/./runs/a.pt\td\n"
    Path("s.tsv").write_text(own)
    trees.run("discover", "runs", "-o", "s.tsv", "--data", "d")
    assert Path("s.tsv").read_text() == own + "mine_2\tmlp\truns/mine.pt\td\n"


def test_a_run_that_has_a_row_gets_no_second_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a_best", "a_last"):
        trees.mlp(tmp_path / "runs" / f"{name}.pt")
    Path("s.tsv").write_text("checkpoint\tfamily\tpath\tdata\nx\tmlp\truns/a_last.pt\td\n")
    found = trees.discovered("runs", "-o", "s.tsv")
    assert not found["rows"]
    assert found["known"] == ["runs/a_last.pt"]
    assert found["skipped"] == {"runs/a_best.pt": "its run stands in the sheet already, in line 2"}


def test_a_column_that_the_sheet_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.written(tmp_path / "runs" / "version_0" / "hparams.yaml", {"num_heads": 2})
    trees.state("vit", tmp_path / "runs" / "version_0" / "x.ckpt")
    Path("s.tsv").write_text("checkpoint\tfamily\tpath\tdata\n")
    assert "s.tsv has no column hparams" in trees.run("discover", "runs", "-o", "s.tsv").stderr


def test_names_that_a_sheet_cannot_hold_are_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = trees.mlp(tmp_path / "runs" / "good.pt").read_bytes()
    odd = ("a\tb.pt", "a\nb.pt", "$HOME.pt", b"\xff.pt", "\u2028.pt")
    for name in odd:
        (tmp_path / "runs" / os.fsdecode(name)).write_bytes(model)
    found = trees.discovered("runs", "-o", "s.tsv")
    assert list(found["rows"]) == ["runs/good.pt"]
    assert len(found["skipped"]) == len(odd)
    assert len(Path("s.tsv").read_text().splitlines()) == 2
