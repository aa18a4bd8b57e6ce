"""The GPUs of this machine by name. Torch is not asked: to import it takes longer than all else of a start."""

import os
from itertools import takewhile

from assay.cluster.commands import answer

VARIABLE = "CUDA_VISIBLE_DEVICES"
LISTING = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")


def visible_gpus() -> list[str]:
    """The GPUs that this user's programs see, as the variable names them: its own, else all that nvidia-smi lists."""
    said = os.environ.get(VARIABLE)
    if said is None:
        listed = answer(LISTING)
        return [] if listed.error else listed.out.split()
    names = [name.strip() for name in said.split(",")]
    return list(takewhile(lambda name: name not in ("", "-1"), names))  # as CUDA reads it
