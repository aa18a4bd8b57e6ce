"""A real Snakemake reruns what changed, by content, and nothing else."""

import json
import os

import pytest
from lab import ALL_JOBS, other_checkpoint

EVERY_ARTIFACT = {"embeddings": 2, "cka": 1, "evaluation": 2}
OF_SMALL = {"embeddings": 1, "cka": 1, "evaluation": 1}


def test_a_fresh_folder_plans_everything(fresh):
    run = fresh.snakemake("-n")
    assert run.code == 0, run.text
    assert run.jobs == ALL_JOBS


def test_a_finished_run_has_nothing_to_do(made):
    run = made.snakemake("-n")
    assert "Nothing to be done" in run.text
    assert run.jobs == {}


@pytest.mark.parametrize("lost", ["small/cka.json", "small/records/cka.json"])
def test_deleting_one_artifact_makes_one_job(made, lost):
    (made.folder / "results" / lost).unlink()
    assert made.planned() == {"cka": 1}


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ("small/weights.safetensors", {"intake": 1, **OF_SMALL}),
        ("small/intake.json", {"intake": 1, **OF_SMALL}),
        ("data/can/val.safetensors", {"data_can": 1, **EVERY_ARTIFACT}),
        ("manifest.json", {}),
    ],
)
def test_deleting_what_artifacts_are_made_of_makes_it_again(made, lost, expected):
    (made.folder / "results" / lost).unlink()
    assert made.planned() == expected
    run = made.snakemake()
    assert run.code == 0, run.text
    assert (made.folder / "results" / lost).exists()
    assert made.planned() == {}


@pytest.mark.parametrize("mtime", [1, 4_000_000_000])
def test_a_touched_checkpoint_reruns_nothing(made, mtime):
    os.utime(made.folder / "runs/big.ckpt", (mtime, mtime))
    assert made.planned() == {}


@pytest.mark.parametrize("mtime", [None, 1])
def test_a_replaced_checkpoint_reruns_what_depends_on_it_and_nothing_else(made, mtime):
    made.replace("runs/small.ckpt", other_checkpoint(2), mtime)
    assert made.planned() == {"intake": 1, **OF_SMALL}
    before = _bytes(made)
    run = made.snakemake()
    assert run.code == 0, run.text
    changed = {name for name, content in _bytes(made).items() if before[name] != content}
    assert changed == {"small/embeddings.npz", "small/evaluation.json", "small/cka.json"}
    assert _states(made) == {"done", "n/a"}
    assert made.planned() == {}


def test_a_replaced_teacher_reruns_the_cka_of_its_student(made):
    made.replace("runs/big.ckpt", other_checkpoint(3))
    before = _bytes(made)
    run = made.snakemake()
    assert run.code == 0, run.text
    changed = {name for name, content in _bytes(made).items() if before[name] != content}
    assert changed == {"big/embeddings.npz", "big/evaluation.json", "small/cka.json"}
    assert made.planned() == {}


def test_a_deleted_checkpoint_leaves_its_results_standing(made):
    (made.folder / "runs/small.ckpt").unlink()
    assert made.planned() == {}


def test_a_changed_option_reruns_its_artifact(made):
    made.configure(options__embeddings__max_samples=5)
    assert made.planned() == {"embeddings": 2}


def test_an_option_column_reruns_its_row_alone(made):
    rows = (made.folder / "sheet.tsv").read_text().splitlines()
    sheet = [f"{rows[0]}\tembeddings.max_samples", f"{rows[1]}\t", f"{rows[2]}\t5"]
    (made.folder / "sheet.tsv").write_text("\n".join(sheet))
    assert made.planned() == {"embeddings": 1}


def test_a_changed_seed_reruns_what_draws(made):
    made.configure(seed=7)
    assert made.planned() == {"embeddings": 2, "cka": 1, "evaluation": 2}


def test_a_changed_data_option_prepares_again(made):
    made.configure(data__can__window=40)
    assert made.planned() == {"data_can": 1, **EVERY_ARTIFACT}


def test_a_raw_log_with_other_content_prepares_again_and_a_touched_one_does_not(made):
    log = made.folder / "runs/can/train_norm/a.csv"
    os.utime(log, (1, 1))
    assert made.planned() == {}
    log.write_text(log.read_text().replace(",07070707070707,", ",07070707070708,"))
    assert made.planned() == {"data_can": 1, **EVERY_ARTIFACT}


def test_a_new_raw_file_prepares_again(made):
    log = made.folder / "runs/can/train_norm/a.csv"
    (log.parent / "b.csv").write_text(log.read_text())
    assert made.planned() == {"data_can": 1, **EVERY_ARTIFACT}


def test_another_teacher_reruns_the_cka(made):
    rows = (made.folder / "sheet.tsv").read_text() + "third\tgat\truns/big.ckpt\tcan\t\n"
    (made.folder / "sheet.tsv").write_text(rows)
    assert "cka" not in made.planned()
    (made.folder / "sheet.tsv").write_text(rows.replace("can\tbig", "can\tthird"))
    assert made.planned()["cka"] == 1


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("artifacts/cka.py", {"cka": 1}),
        ("numerics/similarity.py", {"cka": 1}),
        ("families/gat/__init__.py", {"intake": 2, **EVERY_ARTIFACT}),
        ("data/can_features.py", {"data_can": 1, **EVERY_ARTIFACT}),
        ("job.py", {}),
    ],
)
def test_changed_code_reruns_what_uses_it_and_a_comment_does_not(made, module, expected):
    file = made.own_source() / module
    text = file.read_text()
    file.write_text(text + "\n# a comment\n")
    assert made.planned() == {}
    file.write_text(text + "\nCHANGED = 1\n")
    assert made.planned() == expected


def test_a_refused_replacement_is_refused_on_every_run_until_it_is_mended(made):
    good = (made.folder / "runs/small.ckpt").read_bytes()
    made.replace("runs/small.ckpt", b"<html>404</html>")
    for _ in range(3):
        run = made.snakemake()
        assert run.code == 1
        assert "runs/small.ckpt" in (made.folder / "logs/small/intake.log").read_text()
        assert "Nothing to be done" not in run.text
    assert "failed" in _states(made)
    made.replace("runs/small.ckpt", good)
    run = made.snakemake()
    assert run.code == 0, run.text
    assert _states(made) == {"done", "n/a"}


def test_a_source_changed_behind_lost_memory_is_said_with_the_command_that_heeds_it(made):
    (made.folder / ".snakemake").rename(made.folder / "lost")
    made.replace("runs/small.ckpt", other_checkpoint(4))
    run = made.snakemake("-n")
    assert "--forcerun results/small/intake.json" in run.err
    assert "checkpoint small: runs/small.ckpt changed" in made.assay("why", "small", "cka").out


def _states(lab) -> set[str]:
    return {pair["state"] for pair in json.loads(lab.assay("list", "--json").out)} - {"off"}


def _bytes(lab) -> dict[str, bytes]:
    results = lab.folder / "results"
    names = ("embeddings.npz", "evaluation.json", "cka.json")
    return {str(p.relative_to(results)): p.read_bytes() for p in results.glob("*/*") if p.name in names}
