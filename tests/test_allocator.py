"""Freed memory that stays in the process: counted in page faults."""

import subprocess
import sys

import pytest

TEMPORARIES = """
import resource, sys
from assay.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
import torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    a = torch.ones(12_000_000)  # more than the 32 MiB up to which glibc may keep it by itself
    b = a + 1
    del a, b
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(allocator: str) -> int:
    command = [sys.executable, "-c", TEMPORARIES, allocator]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's switch")
def test_a_job_that_keeps_freed_memory_faults_its_temporaries_in_once():
    assert 4 * page_faults("keep") < page_faults("give back")
