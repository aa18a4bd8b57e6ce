"""Checkpoints below the results, which a rule makes: Snakemake compares their times, and they may be gone."""

from pathlib import Path

import pytest
from cli.bench import save_checkpoint

from assay import plan, tokens
from assay.seen import Seen

CHECKPOINT = Path("results/demo/small.ckpt")


@pytest.fixture
def made(bench):
    """The checkpoint `small`, of gps layers, lies where a rule makes it, and is taken in."""
    CHECKPOINT.parent.mkdir(parents=True)
    save_checkpoint(CHECKPOINT, seed=1, conv_type="gps")
    sheet = Path("sheet.tsv")
    sheet.write_text(sheet.read_text().replace("runs/small.ckpt", str(CHECKPOINT)))
    assert bench.assay("intake", "small").code == 0
    return bench


def test_one_that_is_gone_keeps_its_token_and_can_be_listed(made):
    token = Seen.remembered("results/small/intake.json").token
    CHECKPOINT.unlink()
    assert tokens.intake_token(made.plan(), "small") == token
    assert made.assay("list", "--json").code == 0


def test_planning_neither_hashes_it_nor_forgets_its_stat(made):
    memory = Seen.remembered("results/small/intake.json")
    plan.requests(made.plan())
    assert Seen.remembered("results/small/intake.json") == memory


def test_another_family_in_the_sheet_takes_it_in_again(made):
    sheet = Path("sheet.tsv")
    sheet.write_text(sheet.read_text().replace("small\tgat", "small\tdgi"))
    assert tokens.intake_token(made.plan(), "small").startswith("family-")


def test_one_that_was_made_anew_lacks_nothing_until_it_is_taken_in_again(made):
    attention = ("small", "attention_weights")
    assert plan.reason_against(made.plan(), *attention)
    save_checkpoint(CHECKPOINT, seed=1)
    assert not plan.reason_against(made.plan(), *attention)
    assert tokens.intake_token(made.plan(), "small") == "new"
