"""A grid point beside the published loop, in one process with a pinned allocator: a ratio, never seconds."""

import os
import re
import subprocess
import sys

import pytest
from lab import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(("conv_type", "share"), [("gat", 0.6), ("gatv2", 0.85)])
def test_a_grid_point_of_500_graphs_costs_a_share_of_the_published_loop(conv_type, share):
    command = [sys.executable, str(ROOT / "benchmarks/landscape.py"), conv_type]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    ratio, error = re.search(r"ms +(\S+) +largest relative difference (\S+)", said).groups()
    assert float(error) <= 1e-6
    assert float(ratio) <= share
