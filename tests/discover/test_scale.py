"""Many runs are discovered in seconds and in little memory, however large their checkpoints are."""

import re
import subprocess
import sys

import pytest
from lab import ROOT
from record.waiting import waiting_for_a_core


@pytest.mark.slow
def test_two_thousand_runs_with_checkpoints_of_50_mb_take_less_than_60_seconds_and_500_mb(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks/discover.py"), "2000", "50", str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.match(r"2000 runs, 6000 files, a checkpoint of 50\.\d MB each: 2000 rows\n", said), said
    seconds = float(re.search(r"assay discover +(\S+) s", said)[1])
    peak_mib = float(re.search(r"peak memory of one of its two processes, MiB +(\S+)", said)[1])
    assert seconds < 60 * waiting_for_a_core(), said
    assert 2 * peak_mib * 2**20 < 500e6, said
