"""An artifact that turns out not to apply: a first run, which planned it, ends well and leaves nothing of it."""

import json
from pathlib import Path

import pytest
from cli.bench import Bench, new_bench, save_checkpoint

REASON = (
    "asks for attend, which the checkpoint lacks: conv_type gps mixes all nodes of a graph, beside its attention over "
    "edges"
)


@pytest.fixture
def mixing(tmp_path) -> Bench:
    """A bench where nothing was made yet; of `small`, and of no other checkpoint, attention turns out not to apply."""
    bench = new_bench(tmp_path / "bench")
    save_checkpoint(bench.folder / "runs/small.ckpt", seed=1, conv_type="gps")
    others = ("embeddings", "cka", "landscape", "evaluation")
    bench.configure(figures=True, artifacts=dict.fromkeys(others, False))
    return bench


def test_a_first_run_ends_well_and_the_next_ones_leave_it_out(mixing):
    jobs = {"attention_weights": 2, "figure_attention_weights": 2}
    run = mixing.snakemake()
    assert run.code == 0, run.text
    assert jobs.items() <= run.jobs.items()
    manifest = json.loads((mixing.folder / "results/manifest.json").read_bytes())
    states = {(t["checkpoint"], t["artifact"]): (t["state"], t["reasons"]) for t in manifest["targets"]}
    assert manifest["complete"] is True
    assert states["small", "attention_weights"] == ("n/a", [REASON])
    assert states["big", "attention_weights"] == ("done", [])
    assert "small/attention_weights" not in " ".join(manifest["files"])
    assert not list((mixing.folder / "results/small").rglob("attention_weights*"))
    assert Path(mixing.folder, "results/big/figures/attention_weights.png").exists()
    log = Path(mixing.folder, "logs/small/attention_weights.log").read_text()
    assert log == f"attention_weights does not apply to small: it {REASON}.\n"
    assert mixing.planned() == {}
    assert mixing.snakemake().code == 0
    assert "Nothing to be done" in mixing.snakemake("-n").text
    assert mixing._run("assay", "verify").code == 0
