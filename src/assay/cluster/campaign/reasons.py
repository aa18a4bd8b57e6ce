"""Why targets of a share were not made, as far as their turn has come."""

from collections.abc import Iterable
from pathlib import Path

from assay.cluster.campaign.progress import DATA, Share, job_of, written
from assay.cluster.commands import last_line
from assay.cluster.logs import tail
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


def died(share: Share, targets: Iterable[str]) -> list[str]:
    """Of targets that are not made and left no reason those whose jobs began in this campaign: they were killed."""
    return [target for target in targets if written(_log(share, target)) >= share.since]


def _told(file: Path) -> str:
    try:
        return failure(file)
    except (Refused, KeyError):
        return f"{file} is damaged"


def _untold(share: Share, target: str, log: str) -> str:
    checkpoint, _ = job_of(share.layout, target)
    if checkpoint != DATA and (why := _told_since(Path(share.layout.failed(checkpoint, "intake")), share)):
        return f"intake of {checkpoint}: {why}"
    own = _log(share, target)
    if written(own) < share.since:
        return f"never begun: {log}"
    return ": ".join(filter(None, ["its job ended without a reason", str(own), last_line(tail(own))]))


def _log(share: Share, target: str) -> Path:
    """What the job of a target says goes there."""
    checkpoint, job = job_of(share.layout, target)
    return Path("logs", checkpoint, f"{job.replace('figures/', 'figure_')}.log")


def _told_since(file: Path, share: Share) -> str:
    return _told(file) if written(file) >= share.since else ""
