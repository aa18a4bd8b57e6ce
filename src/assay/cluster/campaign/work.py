"""What is to make: of every wanted artifact that is not done its files, and first the inputs that it lacks."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from assay import catalog
from assay import plan as planning
from assay.cluster.campaign.folder import Asked
from assay.cluster.preflight.asks import Ask
from assay.config import Plan
from assay.datasets import made_by_rule
from assay.errors import ConfigError
from assay.layout import Layout
from assay.options import unknown
from assay.plan import Request
from assay.provenance.status import Inspection
from assay.provenance.survey import Survey


@dataclass(frozen=True, slots=True)
class Unit:
    """Files that one pilot makes: their jobs need each other, or the same checkpoint."""

    targets: tuple[str, ...]
    rules: tuple[str, ...]  # of the jobs that make them

    def minutes(self, asks: Mapping[str, Ask]) -> int:
        """What its jobs may take one after another."""
        return sum(asks[rule].minutes for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Work:
    """All that a campaign makes."""

    inputs: tuple[Unit, ...]  # intakes, training records and data sets, which artifacts are made of
    cpu: tuple[Unit, ...]
    gpu: tuple[Unit, ...]

    @property
    def rules(self) -> list[str]:
        """The rules of all jobs, each once."""
        return list(
            dict.fromkeys(rule for unit in (*self.inputs, *self.cpu, *self.gpu) for rule in unit.rules)
        )


def open_work(plan: Plan, asked: Asked, *, with_gpus: bool) -> Work:
    """What of a plan is open and was asked for; without GPUs all of it is for the CPU.

    Raises:
        ConfigError: a glob or an artifact that matches nothing, or a file that a rule has to make first.
    """
    look = _Look(plan)
    chosen = list(_chosen(plan, asked))
    to_make = [wish for wish in _with_sources(plan, chosen) if not look.is_made(wish)]
    to_draw = [wish for wish in chosen if plan.figures and look.is_made(wish) and _lacks_figure(wish)]
    inputs = _inputs(look.inspection, to_make)
    if missing := sorted(_unmade(plan, to_make, inputs)):
        raise ConfigError(
            [f"{path}: not there, and a rule makes it. Make it first: snakemake {path}" for path in missing]
        )
    cpu: list[Unit] = []
    gpu: list[Unit] = []
    for unit in (*_units(plan, to_make), *map(_drawing, to_draw)):
        on_gpu = with_gpus and any(needs_gpu(plan, rule) for rule in unit.rules if rule in plan.resources)
        (gpu if on_gpu else cpu).append(unit)
    return Work(tuple(inputs.values()), tuple(cpu), tuple(gpu))


def needs_gpu(plan: Plan, artifact: str) -> bool:
    """Whether an artifact asks for a GPU, by its row or the config."""
    return plan.resources[artifact]["gpu"] > 0


def _chosen(plan: Plan, asked: Asked) -> Iterator[Request]:
    names = {name for name in plan.rows if fnmatchcase(name, asked.checkpoints)}
    problems = [
        f"--artifacts: {unknown(n, catalog.artifacts())}."
        for n in asked.artifacts
        if n not in catalog.artifacts()
    ]
    if not names:
        problems.append(f"--checkpoints {asked.checkpoints!r}: no checkpoint of the sheet has such a name.")
    if problems:
        raise ConfigError(problems)
    artifacts = set(asked.artifacts or catalog.artifacts())
    for wish in planning.requests(plan):
        if wish.row.checkpoint in names and wish.artifact in artifacts:
            yield wish


def _with_sources(plan: Plan, wishes: Sequence[Request]) -> Iterator[Request]:
    """The wishes, and before each the one that it is made from; every one once."""
    seen: set[str] = set()
    for wish in wishes:
        sources = [planning.request(plan, wish.row.checkpoint, wish.made_from)] if wish.made_from else []
        for one in (*sources, wish):
            if one.target not in seen:
                yield one
            seen.add(one.target)


class _Look:
    """How artifacts stand: where nothing changed, as `assay list` or the manifest saw them last."""

    def __init__(self, plan: Plan):
        self.inspection = Inspection(plan)
        survey = Survey(plan)
        self._words = cache(lambda name: {state.artifact: state.word for state in survey.states_of(name)})

    def is_made(self, wish: Request) -> bool:
        """Whether an artifact is done, drawn or not."""
        return self._words(wish.row.checkpoint)[wish.artifact] == "done"


def _lacks_figure(wish: Request) -> bool:
    return any(not Path(figure).exists() for figure in wish.figures[:1])


def _drawing(wish: Request) -> Unit:
    """The figure alone of an artifact that is made."""
    return Unit(wish.figures[:1], (f"figure_{wish.artifact}",))


def _inputs(look: Inspection, wishes: Sequence[Request]) -> dict[str, Unit]:
    """Path -> unit, of what the wishes read that is missing or stale."""
    found: dict[str, Unit] = {}
    for wish in wishes:
        for role, path in wish.fingerprints.items():
            if path not in found and look.fingerprint_changes(wish, role):
                found[path] = Unit((path,), (_rule(wish, role),))
    return found


def _rule(wish: Request, role: str) -> str:
    if role == "data":
        return f"data_{wish.data.name}"
    return "training" if role == "training" else "intake"


def _unmade(plan: Plan, wishes: Sequence[Request], inputs: Mapping[str, Unit]) -> set[str]:
    """The checkpoints and raw data that are needed, that a rule makes, and that are not there."""
    layout = Layout(plan.results)
    needed = {path for wish in wishes for path in wish.data.paths if layout.data(wish.data.name) in inputs}
    needed |= {
        row.path
        for wish in wishes
        for row in (wish.row, *wish.partners.values())
        if layout.intake(row.checkpoint) in inputs
    }
    return {path for path in needed if made_by_rule(path, plan.results) and not Path(path).exists()}


def _units(plan: Plan, wishes: Sequence[Request]) -> Iterator[Unit]:
    """One unit for each checkpoint and kind of artifact; one for all where some are made from others."""
    groups: dict[tuple[str, bool], list[Request]] = defaultdict(list)
    joined = {wish.row.checkpoint for wish in wishes if wish.made_from}
    for wish in wishes:
        checkpoint = wish.row.checkpoint
        groups[checkpoint, checkpoint not in joined and needs_gpu(plan, wish.artifact)].append(wish)
    for group in groups.values():
        yield _unit(plan, group)


def _unit(plan: Plan, wishes: Sequence[Request]) -> Unit:
    targets, rules = [], []
    for wish in wishes:
        targets.append(wish.target)
        rules.append(wish.artifact)
        if plan.figures and wish.figures:
            targets.append(wish.figures[0])
            rules.append(f"figure_{wish.artifact}")
    return Unit(tuple(targets), tuple(rules))
