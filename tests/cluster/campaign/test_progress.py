"""How far a share is and what of it comes first, by files that are laid out by hand."""

import os
from pathlib import Path

import pytest

from assay.cluster.campaign.progress import Share, furthered
from assay.layout import Layout

SINCE = 1000.0
CKA, EMBEDDINGS = "results/small/cka.json", "results/small/embeddings.npz"
STATES, POLICY = "results/f/fusion_states.npz", "results/f/fusion_policy.parquet"
FIGURE = "results/small/figures/cka.png"


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Share:
    monkeypatch.chdir(tmp_path)
    return Share([CKA, FIGURE, EMBEDDINGS], Layout("results"), SINCE)


def put(path: str, at: float = SINCE + 1) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()
    os.utime(path, (at, at))


def test_before_anything_failed_all_that_is_left_comes_first_and_in_order(share: Share) -> None:
    put("results/small/records/cka.failed.json", SINCE - 1)
    assert share.turns() == ([CKA, FIGURE, EMBEDDINGS], [])
    put("results/small/records/embeddings.json")
    assert share.turns() == ([CKA, FIGURE], [])


def test_what_failed_comes_last_with_its_figure_which_needs_it(share: Share) -> None:
    put("results/small/records/cka.failed.json")
    assert share.turns() == ([EMBEDDINGS], [CKA, FIGURE])


def test_a_figure_that_failed_comes_last_and_what_it_shows_does_not(share: Share) -> None:
    put("results/small/records/figure_cka.failed.json")
    assert share.turns() == ([CKA, EMBEDDINGS], [FIGURE])


def test_what_is_made_from_an_artifact_that_failed_comes_last(share: Share) -> None:
    put("results/f/records/fusion_states.failed.json")
    fused = Share([STATES, POLICY, CKA], share.layout, SINCE)
    assert fused.turns() == ([CKA], [STATES, POLICY])


def test_a_first_failure_furthers_a_share_and_a_second_one_does_not(share: Share) -> None:
    begun = share.mark()
    assert not furthered(begun, share.mark())
    put("results/small/records/cka.failed.json")
    failed = share.mark()
    assert furthered(begun, failed)
    put("results/small/records/cka.failed.json", SINCE + 9)
    assert not furthered(failed, share.mark())


def test_what_is_made_furthers_a_share_though_it_failed_before(share: Share) -> None:
    put("results/small/records/cka.failed.json")
    failed = share.mark()
    put("results/small/records/cka.json")
    assert furthered(failed, share.mark())


def test_a_part_furthers_a_share(share: Share) -> None:
    begun = share.mark()
    put(f"{CKA}.parts/1/0.npz")
    assert furthered(begun, share.mark())
