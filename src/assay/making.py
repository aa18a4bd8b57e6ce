"""One artifact with the intakes and data that it lacks: what `assay make` and a submitted job do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import plan as planning
from assay import tokens
from assay.catalog import artifacts
from assay.config import Plan
from assay.errors import AssayError, ConfigError
from assay.options import resolved
from assay.plan import Request


class DoesNotApply(AssayError):
    """An artifact that turned out not to apply, now that its checkpoint was taken in and its data prepared."""

    def __init__(self, request: Request, reason: str):
        self.reason = reason
        super().__init__(f"{request.artifact} does not apply to {request.row.checkpoint}: it {reason}.")


def requests_with(
    plan: Plan, checkpoint: str, names: Sequence[str], given: Mapping[str, Any]
) -> list[Request]:
    """The requests for artifacts of one checkpoint; options `given` win over config and sheet.

    Raises:
        ConfigError: an unknown checkpoint, artifact or option, or an artifact that does not apply.
    """
    return [planning.request(plan, checkpoint, name, _options(name, given)) for name in names]


def made(
    plan: Plan,
    request: Request,
    *,
    again: bool = False,
    output: str | None = None,
    wait: bool = False,
    take_over: bool = False,
) -> Path | None:
    """Make an artifact and what it lacks; its file, or None where it is done and not to be made `again`.

    Raises:
        DoesNotApply: so it turned out.
        AssayError: as `job.make`, whose arguments the others are.
    """
    _make_inputs(plan, request)
    if not again and _is_done(plan, request):
        return None
    return made_alone(plan, request, output=output, wait=wait, take_over=take_over)


def made_alone(
    plan: Plan, request: Request, *, output: str | None = None, wait: bool = False, take_over: bool = False
) -> Path:
    """Make an artifact of the intakes and data as they lie, whether it is done or not; as `made` else."""
    if reason := planning.found_against(plan, request):
        raise DoesNotApply(request, reason)
    from assay import job

    where = plan.device_of(request.artifact)
    return job.make(request, device=where, output=output, wait=wait, take_over=take_over)


def _make_inputs(plan: Plan, request: Request) -> None:
    """Take in and prepare what the request lacks or what is stale."""
    from assay import feeding
    from assay.provenance.status import Inspection
    from assay.training import take_in_training

    if request.made_from:
        _make_missing(plan, planning.request(plan, request.row.checkpoint, request.made_from))
    look = Inspection(plan)
    for row in (request.row, *request.partners.values()):
        if look.intake_changes(row.checkpoint):
            feeding.take_in(plan, row.checkpoint, tokens.intake_token(plan, row.checkpoint))
    if request.table.origin and look.training_changes(request.row.checkpoint):
        name = request.row.checkpoint
        take_in_training(plan, name, tokens.training_token(plan, name))
    if look.data_changes(request.data.name):
        feeding.prepare(plan, request.data.name, tokens.data_token(plan, request.data.name))


def _make_missing(plan: Plan, request: Request) -> None:
    from assay import job

    _make_inputs(plan, request)
    if not _is_done(plan, request):
        job.make(request, device=plan.device_of(request.artifact), wait=True)


def _is_done(plan: Plan, request: Request) -> bool:
    from assay.provenance.status import Inspection

    return Inspection(plan).state(request.row.checkpoint, request.artifact, wanted=True).word == "done"


def _options(artifact: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if artifact not in artifacts():
        return {}
    values, problems = resolved(artifacts()[artifact].options, given)
    if problems:
        raise ConfigError([f"--set: {artifact}.{problem}" for problem in problems])
    return {name: values[name] for name in given}
