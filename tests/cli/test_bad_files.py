"""A refused file is exit 3, a job that cannot be done exit 1; one clear text, and nothing half written."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.bench import save_checkpoint, save_graphs
from data.can_files import traffic, write_csv
from data.random_graphs import random_graphs

from assay.store.artifacts import load_artifact

SMALL = Path("runs/small.ckpt")
VAL = Path("runs/val.npz")
VGAE = "graphids.core.models.autoencoder.vgae.VGAE"


def assert_failed(run, bench, *, code: int, expected: list[str], job: str) -> None:
    """The text is on stderr and in the record of `job`; no target, no fingerprint of it and no litter."""
    assert run.code == code, run.text
    assert run.out == ""
    assert "Traceback" not in run.err
    for text in expected:
        assert text in run.err
    failed = json.loads((bench.folder / "results" / f"{job}.failed.json").read_bytes())
    assert failed["error"] in run.err
    assert failed["exit_code"] == code
    fingerprint = {"small/records/intake": "small/intake.json", "data/can/data": "data/can/data.json"}.get(
        job
    )
    files = bench.files()
    assert not {"small/evaluation.json", "small/records/evaluation.json", fingerprint} & files
    assert not [name for name in files if name.endswith(".tmp")]


def damaged_state(**changes):
    """The state dict of `small` with tensors replaced, added, or (None) left out."""
    state = torch.load(SMALL, weights_only=True)["state_dict"] | changes
    return {name: tensor for name, tensor in state.items() if tensor is not None}


CHECKPOINTS = {
    "another family's": (
        lambda: save_checkpoint(SMALL, top={"class_path": VGAE}),
        ["runs/small.ckpt: class_path is ", VGAE, "family gat reads graphids.core.models.supervised.gat.GAT"],
    ),
    "without keys and with others": (
        lambda: save_checkpoint(
            SMALL,
            top={
                "state_dict": damaged_state(**{"jk.att.bias": None, "convs.0.bias": None, "x": torch.ones(1)})
            },
        ),
        ["runs/small.ckpt: ", "missing: convs.0.bias [6]", "missing: jk.att.bias [1]", "unexpected: 'x' [1]"],
    ),
    "NaN weights": (
        lambda: save_checkpoint(
            SMALL, top={"state_dict": damaged_state(**{"jk.att.bias": torch.tensor([np.nan])})}
        ),
        ["runs/small.ckpt: ", "jk.att.bias"],
    ),
    "a web page": (
        lambda: SMALL.write_bytes(b"<html>404</html>"),
        ["runs/small.ckpt: a web page (HTML), expected a torch checkpoint"],
    ),
    "cut off": (
        lambda: SMALL.write_bytes(SMALL.read_bytes()[:5000]),
        ["runs/small.ckpt: "],
    ),
    "empty": (
        lambda: SMALL.write_bytes(b""),
        ["runs/small.ckpt: an empty file, expected a torch checkpoint"],
    ),
    "a wrong sha256": (
        lambda: Path("runs/small.ckpt.sha256").write_text("0" * 64 + "  small.ckpt\n"),
        ["runs/small.ckpt: sha256 is ", f"small.ckpt.sha256 says {'0' * 64}"],
    ),
}
GRAPHS = {
    "an index out of range": (
        {"edge_index": np.full((2, len(random_graphs(0, 30).edge_attr)), 99)},
        "runs/val.npz: edge_index has source 99 in graph ",
    ),
    "NaN features": (
        {"x": np.full((len(random_graphs(0, 30).x), 5), np.nan, np.float32)},
        "runs/val.npz: x holds nan in row 0, column 0; allowed: finite numbers.",
    ),
    "an empty split": ({"y": np.zeros(0, np.int64)}, "runs/val.npz: holds no graph; at least 1 is needed."),
    "an unknown field": ({"labels": np.zeros(3)}, "runs/val.npz: has unknown fields: labels; allowed: x, "),
}


@pytest.mark.parametrize(("damage", "expected"), CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_damaged_checkpoint_is_refused_at_the_border(bench, damage, expected):
    damage()
    run = bench.assay("make", "small", "evaluation")
    assert_failed(run, bench, code=3, expected=expected, job="small/records/intake")
    assert not {"small/weights.safetensors", "small/hparams.json"} & bench.files()


@pytest.mark.parametrize(("changes", "expected"), GRAPHS.values(), ids=GRAPHS)
def test_damaged_graphs_are_refused(bench, changes, expected):
    save_graphs(VAL, **changes)
    run = bench.assay("make", "small", "evaluation")
    assert_failed(run, bench, code=3, expected=[expected], job="data/can/data")
    assert not {"data/can/val.safetensors", "data/can/test.safetensors"} & bench.files()


def test_a_split_whose_folder_is_empty_is_refused(bench):
    Path("runs/more").mkdir()
    bench.configure(data__can__splits={"test": "runs/more"})
    run = bench.assay("prepare", "can")
    expected = "data can: split test has no files: no .npz, .safetensors below runs/more."
    assert_failed(run, bench, code=3, expected=[expected], job="data/can/data")


@pytest.mark.parametrize(
    ("line", "bad", "expected"),
    [
        (7, "{time},0A0,0G,0", "line 7: payload '0G'; allowed: an even number of hex digits"),
        (7, "{time},0A0,123,0", "line 7: payload '123'; allowed: an even number of hex digits"),
        (9, "0.0,0A0,00,0", "line 9: "),
        (9, "soon,0A0,00,0", "line 9: timestamp 'soon' is not a number"),
        (5, "{time},0A0,00,2", "line 5: attack is '2'; allowed: 0 or 1"),
        (5, "{time},0A0", "line 5: 2 columns; the header has 4: timestamp"),
    ],
    ids=["not hex", "odd digits", "time goes back", "no time", "no label", "cut off"],
)
def test_a_bad_can_row_is_refused_with_its_line(bench, line, bad, expected):
    file = write_csv(Path("runs/normal/a.csv"), traffic(0, 60))
    rows = file.read_text().splitlines()
    rows[line - 1] = bad.format(time=rows[line - 1].partition(",")[0])
    file.write_text("\n".join(rows))
    bench.configure(data={"can": {"source": "can_bus", "path": "runs/normal", "window": 10}})
    run = bench.assay("make", "small", "evaluation")
    assert_failed(run, bench, code=3, expected=["runs/normal/a.csv", expected], job="data/can/data")


def test_a_checkpoint_whose_widths_disagree_with_the_data_is_a_failed_job(bench):
    save_checkpoint(SMALL, in_channels=6)
    run = bench.assay("make", "small", "evaluation")
    expected = "the data have 5 node features, the checkpoint takes 6 (hyper_parameters.in_channels)"
    assert_failed(run, bench, code=1, expected=[expected], job="small/records/evaluation")


def test_a_gpu_that_is_not_there_is_a_failed_job(bench):
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    bench.configure(device="cuda", resources={"evaluation": {"gpu": 1}})
    run = bench.assay("make", "small", "evaluation")
    expected = (
        "device: cuda is asked for in the config, and there is no CUDA device here. Allowed: auto, cpu."
    )
    assert_failed(run, bench, code=1, expected=[expected], job="small/records/evaluation")
    bench.configure(resources={})
    assert bench.assay("make", "small", "evaluation").code == 0, "which asks for none"


def test_a_split_that_only_the_command_line_names_is_a_failed_job(bench):
    run = bench.assay("make", "small", "evaluation", "--set", "splits=vall")
    expected = "data 'can' have no split 'vall'; they have val, test"
    assert_failed(run, bench, code=1, expected=[expected], job="small/records/evaluation")


def test_a_checkpoint_that_a_rule_is_still_to_make_is_said_to_be_one(bench):
    sheet = Path("sheet.tsv").read_text()
    Path("sheet.tsv").write_text(sheet.replace("runs/small", "results/demo/small"))
    run = bench.assay("make", "small", "evaluation")
    expected = [
        "results/demo/small.ckpt",
        "no such file",
        "Where a rule makes it, let snakemake make it first",
    ]
    assert_failed(run, bench, code=3, expected=expected, job="small/records/intake")


def test_data_that_a_rule_is_still_to_make_are_said_to_be_so(bench):
    bench.configure(data__can__path="results/demo/val.npz")
    run = bench.assay("make", "small", "evaluation")
    expected = ["results/demo/val.npz", "Where a rule makes it, let snakemake make it first"]
    assert_failed(run, bench, code=3, expected=expected, job="data/can/data")


def test_making_only_the_artifact_names_the_input_that_is_missing(bench):
    run = bench.assay("make", "small", "evaluation", "--only")
    expected = ["results/small/intake.json is missing: run without --only, or let snakemake make it."]
    assert_failed(run, bench, code=1, expected=expected, job="small/records/evaluation")


@pytest.mark.parametrize(
    "lost", ["small/weights.safetensors", "small/hparams.json", "data/can/val.safetensors"]
)
def test_an_input_that_was_changed_behind_its_fingerprint_is_refused(made, lost):
    Path("results", lost).write_bytes(b"other")
    Path("results/small/evaluation.json").unlink()
    run = made.assay("make", "small", "evaluation", "--only")
    assert run.code == 3
    assert f"results/{lost} is not the file that was written: sha256 " in run.err
    assert "small/evaluation.json" not in made.files()


def test_one_class_only_is_a_result_with_reasons_for_what_it_lacks(bench):
    save_graphs(VAL, y=np.zeros(30, np.int64))
    run = bench.assay("make", "small", "evaluation", "--set", "splits=val")
    assert run.code == 0, run.text
    metrics = load_artifact("results/small/evaluation.json").splits["val"]
    assert (metrics.auroc, metrics.undefined["auroc"]) == (None, "one class only: 0")
    facts = json.loads(Path("results/data/can/data.json").read_bytes())["facts"]
    assert facts["warnings"] == ["split val: all 30 samples have label 0"]
    assert "warning: split val: all 30 samples have label 0\n" in run.err


def test_identities_that_the_checkpoint_does_not_know_are_counted_over_all_batches_and_told_once(bench):
    save_checkpoint(SMALL, num_ids=2)
    run = bench.assay("make", "small", "embeddings", "--set", "batch_size=4")
    assert run.code == 0, run.text
    n_unknown = int((np.load("runs/val.npz")["node_id"] >= 2).sum())
    told = (
        "the data have nodes with an identity outside 0..1, the checkpoint's own; taken as 0, unknown "
        f"({n_unknown} in all)"
    )
    assert run.err.count(told) == run.err.count("unknown") == 1
    record = json.loads(Path("results/small/records/embeddings.json").read_bytes())
    assert record["warnings"] == [told]


def test_identities_that_two_equal_models_do_not_know_are_counted_for_each(bench):
    for seed, name in enumerate(("big", "small")):
        save_checkpoint(Path(f"runs/{name}.ckpt"), seed=seed, num_ids=2)
    run = bench.assay("make", "small", "cka", "--set", "batch_size=4")
    assert run.code == 0, run.text
    n = int((np.load("runs/val.npz")["node_id"] >= 2).sum())
    assert f"taken as 0, unknown ({n} in all of one model, {n} of another)\n" in run.err
    assert run.err.count("unknown") == 1


def test_a_caveat_of_every_batch_is_told_once(bench):
    save_checkpoint(SMALL, sequence_pool="mean")
    run = bench.assay("make", "small", "embeddings", "--set", "batch_size=4")
    assert run.code == 0, run.text
    assert run.err.count("the data have no node_sequence_step") == 1


def test_a_failed_replacement_leaves_the_older_intake_and_results(made):
    before = {name: Path("results", name).read_bytes() for name in made.files() if ".seen" not in name}
    made.replace("runs/small.ckpt", b"<html>")
    assert made.assay("make", "small", "cka").code == 3
    assert {name: Path("results", name).read_bytes() for name in before} == before
    assert made.files() - before.keys() == {
        "small/records/intake.failed.json",
        *(name for name in made.files() if name.endswith(".seen")),
    }


def test_float64_weights_are_taken_in_and_said_to_be_cast(bench):
    doubled = {name: tensor.double() for name, tensor in damaged_state().items()}
    save_checkpoint(SMALL, top={"state_dict": doubled})
    run = bench.assay("intake", "small")
    assert run.code == 0, run.text
    n = len(doubled)
    assert run.err == f"warning: {n} of {n} tensors are torch.float64; cast to float32\n"
