"""The mended executor under a real Snakemake, with stand-ins for Slurm's commands."""

import re
import shutil

import pytest
from slurm.lines import STAND_INS, Recorder

from assay.cluster.executor import MENDED, check
from assay.shortage import factor, note

ONE = "checkpoint\tfamily\tpath\tdata\tartifacts\nc\tgat\tresults/demo/gat_v2.ckpt\tcan_demo\tembeddings\n"


@pytest.fixture
def recorder(tmp_path) -> Recorder:
    study = Recorder(tmp_path)
    study.fill(eight=True)
    (tmp_path / "config/checkpoints.tsv").write_text(ONE)
    return study


def test_a_queue_that_is_full_is_waited_for(recorder):
    sbatch = _own(recorder, "sbatch")
    refusal = "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying."
    once = f"test -e refused || {{ touch refused; echo '{refusal}' >&2; exit 1; }}"
    (sbatch.parent / "sbatch.real").write_text(sbatch.read_text())
    (sbatch.parent / "sbatch.real").chmod(0o755)
    sbatch.write_text(f'#!/bin/sh\n{once}\nexec "$(dirname "$0")/sbatch.real" "$@"\n')
    run = recorder.snakemake("results/demo/can/test", "--retries", "0")
    assert run.code == 0, run.text
    assert "Slurm takes no job now" in run.text
    assert len((recorder.folder / "sbatch.jsonl").read_text().splitlines()) == 1


def test_a_job_that_slurm_refuses_fails_at_once_with_slurms_words(recorder):
    sbatch = _own(recorder, "sbatch")
    sbatch.write_text(
        "#!/bin/sh\necho 'sbatch: error: Requested node configuration is not available' >&2; exit 1\n"
    )
    run = recorder.snakemake("results/demo/can/test")
    assert run.code == 1
    assert "demo_traffic: SLURM sbatch failed" in run.text
    assert "Requested node configuration is not available" in run.text


def test_a_preempted_job_whose_end_slurm_calls_a_time_limit_is_requeued_and_not_sent_again(recorder):
    _preempted(recorder, requeue="echo $2 >> asked")
    run = recorder.snakemake("results/demo/can/test")
    assert run.code == 0, run.text
    assert "Slurm job 1: it was preempted, which Slurm calls TIMEOUT; requeued." in run.text
    assert (recorder.folder / "asked").read_text() == "1\n"
    assert len((recorder.folder / "sbatch.jsonl").read_text().splitlines()) == 1


def test_a_preempted_job_that_slurm_does_not_requeue_is_tried_again_with_what_it_had(recorder):
    _preempted(recorder, requeue="touch asked; exit 1")
    run = recorder.snakemake("results/demo/can/test", "--retries", "1")
    assert run.code == 0, run.text
    assert "Slurm job 1: it was preempted, which Slurm calls TIMEOUT. Log:" in run.text
    lines = (recorder.folder / "sbatch.jsonl").read_text().splitlines()
    first, second = (re.findall(r'"(-t|--mem)", "?([^",]+)', line) for line in lines)
    assert first == second != []


def test_array_jobs_are_refused(recorder):
    run = recorder.snakemake("results/demo/can/test", "--slurm-array-jobs", "all")
    assert run.code == 1
    assert "a failing task of an array deletes the output of another one" in run.text


def test_another_version_of_the_plugin_is_refused_with_what_to_install():
    from snakemake_interface_common.exceptions import WorkflowError

    with pytest.raises(WorkflowError, match=rf"pip install .*=={MENDED[-1]}"):
        check("2.9.0", array_jobs=None)
    check(MENDED[-1], array_jobs=None)


def test_what_a_job_lacked_is_doubled_each_time_for_that_job_alone():
    assert factor("mem_mb", "a_rule", {"checkpoint": "a"}) == 1
    for _ in range(2):
        note("mem_mb", "a_rule", {"checkpoint": "a"})
    assert factor("mem_mb", "a_rule", {"checkpoint": "a"}) == 4
    assert factor("runtime", "a_rule", {"checkpoint": "a"}) == 1
    assert factor("mem_mb", "a_rule", {"checkpoint": "b"}) == 1


def _own(recorder: Recorder, name: str):
    """A copy of the stand-ins that the test may change; its `name`."""
    folder = recorder.folder / "bin"
    shutil.copytree(STAND_INS, folder)
    recorder.commands.append(str(folder))
    return folder / name


def _preempted(recorder: Recorder, *, requeue: str) -> None:
    """Slurm's commands where the first job ended in its grace time; `requeue` is what `scontrol requeue` does."""
    squeue = _own(recorder, "squeue")
    squeue.write_text(
        "#!/bin/sh\ntest -e asked && state=COMPLETED || state=TIMEOUT\n"
        'case "$*" in\n*--jobs=1*) echo "$state 2026-11-22T04:08:21" ;;\n'
        '*) echo "1|$state|None"; echo "2|COMPLETED|None" ;;\nesac\n'
    )
    scontrol = squeue.with_name("scontrol")
    scontrol.write_text(
        scontrol.read_text().replace(
            "#!/bin/sh\n", f'#!/bin/sh\nif [ "$1" = requeue ]; then {requeue}; exit; fi\n'
        )
    )
