"""The pages of inferred edges say what a reader must know before believing them."""

import re

import pytest
from lab import ROOT

MUST_BE_SAID = {
    "absorption": r"[Aa]bsor(ption|bed)",
    "known edges are no positives": r"Known edges are not positives, absent ones (are )?not negatives",
    "validate with edges removed before training": r"removed before training",
    "correlates and shared drivers score, too": r"[Ss]hared drivers[^.]* score, too",
    "association, not cause": r"association, not (of )?cause",
    "the loss and the trained weights": r"depend on the (trained )?weights and on the loss",
    "three seeds": r"at least 3 seeds",
}


@pytest.mark.parametrize("said", MUST_BE_SAID)
@pytest.mark.parametrize("page", ["edge_scores", "edge_tests", "edge_recovery"])
def test_a_page_of_inferred_edges_says_what_it_must(page, said):
    text = re.sub(r"\s+", " ", (ROOT / f"docs/{page}.md").read_text())
    assert re.search(MUST_BE_SAID[said], text), f"docs/{page}.md does not say: {said}"


@pytest.mark.parametrize("page", ["edge_scores", "edge_tests"])
def test_absorption_is_shown_with_numbers(page):
    text = (ROOT / f"docs/{page}.md").read_text()
    assert all(number in text for number in (".002", ".675", ".321"))
