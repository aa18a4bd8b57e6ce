import pytest

from assay.demo.__main__ import main


def test_a_missing_data_set_is_said_without_a_traceback(tmp_path, capsys):
    train = [
        "train",
        "--data",
        str(tmp_path),
        "--layers",
        "2",
        "--hidden",
        "2",
        "--heads",
        "1",
        "--epochs",
        "1",
    ]
    with pytest.raises(SystemExit) as left:
        main([*train, "--output", str(tmp_path / "a.ckpt")])
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}/data.json is missing")
    assert not (tmp_path / "a.ckpt").exists()


def test_a_summary_without_results_says_what_is_missing(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["summary", str(tmp_path)])
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.out == ""
    assert said.err.startswith(f"{tmp_path}/gat_teacher/evaluation.json is missing")


def test_traffic_is_written_where_it_is_asked_for(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("assay.demo.traffic.ROUNDS", {"train": 1, "test": 1})
    with pytest.raises(SystemExit) as left:
        main(["traffic", "--output", str(tmp_path / "can"), "--seed", "4"])
    assert left.value.code == 0
    assert capsys.readouterr().out == ""
    folders = {folder.name for folder in (tmp_path / "can").iterdir()}
    assert folders == {"train_normal", "train_attacks", "test"}
