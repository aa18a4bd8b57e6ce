"""How a pair stands, with a reason that names what changed."""

import json
import os
import re
from pathlib import Path

import pytest
from cli.bench import Bench, save_checkpoint, save_graphs

from assay.provenance.status import Inspection, State

CKA = Path("results/small/cka.json")
RECORD = Path("results/small/records/cka.json")
INTAKE = Path("results/small/intake.json")


def state(bench: Bench, checkpoint: str = "small", artifact: str = "cka") -> State:
    return Inspection(bench.plan()).state(checkpoint, artifact)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def set_cell(bench: Bench, column: str, cell: str) -> None:
    rows = Path("sheet.tsv").read_text().splitlines()
    Path("sheet.tsv").write_text("\n".join([f"{rows[0]}\t{column}", f"{rows[1]}\t", f"{rows[2]}\t{cell}"]))


def change_teacher(bench: Bench) -> None:
    bench.add_row("third\tgat\truns/big.ckpt\tcan\t")
    Path("sheet.tsv").write_text(Path("sheet.tsv").read_text().replace("can\tbig", "can\tthird"))
    assert bench.assay("intake", "third").code == 0


STALE = {
    "an option of the config": (
        lambda bench: bench.configure(options__cka__max_samples=9),
        [r"option max_samples: 500 -> 9"],
    ),
    "the seed": (lambda bench: bench.configure(seed=7), [r"option seed: 42 -> 7"]),
    "an option of the row": (
        lambda bench: set_cell(bench, "cka.split", "test"),
        [r"option split: val -> test"],
    ),
    "the checkpoint": (
        lambda bench: save_checkpoint(Path("runs/small.ckpt"), seed=8),
        [r"checkpoint small: runs/small.ckpt changed, sha256 \w{12} -> \w{12}"],
    ),
    "the teacher's checkpoint": (
        lambda bench: save_checkpoint(Path("runs/big.ckpt"), seed=8),
        [r"teacher big: runs/big.ckpt changed, sha256 \w{12} -> \w{12}"],
    ),
    "the raw data": (
        lambda bench: save_graphs(Path("runs/test.npz"), seed=8),
        [r"data can: raw files changed, sha256 \w{12} -> \w{12}"],
    ),
    "the splits": (
        lambda bench: bench.configure(data__can__splits={}),
        [r"data can: raw files changed, sha256 \w{12} -> \w{12}"],
    ),
    "the intake": (
        lambda bench: edit(INTAKE, holds={}),
        [rf"checkpoint: {INTAKE} changed, sha256 \w{{12}} -> \w{{12}}"],
    ),
    "another teacher": (change_teacher, [r"teacher: was big/intake.json, is third/intake.json"]),
    "the format of the border": (
        lambda bench: edit(INTAKE, format=0),
        [rf"checkpoint small: {INTAKE} was written as gat in format 0", r"checkpoint: .* changed, sha256 .*"],
    ),
    "a damaged record": (
        lambda bench: RECORD.write_text("{"),
        [rf"{RECORD} is not the JSON that was written.*"],
    ),
    "a damaged intake": (
        lambda bench: INTAKE.write_text("{"),
        [rf"checkpoint small: {INTAKE} is not the JSON that was written.*", r"checkpoint: .* changed, .*"],
    ),
    "an intake of another tool": (
        lambda bench: INTAKE.write_text("{}"),
        [rf"checkpoint small: {INTAKE} was written as None in format None", r"checkpoint: .* changed, .*"],
    ),
    "a data.json of another tool": (
        lambda bench: Path("results/data/can/data.json").write_text("{}"),
        [r"data can: the code of source graphs changed", r"data: .* changed, .*"],
    ),
    "lost weights": (
        lambda bench: Path("results/small/weights.safetensors").unlink(),
        [r"checkpoint small: results/small/weights.safetensors is missing"],
    ),
    "a lost split": (
        lambda bench: Path("results/data/can/test.safetensors").unlink(),
        [r"data can: results/data/can/test.safetensors is missing"],
    ),
    "the code": (
        lambda bench: edit(
            RECORD, modules={**json.loads(RECORD.read_bytes())["modules"], "assay.gone": "a1"}
        ),
        [r"code assay.gone: a1 -> none"],
    ),
    "the schema": (lambda bench: edit(RECORD, schema=0), [r"schema 0 -> 1"]),
    "the length of the file": (
        lambda bench: CKA.write_bytes(b"{}"),
        [rf"{CKA} has 2 bytes, its record says \d+"],
    ),
}
DONE = {
    "nothing": lambda bench: None,
    "a touched checkpoint": lambda bench: os.utime("runs/small.ckpt", (1, 1)),
    "a rewritten checkpoint": lambda bench: bench.replace(
        "runs/small.ckpt", Path("runs/small.ckpt").read_bytes()
    ),
    "a checkpoint that is gone": lambda bench: Path("runs/small.ckpt").unlink(),
    "data that are gone": lambda bench: Path("runs/val.npz").unlink(),
    "a lost memory": lambda bench: Path("results/small/.intake.json.seen").unlink(),
    "an option of another artifact": lambda bench: bench.configure(options__embeddings__max_samples=3),
    "an option written as text": lambda bench: bench.configure(options__cka__max_samples="500"),
    "another checkpoint": lambda bench: bench.add_row("third\tgat\truns/big.ckpt\tcan\t"),
    "the resources": lambda bench: bench.configure(resources__cka__minutes=3),
}


@pytest.mark.parametrize(("change", "reasons"), STALE.values(), ids=STALE)
def test_a_change_makes_it_stale_with_a_reason_that_names_it(made, change, reasons):
    change(made)
    found = state(made)
    assert found.word == "stale"
    assert len(found.reasons) == len(reasons)
    for expected, reason in zip(reasons, found.reasons, strict=True):
        assert re.fullmatch(expected, reason)


@pytest.mark.parametrize("change", DONE.values(), ids=DONE)
def test_what_does_not_matter_leaves_it_done(made, change):
    change(made)
    assert (state(made).word, state(made).reasons) == ("done", ())


def test_changed_code_is_named_by_its_module(made, monkeypatch):
    from assay import plan

    before = plan._code
    monkeypatch.setattr(plan, "_code", lambda *row: {**before(*row), "assay.numerics.similarity": "other"})
    (reason,) = state(made).reasons
    assert re.fullmatch(r"code assay\.numerics\.similarity: \w{16} -> other", reason)


def test_nothing_made_yet_is_missing(bench):
    found = state(bench)
    assert (found.word, found.reasons) == ("missing", ("not made yet",))


def test_a_file_without_its_record_and_a_record_without_its_file_are_missing(made):
    RECORD.rename("aside")
    assert state(made).reasons == (f"{CKA} has no record: it was interrupted, or is not ours",)
    Path("aside").rename(RECORD)
    CKA.unlink()
    assert state(made).reasons == (f"{CKA} is gone; its record is there",)
    assert state(made).word == "missing"


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        ("small/records/cka", "planted"),
        ("small/records/intake", "intake of small: planted"),
        ("big/records/intake", "intake of big: planted"),
        ("data/can/data", "data can: planted"),
    ],
)
def test_what_is_not_there_because_a_job_failed_is_failed_with_its_reason(bench, failed, expected):
    path = Path(f"results/{failed}.failed.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"error": "planted"}')
    found = state(bench)
    assert (found.word, found.reasons) == ("failed", (expected,))


@pytest.mark.parametrize("failed", ["small/records/cka", "small/records/intake", "data/can/data"])
def test_the_failure_of_a_job_whose_outcome_is_not_needed_any_more_leaves_it_done(made, failed):
    Path(f"results/{failed}.failed.json").write_text('{"error": "planted"}')
    assert state(made).word == "done"


def test_an_old_failure_of_an_intake_does_not_explain_a_changed_option(made):
    Path("results/small/records/intake.failed.json").write_text('{"error": "planted"}')
    made.configure(options__cka__max_samples=9)
    assert state(made).word == "stale"


def test_what_the_config_or_the_row_does_not_want_is_off(made):
    made.configure(artifacts__cka=False)
    assert (state(made).word, state(made).reasons) == ("off", ("not wanted by config",))
    made.configure(artifacts__cka=True)
    set_cell(made, "artifacts", "embeddings,evaluation")
    assert state(made).reasons == ("not wanted by the row's column artifacts",)
    assert state(made, artifact="embeddings").word == "done"


def test_a_replacement_of_the_same_length_and_time_is_seen(made):
    assert state(made).word == "done"
    path = Path("runs/small.ckpt")
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert state(made).word == "stale"


def test_what_does_not_apply_is_so_whatever_lies_there(made):
    Path("results/big/cka.json").write_text("{}")
    found = state(made, "big")
    assert (found.word, found.reasons) == ("n/a", ("asks for a teacher, and the row names none",))


def test_a_look_at_an_unchanged_source_never_hashes_it(made, monkeypatch):
    Inspection(made.plan()).state("small", "cka")
    monkeypatch.setattr("assay.provenance.status.sha256_file", lambda path: pytest.fail("hashed"))
    assert Inspection(made.plan()).intake_changes("small") == ()
