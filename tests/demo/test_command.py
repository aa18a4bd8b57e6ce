import subprocess
import sys


def demo(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "assay.demo", *arguments], capture_output=True, text=True)


def test_a_missing_data_set_is_said_without_a_traceback(tmp_path):
    train = ["train", "--data", str(tmp_path), "--layers", "2", "--hidden", "2", "--heads", "1"]
    run = demo(*train, "--output", str(tmp_path / "a.ckpt"))
    assert run.returncode == 1
    assert "data.json" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "a.ckpt").exists()


def test_traffic_is_written_where_it_is_asked_for(tmp_path):
    run = demo("traffic", "--output", str(tmp_path / "can"), "--seed", "4")
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""
    assert {folder.name for folder in (tmp_path / "can").iterdir()} == {
        "train_normal",
        "train_attacks",
        "test",
    }
