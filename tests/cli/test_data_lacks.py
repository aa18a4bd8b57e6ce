"""What the data decide: an artifact that other data of their source have does not apply on them."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli.test_lacks import pair
from contract.examples import save_gsnn, save_images, save_tables, save_vit

from assay.plan import requests
from assay.store.blanks import reason_left

RECOVERY = "edge_recovery"
REASON = "asks the data for held_out, which can lack: no file of theirs names edges that were removed before training"


@pytest.fixture
def screen(bench):
    """A network of functions, on data that name no held-out edges."""
    save_gsnn(Path("runs/small.ckpt"))
    save_without_held_out()
    bench.configure(data__can={"source": "network", "path": "runs/val.npz"})
    Path("sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\nsmall\tgsnn\truns/small.ckpt\tcan\n")
    return bench


def save_without_held_out() -> None:
    save_tables(Path("runs/val.npz"))
    with np.load("runs/val.npz") as held:
        kept = {name: held[name] for name in held.files if name != "held_out"}
    np.savez("runs/val.npz", **kept)


def planned(bench) -> set[str]:
    return {wish.artifact for wish in requests(bench.plan())}


def test_before_the_preparation_it_is_planned_and_after_it_left_out_with_its_reason(screen):
    assert RECOVERY in planned(screen)
    assert pair(screen, RECOVERY)[0] == "missing"
    assert screen.assay("prepare", "can").code == 0
    assert pair(screen, RECOVERY) == ("n/a", [REASON])
    assert "edge_tests" in planned(screen)
    assert RECOVERY not in planned(screen)


def test_data_that_hold_edges_out_have_it(screen):
    save_tables(Path("runs/val.npz"))
    assert screen.assay("prepare", "can").code == 0
    assert json.loads(Path("results/data/can/data.json").read_bytes())["lacks"] == {}
    assert screen.assay("make", "small", RECOVERY).code == 0
    assert pair(screen, RECOVERY)[0] == "done"


def test_edges_of_the_network_are_asked_for_by_option_whatever_the_data_hold(screen):
    assert screen.assay("prepare", "can").code == 0
    run = screen.assay("make", "small", RECOVERY, "--set", "positives=existing")
    assert run.code == 0, run.text
    screen.configure(options__edge_recovery__positives="existing")
    assert RECOVERY in planned(screen)
    assert pair(screen, RECOVERY)[0] == "done"


def test_an_option_of_the_row_decides_for_that_row(screen):
    assert screen.assay("prepare", "can").code == 0
    Path("sheet.tsv").write_text(
        "checkpoint\tfamily\tpath\tdata\tedge_recovery.positives\n"
        "small\tgsnn\truns/small.ckpt\tcan\t\nother\tgsnn\truns/small.ckpt\tcan\texisting\n"
    )
    assert [wish.row.checkpoint for wish in requests(screen.plan()) if wish.artifact == RECOVERY] == ["other"]


@pytest.mark.parametrize("edges", ["in the file", "beside it"])
def test_data_that_gain_held_out_edges_want_it(screen, edges):
    assert screen.assay("prepare", "can").code == 0
    assert RECOVERY not in planned(screen)
    if edges == "in the file":
        save_tables(Path("runs/val.npz"))
    else:
        Path("runs/val.npz.held_out.csv").write_text("source,target\nf3,f1\n")
    assert RECOVERY in planned(screen)
    assert screen.assay("prepare", "can").code == 0
    assert RECOVERY in planned(screen)


def test_data_that_were_prepared_by_other_code_or_options_decide_nothing(screen):
    assert screen.assay("prepare", "can").code == 0
    fingerprint = Path("results/data/can/data.json")
    content = json.loads(fingerprint.read_bytes())
    for change in ({"code": "1-other"}, {"options": {"other": 1}}, {"token": "other"}):
        fingerprint.write_text(json.dumps({**content, **change}))
        assert RECOVERY in planned(screen)


def test_a_source_that_never_holds_it_decides_before_any_job(screen):
    Path("runs/val.csv").write_text("a,b\n1,2\n")
    screen.configure(data__can={"source": "table", "path": "runs/val.csv"})
    assert pair(screen, RECOVERY) == ("n/a", ["asks the data for held_out, which source table does not read"])
    run = screen.assay("make", "small", RECOVERY)
    assert (run.code, run.out) == (2, "")


def test_made_by_hand_it_is_exit_1_with_the_reason(screen):
    run = screen.assay("make", "small", RECOVERY)
    assert (run.code, run.out) == (1, "")
    assert run.err == f"edge_recovery does not apply to small: it {REASON}.\n"
    assert not Path("results/small/edge_recovery.json").exists()


def test_a_rule_leaves_blanks_which_the_manifest_takes_away(screen):
    screen.configure(figures=True)
    made = ("edge_recovery.json", "edge_recovery.parquet", "records/edge_recovery.json")
    drawn = ("figures/edge_recovery.png", "figures/edge_recovery.svg")
    assert screen.assay("make", "small", RECOVERY, "--blank").code == 0
    assert screen.assay("draw", "small", RECOVERY).code == 0
    assert reason_left(Path("results/small/records/edge_recovery.json")) == REASON
    for name in (*made[:2], *drawn):
        assert Path("results/small", name).read_text() == f"not applicable: {REASON}\n"
    assert pair(screen, RECOVERY) == ("n/a", [REASON])
    assert screen.assay("manifest", "--partial").code == 0
    left = {str(path.relative_to("results/small")) for path in Path("results/small").rglob("*")}
    assert not left & {*made, *drawn}
    assert "intake.json" in left


def test_pages_of_a_blank_go_with_it(bench):
    import torch
    from families.vision import examples as vision

    state = vision.vit_state(channels=1, patch=(8, 8), positions=5, classes=3)
    headless = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    torch.save({"state_dict": headless, "hyper_parameters": {"num_heads": 2}}, "runs/small.ckpt")
    np.savez(
        "runs/val.npz", images=np.zeros((4, 16, 16), np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None]
    )
    bench.configure(data__can={"source": "images", "path": "runs/val.npz"})
    Path("sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\nsmall\tvit\truns/small.ckpt\tcan\n")
    assert bench.assay("make", "small", "gradcam", "--blank").code == 0
    assert bench.assay("draw", "small", "gradcam").code == 0
    assert Path("results/small/figures/gradcam").is_dir()
    assert Path("results/small/figures/gradcam.pages.json").exists()
    assert bench.assay("manifest", "--partial").code == 0
    assert not list(Path("results/small").rglob("gradcam*"))


def test_what_applies_after_all_is_made_over_its_blank(screen):
    assert screen.assay("make", "small", RECOVERY, "--blank").code == 0
    save_tables(Path("runs/val.npz"))
    assert pair(screen, RECOVERY)[0] == "stale"
    assert screen.assay("make", "small", RECOVERY, "--blank").code == 0
    assert pair(screen, RECOVERY)[0] == "done"
    assert screen.assay("manifest", "--partial").code == 0
    assert Path("results/small/edge_recovery.json").exists()


def test_a_blank_is_taken_away_only_where_it_does_not_apply(screen):
    assert screen.assay("make", "small", RECOVERY, "--blank").code == 0
    screen.configure(options__edge_recovery__positives="existing")
    assert screen.assay("manifest", "--partial").code == 0
    assert pair(screen, RECOVERY)[0] == "stale"
    assert reason_left(Path("results/small/records/edge_recovery.json"))


NO_CLASSES = (
    "asks the data for labels, which can lack: no table, folder or array names the class of any image"
)


@pytest.fixture
def scans(bench):
    """A network of images, on images of which no class is known."""
    save_vit(Path("runs/small.ckpt"))
    save_images(Path("runs/val.npz"))
    with np.load("runs/val.npz") as held:
        np.savez("runs/val.npz", images=held["images"])
    bench.configure(data__can={"source": "images", "path": "runs/val.npz"})
    Path("sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\nsmall\tvit\truns/small.ckpt\tcan\n")
    return bench


def test_images_without_a_class_have_no_evaluation_and_no_landscape_but_all_else(scans):
    assert {"evaluation", "landscape", "gradcam"} <= planned(scans)
    assert scans.assay("prepare", "can").code == 0
    for artifact in ("evaluation", "landscape"):
        assert pair(scans, artifact) == ("n/a", [NO_CLASSES])
    assert planned(scans) == {"embeddings", "gradcam", "attention_maps"}
    for artifact in planned(scans):
        assert scans.assay("make", "small", artifact).code == 0
    assert scans.assay("list", "--check").code == 0


def test_one_class_that_is_known_in_any_split_is_enough(scans):
    save_images(Path("runs/train.npz"))
    scans.configure(data__can__splits={"train": "runs/train.npz"})
    assert scans.assay("prepare", "can").code == 0
    assert {"evaluation", "landscape"} <= planned(scans)
