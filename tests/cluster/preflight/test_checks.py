"""The whole preflight, as `assay check --slurm` shows it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.preflight.fakes import changed, configured, put_profile

from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.checks import preflight


def check(bench, *words: str):
    return bench.assay("check", "--slurm", *words)


def test_a_plan_that_the_cluster_serves_is_ok(bench, slurm):
    run = check(bench, "--no-probe")
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[-1] == "slurm: ok"
    assert run.out.startswith("expected: ")


def test_the_probe_tells_node_python_and_torch(bench, slurm):
    run = check(bench)
    assert run.code == 0, run.text
    assert "partition cpu: node " in run.out
    assert ", torch 2." in run.out


def test_every_problem_is_told_at_once_on_a_line_of_its_own(bench, slurm):
    bench.configure(device="auto", resources={"cka": {"minutes": 90}, "embeddings": {"mem_mb": 99000}})
    slurm.shows("partition", changed("partition", {"cpu": {"MaxTime": "01:00:00"}}))
    slurm.shows("config", configured(MinJobAge="2 sec", AccountingStorageType="accounting_storage/none"))
    owner = Path("results/small/cka.json.owner")
    owner.parent.mkdir(parents=True)
    owner.write_text("torn")
    Path(".snakemake/locks").mkdir(parents=True)
    Path(".snakemake/locks/0.input.lock").touch()
    run = check(bench, "--no-probe")
    assert run.code == 2
    for words in (
        "minutes of cka",
        "memory of embeddings",
        "GPUs of landscape",
        "MinJobAge",
        "is being made",
        "--unlock",
    ):
        assert sum(words in line for line in run.err.splitlines()) == 1, (words, run.err)
    assert run.out.splitlines()[-1] == f"slurm: {len(run.err.splitlines())} problems, 0 warnings"


def test_warnings_alone_are_exit_0(bench, slurm):
    slurm.shows("node", changed("node", {name: {"State": "DOWN*"} for name in ("c1", "c2", "c3")}))
    run = check(bench, "--no-probe")
    assert run.code == 0
    assert run.err.startswith("warning: partition cpu: nodes for ")


def test_json_is_one_document_that_holds_it_all(bench, slurm):
    slurm.shows("config", configured(MinJobAge="2 sec", AccountingStorageType="accounting_storage/none"))
    run = check(bench, "--no-probe", "--json")
    assert (run.code, run.err) == (2, "")
    found = json.loads(run.out)
    assert [problem["what"] for problem in found["problems"]] == ["MinJobAge"]
    assert found["problems"][0].keys() == {"where", "what", "got", "needed", "advice", "is_warning"}
    assert found["expected"]["n_bytes"] > 0
    assert (found["warnings"], found["nodes"]) == ([], {})


def test_a_machine_without_slurm_is_exit_2_and_still_tells_the_rest(bench, slurm):
    slurm.without("scontrol")
    bench.configure(results="/sys/assay")
    run = check(bench)
    assert run.code == 2
    assert "this machine: no Slurm on PATH: got no scontrol" in run.err
    assert "/sys/assay: results cannot be written" in run.err


def test_a_profile_that_is_not_there_is_a_problem_among_others(bench, slurm):
    slurm.shows("partition", changed("partition", {"cpu": {"State": "DOWN"}}))
    run = check(bench, "--no-probe", "--profile", "elsewhere")
    assert run.code == 2
    assert "profile elsewhere: not read: got profile elsewhere: there is none in" in run.err
    assert "partition cpu: is not up" in run.err


def test_the_profiles_partition_is_the_one_that_is_held(bench, slurm):
    put_profile(bench, default_resources={"slurm_partition": "fast"})
    run = check(bench, "--no-probe")
    (line,) = run.err.splitlines()
    assert line.startswith("slurm/config.yaml: partition of embeddings, attention_weights, landscape and ")
    assert " more: got fast, needed one of cpu, gpu, preempt, preempt_grace." in line


def test_a_campaign_holds_jobs_of_its_own_and_needs_no_polling(bench, slurm):
    slurm.shows("config", configured(MinJobAge="2 sec", AccountingStorageType="accounting_storage/none"))
    pilot = Ask("pilot", minutes=600, mem_mb=9000, settings="--mem-mb")
    found = preflight(bench.plan(), asks=[pilot], probe=False)
    assert [problem.what for problem in found.problems] == ["memory of pilot"]
    assert found.warnings == []


def test_a_config_that_is_wrong_is_told_as_without_the_cluster(bench, slurm):
    bench.configure(seed="x")
    assert check(bench).err == bench.assay("check").err != ""


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_the_preflight_imports_no_torch_here(bench, slurm, words):
    program = (
        "import sys; from assay import cli; sys.argv = ['assay', 'check', '--slurm', '--no-probe', *sys.argv[1:]]\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'numpy', 'pandas', 'snakemake'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
