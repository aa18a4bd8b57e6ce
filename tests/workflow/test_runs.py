"""A real Snakemake, and `assay make` without it: same bytes, verified, and failures that stay apart."""

import json
import shutil

import pytest
from lab import REFERENCE, ROOT, Lab

from assay.layout import Layout

LAYOUT = Layout("results")


def test_make_in_an_empty_folder_gives_the_bytes_of_the_workflow(made, fresh):
    run = fresh.assay("make", "small", "embeddings", "cka", "evaluation")
    assert run.code == 0, run.text
    assert run.out.splitlines() == [
        f"results/small/{n}" for n in ("embeddings.npz", "cka.json", "evaluation.json")
    ]
    names = [
        "embeddings.npz",
        "cka.json",
        "evaluation.json",
        "intake.json",
        "weights.safetensors",
        "hparams.json",
    ]
    paths = [f"small/{name}" for name in names]
    paths += [
        "big/intake.json",
        "data/can/data.json",
        "data/can/val.safetensors",
        "data/can/test.safetensors",
    ]
    for path in paths:
        assert (fresh.folder / "results" / path).read_bytes() == (
            made.folder / "results" / path
        ).read_bytes(), path


def test_make_leaves_alone_what_is_done_and_makes_again_what_is_stale(made):
    again = made.assay("make", "small", "cka")
    assert (again.code, again.out) == (0, "")
    assert "is done" in again.err
    made.configure(options__cka__max_samples=10)
    assert made.assay("make", "small", "cka").out == "results/small/cka.json\n"
    assert made.assay("why", "small", "cka").out == "results/small/cka.json: done\n"


def test_make_with_an_option_and_an_output_elsewhere_keeps_the_results_as_they_were(made):
    before = (made.folder / "results/small/cka.json").read_bytes()
    run = made.assay("make", "small", "cka", "--set", "max_samples=10", "--output", "elsewhere.json")
    assert run.code == 0, run.text
    assert json.loads((made.folder / "elsewhere.json").read_bytes())["n"] == 10
    assert (made.folder / "results/small/cka.json").read_bytes() == before
    assert made.assay("list", "--check").code == 0


def test_the_line_that_snakemake_prints_can_be_pasted(made):
    record = (made.folder / LAYOUT.record("small", "cka")).read_text()
    run = made.snakemake("-n", "-p", "--forcerun", "cka")
    line = next(line.strip() for line in run.text.splitlines() if "python -m assay make small cka" in line)
    assert "{" not in line
    assert json.loads(record)["artifact"] == "cka"


def test_a_failing_artifact_leaves_the_others_and_the_manifest_and_the_next_run_repairs_it(fresh):
    module = fresh.own_source() / "artifacts" / "evaluation.py"
    good = module.read_text()
    module.write_text(
        good.replace("def compute(", "def compute(*_, **__):\n    raise ValueError('planted')\n\ndef _was(")
    )
    run = fresh.snakemake("--keep-going")
    assert run.code == 1
    manifest = json.loads((fresh.folder / LAYOUT.manifest).read_bytes())
    states = {(t["checkpoint"], t["artifact"]): (t["state"], t["reasons"]) for t in manifest["targets"]}
    assert manifest["complete"] is False
    assert states["small", "evaluation"] == ("failed", ["ValueError: planted"])
    assert {
        states[name][0] for name in [("small", "cka"), ("small", "embeddings"), ("big", "embeddings")]
    } == {"done"}
    assert states["big", "cka"] == ("n/a", ["asks for a teacher, and the row names none"])
    module.write_text(good)
    run = fresh.snakemake()
    assert run.code == 0, run.text
    assert json.loads((fresh.folder / LAYOUT.manifest).read_bytes())["complete"] is True
    assert not (fresh.folder / LAYOUT.failed("small", "evaluation")).exists()
    assert "Nothing to be done" in fresh.snakemake("-n").text


def test_a_partial_manifest_over_a_complete_one_is_repaired(made):
    (made.folder / LAYOUT.target("small", "cka")).rename(made.folder / "aside")
    assert made.assay("manifest", "--partial").code == 0
    (made.folder / "aside").rename(made.folder / LAYOUT.target("small", "cka"))
    run = made.snakemake()
    assert run.code == 0, run.text
    assert json.loads((made.folder / LAYOUT.manifest).read_bytes())["complete"] is True


def test_verify_finds_a_flipped_bit_in_any_file(made):
    ok = made.assay("verify")
    assert ok.code == 0, ok.text
    results = made.folder / "results"
    files = [p for p in sorted(results.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        run = made.assay("verify")
        assert run.code == 3, path
        assert path.name in run.text
        path.write_bytes(content)
    assert made.assay("verify").code == 0


def test_verify_names_what_is_missing_and_what_is_not_ours(made):
    (made.folder / "results/small/cka.json").unlink()
    (made.folder / "results/small/notes.txt").write_text("mine")
    run = made.assay("verify")
    assert run.code == 3
    assert "results/small/cka.json: is missing" in run.out
    assert "results/small/notes.txt: is not in the manifest" in run.err


def test_the_checkpoint_manifest_keeps_the_published_keys(made):
    manifest = json.loads((made.folder / LAYOUT.checkpoint_manifest("small")).read_bytes())
    assert manifest["contract"] == "graphids.analyze"
    assert manifest["version"] == 1
    assert manifest["dataset"] == "can"
    assert manifest["model_type"] == "gat"
    assert manifest["checkpoint_path"] == "runs/small.ckpt"
    assert manifest["output_dir"] == "results/small"
    assert manifest["expected_outputs"] == ["embeddings.npz", "cka.json", "evaluation.json"]
    assert manifest["existing_outputs"] == manifest["expected_outputs"]
    assert manifest["artifacts"]["cka"]["state"] == "done"


def test_flags_of_snakemake_reach_the_jobs(made):
    assert made.planned("--config", "seed=9") == {"embeddings": 2, "cka": 1, "evaluation": 2}
    other = made.folder / "other.yaml"
    shutil.copy(made.folder / "config/config.yaml", other)
    assert made.planned("--configfile", "other.yaml") == {}
    run = made.snakemake("--config", "seed=9")
    assert run.code == 0, run.text
    record = json.loads((made.folder / LAYOUT.record("small", "cka")).read_bytes())
    assert record["options"]["seed"] == 9


def test_another_working_folder_is_named_as_in_snakemake(made, tmp_path):
    elsewhere = Lab(tmp_path)
    assert elsewhere.assay("list", "--directory", str(made.folder), "--check").code == 0
    assert elsewhere.assay("--directory", str(made.folder), "list", "--check").code == 0
    assert "Nothing to be done" in elsewhere.snakemake("-n", "--directory", str(made.folder)).text


@pytest.mark.parametrize("profile", ["slurm", "profiles/local"])
def test_the_profiles_plan_the_whole_demo_on_a_fresh_clone(tmp_path, profile):
    names = ("Snakefile", "workflow", "config", "profiles")
    for name in names:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "slurm").symlink_to("profiles/slurm")
    run = Lab(tmp_path)._run("snakemake", "--profile", profile, "-n")
    assert run.code == 0, run.text
    names = ("embeddings", "fusion_policy", "edge_recovery", "gradcam", "demo_traffic")
    assert [run.jobs[name] for name in names] == [9, 2, 1, 3, 1]


def test_a_config_error_stops_the_parse_with_exit_2_and_every_problem(fresh):
    fresh.configure(options__cka__max_sample=3, artifacts={"ckaa": True})
    run = fresh.assay("check")
    assert run.code == 2
    assert run.err.count("\n") == 2
    parsed = fresh.snakemake("-n")
    assert parsed.code == 2, parsed.text
    assert "options.cka.max_sample is unknown (did you mean 'max_samples'?)" in parsed.err


def test_a_target_that_does_not_exist_says_what_is_allowed(made):
    run = made.snakemake("-n", "results/smal/cka.json")
    assert run.code != 0
    assert "did you mean 'small'?" in run.text
    run = made.snakemake("-n", "results/big/cka.json")
    assert "cka does not apply to big: it asks for a teacher" in run.text


def test_the_reference_lab_is_the_published_checkpoint(finished):
    assert (finished.folder / "runs/small.ckpt").read_bytes() == (
        REFERENCE / "graphids/gat_student.ckpt"
    ).read_bytes()
