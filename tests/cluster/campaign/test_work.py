"""What a campaign makes: all that is open and wanted, and its inputs first."""

import time
from pathlib import Path

import pytest
from cli.bench import save_checkpoint
from contract.examples import save_autoencoder, save_fusion

from assay.cluster.campaign.folder import Asked
from assay.cluster.campaign.work import Unit, open_work
from assay.cluster.preflight.asks import Ask
from assay.errors import ConfigError
from assay.provenance.status import Inspection

INPUTS = {"results/big/intake.json", "results/small/intake.json", "results/data/can/data.json"}
TICK_SECONDS = 0.02  # longer than the clock of the file system stands still
FILES = {"embeddings.npz", "attention_weights.npz", "loss_landscape.parquet", "evaluation.json"}
DRAWN = ("embeddings", "attention_weights", "landscape", "evaluation")
FUSED = """checkpoint\tfamily\tpath\tdata\texperts
big\tgat\truns/big.ckpt\tcan\t
v\tvgae\truns/v.ckpt\tcan\t
f\tfusion\truns/f.ckpt\tcan\tv,big
"""


def work(bench, *, with_gpus: bool = False, **asked: object):
    return open_work(bench.plan(), Asked(**asked), with_gpus=with_gpus)


def targets(units: tuple[Unit, ...]) -> list[str]:
    return [target for unit in units for target in unit.targets]


def test_everything_is_to_make_where_nothing_is_made(bench):
    found = work(bench)
    assert set(targets(found.inputs)) == INPUTS
    assert set(targets(found.cpu)) == {
        *(f"results/{name}/{file}" for name in ("big", "small") for file in FILES),
        "results/small/cka.json",
    }
    assert found.gpu == ()


def test_no_target_is_in_two_units(bench):
    bench.configure(device="auto", figures=True)
    found = work(bench, with_gpus=True)
    named = [*targets(found.inputs), *targets(found.cpu), *targets(found.gpu)]
    assert len(named) == len(set(named))


def test_what_is_done_is_left_out(made):
    found = work(made)
    assert (found.inputs, found.cpu, found.gpu) == ((), (), ())


def test_a_changed_checkpoint_is_taken_in_again_before_what_is_made_of_it(made):
    save_checkpoint(Path("runs/big.ckpt"), seed=7)
    found = work(made)
    assert targets(found.inputs) == ["results/big/intake.json"]
    assert set(targets(found.cpu)) == {*(f"results/big/{file}" for file in FILES), "results/small/cka.json"}


def test_an_artifact_that_failed_is_tried_again(made):
    Path("results/small/cka.json").unlink()
    Path("results/small/records/cka.json").unlink()
    Path("results/small/records/cka.failed.json").write_text('{"error": "no luck"}')
    assert targets(work(made).cpu) == ["results/small/cka.json"]


def test_a_figure_that_is_missing_is_drawn_and_no_other(made):
    made.configure(device="auto", figures=True)
    assert made.assay("draw", "big", "embeddings").code == 0
    found = work(made, with_gpus=True)
    assert set(targets(found.cpu)) == {
        *(f"results/big/figures/{name}.png" for name in DRAWN[1:]),
        *(f"results/small/figures/{name}.png" for name in (*DRAWN, "cka")),
    }
    assert {unit.rules for unit in found.cpu} == {(f"figure_{name}",) for name in (*DRAWN, "cka")}
    assert (found.inputs, found.gpu) == ((), ())


def test_what_is_made_is_drawn_anew_after_it(made):
    made.configure(figures=True)
    for name in (*DRAWN, "cka"):
        for checkpoint in ("big", "small"):
            made.assay("draw", checkpoint, name)
    Path("results/small/cka.json").unlink()
    assert [(unit.targets, unit.rules) for unit in work(made).cpu] == [
        (("results/small/cka.json", "results/small/figures/cka.png"), ("cka", "figure_cka"))
    ]


def test_a_glob_chooses_checkpoints_and_the_inputs_that_they_need(bench):
    found = work(bench, checkpoints="b*")
    assert set(targets(found.inputs)) == INPUTS - {"results/small/intake.json"}
    assert set(targets(found.cpu)) == {f"results/big/{file}" for file in FILES}
    assert (
        set(targets(work(bench, checkpoints="small", artifacts=("cka",)).inputs)) == INPUTS
    )  # its teacher's, too


def test_a_list_chooses_artifacts(bench):
    found = work(bench, artifacts=("cka", "evaluation"))
    assert set(targets(found.cpu)) == {
        "results/big/evaluation.json",
        "results/small/evaluation.json",
        "results/small/cka.json",
    }


def test_names_that_match_nothing_are_refused_all_at_once(bench):
    with pytest.raises(ConfigError) as error:
        work(bench, checkpoints="x*", artifacts=("ckaa",))
    assert "--checkpoints 'x*': no checkpoint of the sheet has such a name." in str(error.value)
    assert "--artifacts: 'ckaa' is unknown" in str(error.value)
    assert "cka" in str(error.value)


def test_what_asks_for_a_gpu_is_a_unit_of_its_own_where_there_are_gpus(bench):
    bench.configure(device="auto")
    found = work(bench, with_gpus=True)
    assert [unit.targets for unit in found.gpu] == [
        ("results/big/loss_landscape.parquet",),
        ("results/small/loss_landscape.parquet",),
    ]
    assert [unit.rules for unit in found.cpu] == [
        ("embeddings", "attention_weights", "evaluation"),
        ("embeddings", "attention_weights", "cka", "evaluation"),
    ]
    without = work(bench)
    assert without.gpu == ()
    assert len(targets(without.cpu)) == 9


def test_what_is_made_from_another_artifact_is_one_unit_with_all_of_its_checkpoint(bench):
    save_autoencoder("vgae", Path("runs/v.ckpt"))
    save_fusion(Path("runs/f.ckpt"))
    bench.configure(device="auto", resources={"fusion_policy": {"gpu": 1}})
    Path("sheet.tsv").write_text(FUSED)
    found = work(bench, checkpoints="f", artifacts=("fusion_policy",), with_gpus=True)
    assert [unit.targets for unit in found.gpu] == [
        ("results/f/fusion_states.npz", "results/f/fusion_policy.parquet")
    ]
    assert set(targets(found.inputs)) == {
        *(f"results/{name}/intake.json" for name in ("f", "v", "big")),
        "results/data/can/data.json",
    }


def test_what_is_made_for_what_is_made_of_it_alone_is_not_made_twice(bench):
    save_autoencoder("vgae", Path("runs/v.ckpt"))
    save_fusion(Path("runs/f.ckpt"))
    bench.configure(artifacts__fusion_states=False)
    Path("sheet.tsv").write_text(FUSED)
    assert bench.assay("make", "f", "fusion_policy").code == 0
    Path("results/f/fusion_policy.parquet").unlink()
    found = work(bench, checkpoints="f", artifacts=("fusion_policy",))
    assert [unit.targets for unit in found.cpu] == [("results/f/fusion_policy.parquet",)]


def test_no_record_is_read_of_what_was_listed_and_did_not_change(made, monkeypatch):
    work(made)  # hashes the sources once, since they were copied
    time.sleep(TICK_SECONDS)
    assert made.assay("list").code == 0
    monkeypatch.setattr(Inspection, "state", None)
    assert work(made).cpu == ()


def test_a_checkpoint_that_a_rule_has_yet_to_make_is_refused_by_name(bench):
    bench.add_row("later\tgat\tresults/demo/later.ckpt\tcan\t")
    with pytest.raises(ConfigError, match=r"results/demo/later.ckpt: .*snakemake results/demo/later.ckpt"):
        work(bench)
    assert targets(work(bench, checkpoints="big").cpu)


def test_data_that_a_rule_has_yet_to_make_are_refused_by_name(bench):
    bench.configure(data__can__path="results/demo/val.npz")
    with pytest.raises(ConfigError, match=r"results/demo/val.npz: not there"):
        work(bench)


def test_a_unit_costs_what_its_jobs_may_take_one_after_another():
    asks = {name: Ask(name, minutes, 1000) for name, minutes in (("cka", 10), ("figure_cka", 3))}
    assert Unit(("a", "b"), ("cka", "figure_cka")).minutes(asks) == 13
