"""A record without a model costs a training script next to nothing beside what the disk takes to flush it."""

import re
import subprocess
import sys

from lab import ROOT
from record.waiting import waiting_for_a_core


def test_a_record_without_a_model_takes_less_than_50_ms_beside_fsync(tmp_path):
    command = [sys.executable, str(ROOT / "benchmarks/record.py"), "30", str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    flushes, milliseconds = re.search(r"without its +(\d+) flushes +(\S+)", said).groups()
    assert int(flushes) > 0
    assert float(milliseconds) < 50 * waiting_for_a_core(), said
