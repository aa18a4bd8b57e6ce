"""Limits of time that hold on a machine that others use, too."""

import os


def waiting_for_a_core() -> float:
    """How many times as long a process takes by what else runs here, from 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
