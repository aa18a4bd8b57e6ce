"""Fusion policies: states of experts in the sheet, made once, or of a data source; and what is wrong with either."""

import json
from pathlib import Path

import numpy as np
import pytest
from contract.examples import save_autoencoder, save_fusion
from families.fusion.examples import REFERENCE

from assay import load_artifact

HEADER = "checkpoint\tfamily\tpath\tdata\tteacher\texperts\tartifacts\n"
GAT = "g\tgat\truns/big.ckpt\tcan\t\t\t\n"
VGAE = "v\tvgae\truns/v.ckpt\tcan\t\t\t\n"
STATES = "results/f/fusion_states.npz"


@pytest.fixture
def fused(bench):
    """A vgae, a gat, and a policy that listens to both."""
    save_autoencoder("vgae", Path("runs/v.ckpt"), seed=5)
    save_fusion(Path("runs/f.ckpt"), seed=6)
    sheet(policy("v,g"))
    return bench


def policy(experts: str, *, data: str = "can", artifacts: str = "") -> str:
    return f"f\tfusion\truns/f.ckpt\t{data}\t\t{experts}\t{artifacts}\n"


def sheet(*rows: str) -> None:
    Path("sheet.tsv").write_text("".join([HEADER, GAT, VGAE, *rows]))


def listed(bench, artifact: str) -> tuple[str, list[str]]:
    """The state of an artifact of the policy, and its reasons."""
    pairs = json.loads(bench.assay("list", "--json").out)
    (pair,) = (pair for pair in pairs if (pair["checkpoint"], pair["artifact"]) == ("f", artifact))
    return pair["state"], pair["reasons"]


def test_a_policy_is_made_with_its_experts_and_their_states_in_an_empty_folder(fused):
    run = fused.assay("make", "f", "fusion_policy")
    assert run.code == 0, run.text
    made = {"v/intake.json", "g/intake.json", "f/fusion_states.npz", "f/records/fusion_states.json"}
    assert made <= fused.files()
    states, found = load_artifact(STATES), load_artifact("results/f/fusion_policy.parquet")
    assert (found.split.tolist(), found.sample.tolist()) == (states.split.tolist(), states.sample.tolist())
    np.testing.assert_array_equal(found.gat_conf, states.features[:, 0])
    assert set(found.split) == {"val", "test"}
    record = json.loads(Path("results/f/records/fusion_policy.json").read_bytes())
    assert record["inputs"]["data"]["path"] == "f/records/fusion_states.json"


def test_states_are_made_once_for_all_that_needs_them(fused):
    assert fused.assay("make", "f", "fusion_policy").code == 0
    before = Path(STATES).stat().st_mtime_ns
    assert fused.assay("make", "f", "evaluation").code == 0
    assert Path(STATES).stat().st_mtime_ns == before


@pytest.mark.parametrize("expert", ["v", "big"])
def test_a_replaced_expert_makes_states_and_decisions_stale(fused, expert):
    assert fused.assay("make", "f", "fusion_policy").code == 0
    if expert == "v":
        save_autoencoder("vgae", Path("runs/v.ckpt"), seed=9)
    else:
        fused.replace("runs/big.ckpt", Path("runs/small.ckpt").read_bytes())
    role = {"v": "vgae v", "big": "gat g"}[expert]
    out = fused.assay("why", "f", "fusion_policy").out
    assert out.startswith("results/f/fusion_policy.parquet: stale\n")
    assert f"fusion_states: {role}: runs/{expert}.ckpt changed" in out
    assert fused.assay("make", "f", "fusion_policy").code == 0
    assert fused.assay("why", "f", "fusion_policy").out == "results/f/fusion_policy.parquet: done\n"


def test_a_row_that_wants_the_policy_alone_wants_its_states_too(fused):
    sheet(policy("v,g", artifacts="fusion_policy"))
    assert fused.assay("make", "f", "fusion_policy").code == 0
    pairs = json.loads(fused.assay("list", "--json").out)
    states = {pair["artifact"]: pair["state"] for pair in pairs if pair["checkpoint"] == "f"}
    assert (states["fusion_policy"], states["fusion_states"]) == ("done", "done")


def test_the_published_file_is_wanted_only_where_config_or_row_name_it(fused):
    assert listed(fused, "dqn_policy") == (
        "off",
        ["made on request: neither config nor the row's column artifacts names it"],
    )
    sheet(policy("v,g", artifacts="dqn_policy"))
    assert listed(fused, "dqn_policy")[0] == listed(fused, "fusion_states")[0] == "missing"
    assert listed(fused, "fusion_policy") == ("off", ["not wanted by the row's column artifacts"])
    fused.configure(artifacts__dqn_policy=False)
    assert listed(fused, "dqn_policy") == ("off", ["not wanted by config"])
    sheet(policy("v,g"))
    fused.configure(artifacts__dqn_policy=True)
    assert listed(fused, "dqn_policy")[0] == listed(fused, "fusion_policy")[0] == "missing"


def test_the_published_file_is_made_by_name_and_bound_and_verified_where_it_is_wanted(fused):
    assert fused.assay("make", "f", "dqn_policy", "fusion_policy").code == 0
    assert listed(fused, "dqn_policy")[0] == "off"
    fused.configure(artifacts__dqn_policy=True)
    assert listed(fused, "dqn_policy")[0] == "done"
    assert fused.assay("manifest", "--partial").code == 0
    manifest = json.loads(Path("results/manifest.json").read_bytes())
    assert "f/dqn_policy.json" in manifest["files"]
    published, found = (
        load_artifact("results/f/dqn_policy.json"),
        load_artifact("results/f/fusion_policy.parquet"),
    )
    assert published.alphas == found.alpha[found.split == "val"].tolist()


def test_a_split_that_only_an_unwanted_artifact_names_need_not_exist(fused):
    fused.configure(options__dqn_policy__split="nowhere")
    assert fused.assay("check").code == 0
    fused.configure(artifacts__dqn_policy=True)
    assert "dqn_policy.split(s): 'nowhere' is unknown" in fused.assay("check").err


def test_a_split_that_the_states_of_a_wanted_policy_name_must_exist(fused):
    sheet(policy("v,g", artifacts="fusion_policy"))
    fused.configure(options__fusion_states__splits=["nowhere"])
    run = fused.assay("check")
    assert run.code == 2
    assert "fusion_states.split(s): 'nowhere' is unknown" in run.err
    fused.configure(artifacts__fusion_states=False)
    assert "fusion_states.split(s): 'nowhere' is unknown" in fused.assay("check").err
    fused.configure(artifacts__fusion_policy=False)
    assert fused.assay("check").code == 0


def test_damaged_states_are_refused_by_name(fused):
    assert fused.assay("make", "f", "fusion_policy").code == 0
    content = bytearray(Path(STATES).read_bytes())
    content[len(content) // 2] ^= 1
    Path(STATES).write_bytes(content)
    run = fused.assay("make", "f", "evaluation")
    assert run.code == 3
    assert f"{STATES} is not the file that its record describes" in run.err


def test_states_that_were_kept_from_elsewhere_need_no_experts(fused):
    arrays = dict(np.load(REFERENCE / "fusion_state.npz"))
    np.savez("runs/states.npz", **arrays, attack_type=np.ones(30, np.int64))
    fused.configure(data__kept={"source": "fusion_states", "path": "runs/states.npz"})
    sheet(policy("", data="kept"))
    run = fused.assay("make", "f", "fusion_policy", "evaluation")
    assert run.code == 0, run.text
    found = load_artifact("results/f/fusion_policy.parquet")
    assert (len(found.score), found.attack_type.tolist()) == (30, [1] * 30)
    np.testing.assert_array_equal(found.label, arrays["labels"])
    assert fused.assay("make", "f", "fusion_states").code == 2


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (policy(""), "gives graphs; experts would make states of it"),
        (policy("v"), "experts: one of them must answer class_features (the gat), got none"),
        (policy("g"), "experts: one of them must answer anomaly_features (the vgae), got none"),
        (policy("v,g,g2") + GAT.replace("g\t", "g2\t", 1), "got g (family gat) and g2 (family gat)"),
        (
            policy("v,g,d") + VGAE.replace("v\tvgae", "d\tdgi"),
            "experts: 'd' (family dgi) is none of vgae, gat",
        ),
        (policy("v,gg"), "experts: 'gg' is not in the sheet"),
        ("h\tgat\truns/big.ckpt\tcan\t\tv,g\t\n", "experts: family gat takes graphs and asks no experts"),
    ],
)
def test_wrong_experts_are_an_error_of_the_row(fused, row, expected):
    sheet(row)
    run = fused.assay("check")
    assert (run.code, run.out) == (2, "")
    assert expected in run.err


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"gat/probs": None}, "gat/probs"),
        ({"labels": None}, "lacks labels"),
        ({"gat/extra": np.ones(30)}, "unknown fields: gat/extra"),
        ({"labels": np.ones(7, np.int64)}, "labels is int64 [7]; allowed: whole numbers [30], from 0"),
        ({"vgae/rq": np.full((30, 1), np.nan, np.float32)}, "rq"),
        ({"vgae/rq": np.ones((30, 2), np.float32)}, "rq"),
    ],
)
def test_states_that_are_none_are_refused_with_their_file(fused, change, expected):
    arrays = dict(np.load(REFERENCE / "fusion_state.npz")) | change
    np.savez("runs/states.npz", **{name: array for name, array in arrays.items() if array is not None})
    fused.configure(data__kept={"source": "fusion_states", "path": "runs/states.npz"})
    sheet(policy("", data="kept"))
    run = fused.assay("make", "f", "fusion_policy")
    assert run.code == 3, run.text
    assert run.err.startswith("runs/states.npz")
    assert expected in run.err
