"""The commands that make: what they make, what they leave alone, and where they write."""

import json
from pathlib import Path

import pytest
from cli.bench import save_checkpoint

SMALL = Path("runs/small.ckpt")


def stamp(name: str) -> tuple[int, int]:
    stat = Path("results", name).stat()
    return stat.st_mtime_ns, stat.st_ino


def test_make_makes_the_intakes_and_data_that_its_target_lacks_and_nothing_else(bench):
    run = bench.assay("make", "small", "cka")
    assert (run.code, run.out) == (0, "results/small/cka.json\n")
    intakes = {
        f"{n}/{f}" for n in ("big", "small") for f in ("intake.json", "hparams.json", "weights.safetensors")
    }
    data = {f"data/can/{f}" for f in ("data.json", "val.safetensors", "test.safetensors")}
    visible = {name for name in bench.files() if "/." not in name}
    assert visible == intakes | data | {"small/cka.json", "small/records/cka.json"}


def test_make_leaves_what_is_done_and_force_makes_it_again_with_the_same_bytes(made):
    before, content = stamp("small/cka.json"), Path("results/small/cka.json").read_bytes()
    run = made.assay("make", "small", "cka")
    assert (run.code, run.out, run.err) == (0, "", "results/small/cka.json is done: nothing changed\n")
    assert stamp("small/cka.json") == before
    assert made.assay("make", "small", "cka", "--force").out == "results/small/cka.json\n"
    assert stamp("small/cka.json") != before
    assert Path("results/small/cka.json").read_bytes() == content


def test_make_takes_in_a_replaced_teacher_and_leaves_the_rest(made):
    before = stamp("small/intake.json"), stamp("data/can/data.json")
    save_checkpoint(Path("runs/big.ckpt"), seed=9)
    assert made.assay("make", "small", "cka").code == 0
    assert (stamp("small/intake.json"), stamp("data/can/data.json")) == before
    assert "done" in made.assay("why", "small", "cka").out
    assert "stale" in made.assay("why", "big", "embeddings").out


def test_an_option_of_the_command_line_is_recorded_and_shows_as_stale(made):
    assert made.assay("make", "small", "cka", "--set", "max_samples=9", "--set", "split=test").code == 0
    record = json.loads(Path("results/small/records/cka.json").read_bytes())
    assert (record["options"]["max_samples"], record["options"]["split"]) == (9, "test")
    assert made.assay("why", "small", "cka").out.splitlines() == [
        "results/small/cka.json: stale",
        "  option max_samples: 9 -> 500",
        "  option split: test -> val",
    ]


def test_an_output_elsewhere_keeps_no_record(made):
    before = made.files()
    run = made.assay("make", "small", "cka", "--set", "max_samples=9", "--output", "new/elsewhere.json")
    assert (run.code, run.out) == (0, "new/elsewhere.json\n")
    assert json.loads(Path("new/elsewhere.json").read_bytes())["n"] <= 9
    assert made.files() == before
    assert made.assay("list", "--check").code == 0


@pytest.mark.parametrize(
    "form", ["results/small/cka.json", "./results/big/../small/cka.json", "{}/results/small/cka.json"]
)
def test_an_output_that_is_the_target_keeps_a_record_however_it_is_written(made, form):
    run = made.assay("make", "small", "cka", "--set", "max_samples=9", "--output", form.format(made.folder))
    assert run.code == 0
    assert json.loads(Path("results/small/records/cka.json").read_bytes())["options"]["max_samples"] == 9


def test_a_failed_output_elsewhere_leaves_nothing(made):
    before = made.files()
    run = made.assay("make", "small", "cka", "--set", "split=none", "--output", "new/elsewhere.json")
    assert run.code == 1
    assert not Path("new").exists()
    assert made.files() == before


def test_a_checkpoint_that_is_put_back_is_no_longer_failed(made):
    good = SMALL.read_bytes()
    made.replace("runs/small.ckpt", b"<html>")
    assert made.assay("make", "small", "cka").code == 3
    assert made.assay("why", "small", "cka").out.splitlines()[0] == "results/small/cka.json: failed"
    made.replace("runs/small.ckpt", good)
    assert made.assay("list", "--check").code == 0


def test_of_several_artifacts_one_that_fails_leaves_the_others_made(bench):
    save_checkpoint(SMALL, conv_type="gps")
    run = bench.assay("make", "small", "attention_weights", "evaluation")
    assert (run.code, run.out) == (1, "results/small/evaluation.json\n")
    assert "attention_weights does not apply to small" in run.err


def test_a_failed_artifact_is_repaired_by_the_next_success(bench):
    save_checkpoint(SMALL, in_channels=6)
    assert bench.assay("make", "small", "evaluation").code == 1
    assert "small/records/evaluation.failed.json" in bench.files()
    save_checkpoint(SMALL)
    assert bench.assay("make", "small", "evaluation").code == 0
    assert "small/records/evaluation.failed.json" not in bench.files()


def test_a_record_that_is_not_ours_is_stale_and_made_again(made):
    Path("results/small/records/cka.json").write_text('{"made": "by hand"}')
    assert "stale\n  schema none -> 1" in made.assay("why", "small", "cka").out
    assert made.assay("manifest").code == 4
    assert made.assay("make", "small", "cka").code == 0
    assert made.assay("list", "--check").code == 0


def test_a_damaged_record_is_stale_and_made_again_and_the_others_stand(made):
    Path("results/small/records/cka.json").write_text("{")
    assert (
        "results/small/records/cka.json is not the JSON that was written: "
        in made.assay("why", "small", "cka").out
    )
    assert made.assay("list", "--check").code == 4
    assert made.assay("make", "small", "cka").code == 0
    assert made.assay("list", "--check").code == 0


def test_a_deleted_checkpoint_can_still_be_analysed(made):
    SMALL.unlink()
    run = made.assay("make", "small", "cka", "--force")
    assert run.code == 0, run.text
    assert made.assay("list", "--check").code == 0


def test_the_same_intake_and_data_are_made_by_their_own_commands(made):
    names = [
        "small/intake.json",
        "small/weights.safetensors",
        "data/can/data.json",
        "data/can/val.safetensors",
    ]
    before = [Path("results", name).read_bytes() for name in names]
    assert made.assay("intake", "small").code == 0
    assert made.assay("prepare", "can").code == 0
    assert [Path("results", name).read_bytes() for name in names] == before
