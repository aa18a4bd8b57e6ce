"""What the file of a checkpoint decides: an artifact that others of its family have does not apply to it."""

import json
from pathlib import Path

import pytest
from cli.bench import save_checkpoint

from assay.plan import requests
from assay.seen import Seen

REASON = "asks for attend, which small lacks: conv_type gps mixes all nodes of a graph, beside its attention over edges"
ATTENTION = "attention_weights"


@pytest.fixture
def mixing(bench):
    """The checkpoint `small` is one of gps layers."""
    save_checkpoint(Path("runs/small.ckpt"), seed=1, conv_type="gps")
    return bench


def pair(bench, artifact: str = ATTENTION) -> tuple[str, list[str]]:
    pairs = json.loads(bench.assay("list", "--json").out)
    (found,) = (p for p in pairs if (p["checkpoint"], p["artifact"]) == ("small", artifact))
    return found["state"], found["reasons"]


def planned(bench) -> set[str]:
    return {wish.artifact for wish in requests(bench.plan()) if wish.row.checkpoint == "small"}


def test_before_the_intake_the_artifact_is_planned_and_after_it_left_out_with_its_reason(mixing):
    assert pair(mixing)[0] == "missing"
    assert ATTENTION in planned(mixing)
    assert mixing.assay("intake", "small").code == 0
    assert pair(mixing) == ("n/a", [REASON])
    assert planned(mixing) == {"embeddings", "cka", "landscape", "evaluation"}
    assert f"small attention_weights: n/a: {REASON}" in mixing.assay("list").out.splitlines()


def test_the_job_says_why_and_nothing_is_left_to_be_done_of_it(mixing):
    run = mixing.assay("make", "small", ATTENTION)
    assert (run.code, "Traceback" in run.err) == (1, False)
    assert "conv_type gps has no attention over edges that explains its output" in run.err
    assert pair(mixing) == ("n/a", [REASON])


def test_all_that_does_not_ask_for_it_is_made(mixing):
    run = mixing.assay("make", "small", "embeddings", "cka", "evaluation")
    assert run.code == 0, run.text
    mixing.configure(artifacts__landscape=False)
    assert {pair(mixing, name)[0] for name in ("embeddings", "cka", "evaluation")} == {"done"}


def test_other_checkpoints_of_the_family_keep_it(mixing):
    assert mixing.assay("intake", "small").code == 0
    assert mixing.assay("make", "big", ATTENTION).code == 0
    assert json.loads(Path("results/big/intake.json").read_bytes())["lacks"] == {}


def test_a_checkpoint_that_was_replaced_is_planned_again(mixing):
    assert mixing.assay("intake", "small").code == 0
    assert ATTENTION not in planned(mixing)
    save_checkpoint(Path("runs/small.ckpt"), seed=1)
    assert ATTENTION in planned(mixing)
    assert pair(mixing)[0] == "missing"
    assert mixing.assay("make", "small", ATTENTION).code == 0
    assert pair(mixing)[0] == "done"


def test_a_lost_memory_and_a_checkpoint_that_is_gone_change_nothing(mixing):
    assert mixing.assay("intake", "small").code == 0
    assert Seen.remembered("results/small/intake.json").sha256
    Path("results/small/.intake.json.seen").unlink()
    assert pair(mixing) == ("n/a", [REASON])
    Path("runs/small.ckpt").unlink()
    assert pair(mixing) == ("n/a", [REASON])


@pytest.mark.parametrize("content", ["{", "{}", '{"lacks": {"attend": "x"}}'])
def test_an_intake_that_is_none_says_nothing(mixing, content):
    assert mixing.assay("intake", "small").code == 0
    Path("results/small/intake.json").write_text(content)
    assert ATTENTION in planned(mixing)
