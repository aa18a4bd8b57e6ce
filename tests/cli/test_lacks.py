"""What the file of a checkpoint decides: an artifact that others of its family have does not apply to it."""

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cli.bench import save_checkpoint

from assay import catalog, digest, tokens
from assay.plan import requests
from assay.provenance.status import Inspection
from assay.seen import Seen

REASON = (
    "asks for attend, which the checkpoint lacks: conv_type gps mixes all nodes of a graph, beside its attention over "
    "edges"
)
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
    assert (
        {"embeddings", "cka", "landscape", "evaluation"} <= planned(mixing) - {ATTENTION} == planned(mixing)
    )
    assert f"1 n/a: {REASON}" in mixing.assay("list").out.splitlines()
    assert f"small attention_weights: n/a: {REASON}" in mixing.assay("list", "--all").out.splitlines()


def test_the_job_says_why_and_nothing_is_left_to_be_done_of_it(mixing):
    run = mixing.assay("make", "small", ATTENTION)
    assert (run.code, "Traceback" in run.err) == (1, False)
    assert run.err == f"attention_weights does not apply to small: it {REASON}.\n"
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


@pytest.fixture
def own_family(mixing, monkeypatch, tmp_path):
    """Write the module of the family gat anew, as one whose checkpoints lack what is said."""
    monkeypatch.syspath_prepend(tmp_path)
    own = replace(catalog.FAMILIES["gat"], module="own_gat")
    monkeypatch.setattr(catalog, "families", lambda: {**catalog.FAMILIES, "gat": own})

    def write(**lacks: str) -> None:
        code = f"from assay.families.gat import load\n\n\ndef lacks(*_):\n    return {lacks!r}\n"
        (tmp_path / "own_gat.py").write_text(code)
        sys.modules.pop("own_gat", None)
        importlib.invalidate_caches()
        digest._source.cache_clear()
        tokens.family_code.cache_clear()

    yield write
    tokens.family_code.cache_clear()


def test_where_the_code_of_the_family_changed_its_checkpoints_are_taken_in_again(mixing, own_family):
    own_family(attend="it is too young")
    assert mixing.assay("intake", "small").code == 0
    assert pair(mixing) == ("n/a", ["asks for attend, which the checkpoint lacks: it is too young"])
    own_family()
    assert ATTENTION in planned(mixing)
    assert tokens.intake_token(mixing.plan(), "small").startswith("code-")
    (why,) = Inspection(mixing.plan()).intake_changes("small")
    assert why == "the code of family gat changed, which decides what a checkpoint lacks"
    assert mixing.assay("intake", "small").code == 0
    assert Inspection(mixing.plan()).intake_changes("small") == ()
    own_family(attend="it is too old")
    assert mixing.assay("intake", "small").code == 0
    assert pair(mixing) == ("n/a", ["asks for attend, which the checkpoint lacks: it is too old"])


def test_a_checkpoint_that_is_gone_is_not_asked_again(mixing, own_family):
    own_family(attend="it is too young")
    assert mixing.assay("intake", "small").code == 0
    Path("runs/small.ckpt").unlink()
    own_family()
    assert tokens.intake_token(mixing.plan(), "small") == "new"
    assert pair(mixing) == ("n/a", ["asks for attend, which the checkpoint lacks: it is too young"])


@pytest.mark.parametrize("content", ["{", "{}", '{"lacks": {"attend": "x"}}'])
def test_an_intake_that_is_none_says_nothing(mixing, content):
    assert mixing.assay("intake", "small").code == 0
    Path("results/small/intake.json").write_text(content)
    assert ATTENTION in planned(mixing)
