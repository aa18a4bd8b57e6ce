"""Why targets of a share were not made, as far as their turn has come."""

from pathlib import Path

from assay.cluster.campaign.progress import DATA, Share, job_of, written
from assay.errors import Refused
from assay.store.records import failure


def reasons(share: Share, *, is_over: bool, log: str) -> dict[str, str]:
    """Target -> why it was not made: what its job said, or, of a pilot that is over, what else is known.

    `log` is that of the pilot.
    """
    told = {target: _told(Path(file)) for target, file in share.failed().items()}
    if not is_over:
        return told
    return {target: told.get(target) or _untold(share, target, log) for target in share.left()}


def _told(file: Path) -> str:
    try:
        return failure(file)
    except (Refused, KeyError):
        return f"{file} is damaged"


def _untold(share: Share, target: str, log: str) -> str:
    checkpoint, job = job_of(share.layout, target)
    own = f"logs/{checkpoint}/{job.replace('figures/', 'figure_')}.log"
    if checkpoint != DATA and (why := _told_since(Path(share.layout.failed(checkpoint, "intake")), share)):
        return f"intake of {checkpoint}: {why}"
    began = written(Path(own)) >= share.since
    return f"its job ended without a reason: {own}" if began else f"never begun: {log}"


def _told_since(file: Path, share: Share) -> str:
    return _told(file) if written(file) >= share.since else ""
