"""How a run on Slurm may end: all is made, or it failed for a reason."""

import re

from slurm.study import Study


def made(study: Study, *names: str) -> None:
    """The run ends well, with every probe right, made by one job at a time."""
    code = study.ended()
    assert code == 0, f"exit {code}"
    study.check_right(*(names or ("c0",)))
    study.check_one_writer()


def failed(study: Study, reason: str) -> None:
    """The run ends with exit code 1, the reason said, no job and no file left."""
    code = study.ended()
    assert code == 1, f"exit {code}"
    assert re.search(reason, study.text()), f"{reason!r} not said"
    study.check_queue_is_empty()
    study.check_absent("c0")
