"""What a Slurm job starts for its step: deaf to a preemption, and told of its restarts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cluster.grace import StepExecutor
from assay.store.owner import RESTARTS

SNAKEFILE = f"""
from assay.cluster.grace import outlive_grace
outlive_grace()
rule a:
    output: "restarts"
    shell: "echo ${RESTARTS} > {{output}}"
"""
SRUN = """#!/bin/sh
while case $1 in -*) true ;; *) false ;; esac; do shift; done
echo "$@" > command
exec "$@"
"""


@pytest.fixture
def step_python() -> str:
    return StepExecutor.get_python_executable(object.__new__(StepExecutor))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_the_python_of_a_step_ignores_the_signals_of_a_preemption_from_its_first_instruction(
    step_python, number
):
    kill_itself = f"import os; os.kill(os.getpid(), {number.value}); print('goes on')"
    done = subprocess.run(f'{step_python} -c "{kill_itself}"', shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr


@pytest.mark.parametrize(("slurms", "expected"), [({}, "0"), ({"SLURM_RESTART_COUNT": "2"}, "2")])
def test_a_step_is_deaf_and_knows_the_restarts_of_its_job(tmp_path, step_python, slurms, expected):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "SLURM_JOB_ID": "7", **slurms}
    command = ["snakemake", "--executor", "slurm-jobstep", "--jobs", "1", "--mode", "remote", "restarts"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "restarts").read_text() == f"{expected}\n"
    assert (tmp_path / "command").read_text().startswith('sh -c trap "" TERM USR2; exec "$@" sh ')
