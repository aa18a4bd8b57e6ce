"""Jobs on this machine: the executors local and debug, and what a handle says of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.bench import save_checkpoint

import assay
from assay.artifacts.cka import Cka
from assay.artifacts.embeddings import Embeddings
from assay.cluster.submission.errand import Errand, run_here
from assay.errors import AssayError, ConfigError, Refused

pytestmark = pytest.mark.filterwarnings(
    "ignore:subprocess .* is still running:ResourceWarning"
)  # it is meant to
HERE = pytest.mark.parametrize("executor", ["local", "debug"])
CKA = Path("results/small/cka.json")
SEES = """
import os, pathlib
from assay.cluster.submission import errand
errand.run_here = lambda _: print(os.environ.get("CUDA_VISIBLE_DEVICES")) or errand.End(0)
errand.run(errand.Errand("{executor}", pathlib.Path("{folder}"), "", "", (), {{}}, False, {visible!r}))
"""
HEAVY = "{'torch', 'numpy', 'pandas', 'submitit', 'snakemake'} & sys.modules.keys()"


def first_child(process: int) -> int:
    """The first process that another one starts."""
    listed = Path(f"/proc/{process}/task/{process}/children")
    while not (found := listed.read_text().split()):
        time.sleep(0.01)
    return int(found[0])


@HERE
def test_a_job_makes_what_is_lacking_with_the_bytes_of_assay_make(bench, finished_bench, executor):
    sent = assay.submit("small", "cka", executor=executor)
    assert isinstance(sent.load(), Cka)
    assert sent.status == "done"
    for name in ("small/cka.json", "big/weights.safetensors", "data/can/val.safetensors"):
        assert Path("results", name).read_bytes() == (finished_bench.folder / "results" / name).read_bytes()
    assert bench.assay("why", "small", "cka").out == f"{CKA}: done\n"


def test_a_local_job_is_a_process_of_its_own_and_goes_on_after_a_timeout(bench):
    sent = assay.submit("small", "embeddings", executor="local")
    assert sent.status == "running"
    assert str(sent) == f"small embeddings, process {sent.job.job.job_id}: running"
    with pytest.raises(TimeoutError, match=r"running, after 0\.1 s"):
        sent.wait(0.1)
    assert isinstance(sent.wait().load("embeddings"), Embeddings)
    assert int(sent.job.job.job_id) != os.getpid()


@HERE
def test_a_job_that_fails_raises_what_its_record_of_failure_holds(bench, executor):
    save_checkpoint(Path("runs/small.ckpt"), in_channels=6)
    sent = assay.submit("small", "evaluation", executor=executor)
    with pytest.raises(AssayError) as raised:
        sent.wait()
    reason = json.loads(Path("results/small/records/evaluation.failed.json").read_bytes())["error"]
    assert str(raised.value).startswith(f"small evaluation: {reason}")
    assert (sent.status, type(raised.value)) == ("failed", AssayError)


def test_a_checkpoint_that_is_refused_is_refused_by_the_handle_too(bench):
    Path("runs/small.ckpt").write_text("<html>")
    sent = assay.submit("small", "evaluation", executor="debug")
    assert sent.status == "failed"
    with pytest.raises(Refused, match=r"runs/small\.ckpt"):
        sent.load()


def test_a_job_that_is_killed_failed(bench):
    sent = assay.submit("small", "embeddings", executor="local")
    os.kill(first_child(int(sent.job.job.job_id)), signal.SIGKILL)
    with pytest.raises(AssayError, match="its process was killed, or crashed\nprocess"):
        sent.wait()


def test_what_is_done_is_not_sent(made):
    sent = assay.submit("small", "cka", "embeddings", executor="local")
    assert (sent.status, sent.job, str(sent)) == ("done", None, "small cka, embeddings: done")
    assert isinstance(sent.load("cka"), Cka)
    assert not Path("results/.submissions").exists()


def test_what_is_done_is_made_again_by_force(made):
    before = CKA.stat().st_ino
    assert assay.submit("small", "cka", executor="debug", force=True).status == "done"
    assert CKA.stat().st_ino != before


def test_options_of_a_job_win_over_config_and_sheet(made):
    assert assay.submit("small", "cka", executor="debug", options={"max_samples": 9}).status == "done"
    assert json.loads(Path("results/small/records/cka.json").read_bytes())["options"]["max_samples"] == 9


def test_of_several_artifacts_one_is_loaded_by_its_name(made):
    sent = assay.submit("small", "cka", "embeddings", executor="debug")
    with pytest.raises(ConfigError, match=r"load: the job makes cka and embeddings. Name one of them"):
        sent.load()


def test_a_job_that_is_started_again_after_its_end_makes_nothing(bench):
    sent = assay.submit("small", "embeddings", executor="debug", force=True)
    before = sent.files["embeddings"].stat().st_ino
    errand = Errand(
        "slurm",
        sent.folder,
        "config/config.yaml",
        "small",
        ("embeddings",),
        {},
        again=True,
        visible_gpus=None,
    )
    assert run_here(errand).exit_code == 0
    assert sent.files["embeddings"].stat().st_ino == before


def test_a_folder_that_is_deleted_is_no_success(bench):
    sent = assay.submit("small", "embeddings", executor="debug")
    (sent.folder / "ended.json").unlink()
    assert sent.status == "failed"
    for file in sent.folder.iterdir():
        file.unlink()
    sent.folder.rmdir()
    with pytest.raises(AssayError, match="was deleted: nothing is known of the job"):
        sent.wait()


@pytest.mark.parametrize(
    ("executor", "visible", "seen"), [("local", None, "None"), ("local", "1,0", "1,0"), ("slurm", "1,0", "")]
)
def test_a_local_job_sees_the_gpus_that_its_submitter_sees(tmp_path, executor, visible, seen):
    program = SEES.format(executor=executor, visible=visible, folder=tmp_path)
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # as submitit starts a local job
    done = subprocess.run([sys.executable, "-c", program], env=hidden, stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (0, f"{seen}\n")


@pytest.mark.parametrize(
    ("words", "keys", "said"),
    [
        (("smal", "cka"), {}, "did you mean 'small'"),
        (("small", "ckaa"), {}, "did you mean 'cka'"),
        (("big", "cka"), {}, "cka does not apply to big: it asks for a teacher"),
        (("small",), {}, "submit takes one artifact or more, got none"),
        (("small", "cka"), {"options": {"max_sample": 9}}, "cka.max_sample is unknown"),
        (("small", "cka"), {"executor": "slrum"}, "executor 'slrum' is unknown (did you mean 'slurm'?)"),
        (
            ("small", "cka"),
            {"executor": "slurm"},
            "executor slurm: no sbatch, squeue, scontrol, srun on PATH.",
        ),
        (("small", "cka"), {"config": "none.yaml"}, "none.yaml"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(bench, monkeypatch, words, keys, said):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError) as raised:
        assay.submit(*words, **keys)
    assert said in str(raised.value)
    assert not Path("results").exists()


def test_results_that_cannot_be_written_are_refused_before_anything_is_sent(bench):
    bench.configure(results="/sys/assay")
    with pytest.raises(ConfigError, match="/sys/assay: results cannot be written"):
        assay.submit("small", "cka", executor="local")


def test_the_name_alone_imports_nothing_heavy():
    program = f"import sys, assay; assay.submit; assert not {HEAVY}, {HEAVY}"
    subprocess.run([sys.executable, "-c", program], check=True)
