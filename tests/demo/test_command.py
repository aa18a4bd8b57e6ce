import pytest
from demo.rings import prepared

from assay.demo.__main__ import main
from assay.families import dgi, fusion, gat, vgae
from assay.intake.checkpoint import read

AUTOENCODER = ("--latent", "4", "--hidden", "8", "--epochs", "1")
GATV2 = ("--conv-type", "gatv2", "--layers", "2", "--hidden", "2", "--heads", "1", "--epochs", "1")


def run(*arguments) -> None:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    assert left.value.code == 0


def subject(family, path):
    found = read(path)
    return family.load(found.tensors, found.hparams)


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


def test_every_family_is_trained_by_a_command_of_its_own(tmp_path, capsys):
    data, made = ("--data", prepared(tmp_path / "rings")), tmp_path / "made"
    made.mkdir()
    run("train-vgae", *data, *AUTOENCODER, "--output", made / "vgae.ckpt")
    assert "benign graphs of the split train" in capsys.readouterr().err
    run("train-dgi", *data, *AUTOENCODER, "--output", made / "dgi.ckpt")
    run("train", *data, *GATV2, "--output", made / "gat.ckpt")
    experts = ("--vgae", made / "vgae.ckpt", "--gat", made / "gat.ckpt", "--hidden", "8", "--epochs", "1")
    for policy in ("dqn", "mlp"):
        run("train-fusion", *data, *experts, "--policy", policy, "--output", made / f"{policy}.ckpt")
        assert subject(fusion, made / f"{policy}.ckpt").policy == policy
    assert subject(gat, made / "gat.ckpt").network.settings.conv_type == "gatv2"
    assert subject(vgae, made / "vgae.ckpt").threshold is not None
    assert subject(dgi, made / "dgi.ckpt").threshold is not None
    assert capsys.readouterr().out == ""
