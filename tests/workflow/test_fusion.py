"""Fusion policies under a real Snakemake: states between the experts and what is decided on them."""

from pathlib import Path

import pytest
from cli.bench import new_bench
from contract.examples import save_autoencoder, save_fusion
from lab import Lab

SHEET = """checkpoint\tfamily\tpath\tdata\tteacher\texperts\tartifacts
f\tfusion\truns/f.ckpt\tcan\t\tv,g\tfusion_policy,evaluation
v\tvgae\truns/v.ckpt\tcan\t\t\tevaluation
g\tgat\truns/big.ckpt\tcan\t\t\tevaluation
"""
OF_STATES = {"fusion_states": 1, "fusion_policy": 1}


@pytest.fixture
def fused(tmp_path) -> Lab:
    lab = Lab(new_bench(tmp_path / "lab").folder)
    save_autoencoder("vgae", lab.folder / "runs/v.ckpt", seed=5)
    save_fusion(lab.folder / "runs/f.ckpt", seed=6)
    (lab.folder / "sheet.tsv").write_text(SHEET)
    return lab


@pytest.mark.slow
def test_states_are_made_of_both_experts_and_follow_each_of_them(fused):
    everything = {"data_can": 1, "intake": 3, "evaluation": 3, **OF_STATES}
    assert fused.planned() == everything
    assert fused.snakemake().code == 0
    assert fused.planned() == {}
    assert fused.assay("list", "--check").code == 0

    save_autoencoder("vgae", Path(fused.folder, "runs/v.ckpt"), seed=9)
    assert fused.planned() == {"intake": 1, "evaluation": 2, **OF_STATES}
    assert fused.snakemake().code == 0
    assert fused.planned() == {}

    fused.configure(options__fusion_policy__seed=7)
    assert fused.planned() == {"fusion_policy": 1}

    (fused.folder / "results/f/fusion_states.npz").unlink()
    assert fused.planned() == {"evaluation": 1, **OF_STATES}
    run = fused.snakemake()
    assert run.code == 0, run.text
    assert fused.assay("list", "--check").code == 0
