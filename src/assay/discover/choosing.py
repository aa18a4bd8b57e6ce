"""Which of the checkpoints of one training is proposed: the best by a metric, or else the last."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.discover.finding import Candidate
from assay.discover.runs import Point

Which = Literal["best", "last", "all"]

_FALLS = re.compile(r"loss|err|mae|mse|rmse|nll|perplexity|elbo_neg")
_RISES = re.compile(r"acc|auc|auroc|f1|r2|precision|recall|iou|dice|score|map\b|mcc")
_IN_NAME = re.compile(r"([A-Za-z][A-Za-z_]*(?:[/.][A-Za-z_]+)?)=(-?\d+(?:\.\d+)?(?:e-?\d+)?)")
_COUNT = re.compile(r"(epoch|step|checkpoint|ckpt|iter)[-_=]?(\d{1,12})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trained:
    """A checkpoint of a training, with what tells it from the others."""

    candidate: Candidate
    epoch: int
    step: int
    monitor: str  # what Lightning watched
    best: str  # the name of the file that was best by it

    @property
    def name(self) -> str:
        """The file's name, or the folder's."""
        return self.candidate.path.name


def trained(candidate: Candidate, header: Mapping[str, Any]) -> Trained:
    """The checkpoint with its counts, from its header or else its name; -1 where they are not known."""
    named = {what.lower(): int(n) for what, n in _COUNT.findall(candidate.stem)}
    step = next((named[what] for what in ("step", "iter", "checkpoint", "ckpt") if what in named), -1)
    monitored = header["monitored"]
    return Trained(
        candidate,
        epoch=header["counts"].get("epoch", named.get("epoch", -1)),
        step=header["counts"].get("global_step", step),
        monitor=monitored.get("monitor", ""),
        best=re.split(r"[/\\]", monitored.get("best", ""))[-1],
    )


def chosen(group: Sequence[Trained], which: Which) -> tuple[Trained, str]:
    """One checkpoint of a training, and why it is that one."""
    if len(group) == 1:
        return group[0], "the only one of its run"
    ways = (_said_by_the_run, _best_by_its_name, _best_in_history, _called_best) if which != "last" else ()
    for way in ways:
        if found := way(group):
            return found
    return _last(group)


def _said_by_the_run(group: Sequence[Trained]) -> tuple[Trained, str] | None:
    latest = max(group, key=lambda one: (one.step, one.epoch))
    run = latest.candidate.run
    for name, by in ((latest.best, f"by {latest.monitor}"), (run.best, "by the run's own account")):
        for one in group:
            if name and one.name == name:
                return one, f"the best of {len(group)} {by}"
    return None


def _best_by_its_name(group: Sequence[Trained]) -> tuple[Trained, str] | None:
    values: dict[str, dict[int, float]] = {}
    for place, one in enumerate(group):
        for metric, text in _IN_NAME.findall(one.candidate.stem):
            if metric.lower() not in ("epoch", "step"):
                values.setdefault(metric, {})[place] = float(text)
    return _best(group, values, "in the names")


def _best_in_history(group: Sequence[Trained]) -> tuple[Trained, str] | None:
    values: dict[str, dict[int, float]] = {}
    history = group[0].candidate.run.history
    watched = next((one.monitor for one in group if one.monitor), "")
    for metric in sorted(
        history, key=lambda name: (name != watched, "val" not in name, "loss" not in name, name)
    ):
        if metric == watched or "val" in metric:
            found = {place: _value(history[metric], one) for place, one in enumerate(group)}
            values[metric] = {place: value for place, value in found.items() if value is not None}
    return _best(group, values, "in the run's metrics")


def _called_best(group: Sequence[Trained]) -> tuple[Trained, str] | None:
    called = [one for one in group if re.search(r"(^|[-_. ])best([-_. ]|$)", one.candidate.stem.lower())]
    return (called[0], f"the one of {len(group)} that is called best") if len(called) == 1 else None


def _last(group: Sequence[Trained]) -> tuple[Trained, str]:
    def order(one: Trained) -> tuple[bool, int, int, bool, str]:
        folder = one.candidate.path == one.candidate.run.folder  # a Trainer's own, behind all of its steps
        called = bool(re.search(r"(^|[-_. ])(last|final|latest)([-_. ]|$)", one.candidate.stem.lower()))
        return folder, one.step, one.epoch, called, one.name

    return max(group, key=order), f"the last of {len(group)}; no metric tells the best"


def _best(
    group: Sequence[Trained], values: Mapping[str, Mapping[int, float]], where: str
) -> tuple[Trained, str] | None:
    """The best by the first metric that two checkpoints have and whose better direction is known."""
    for metric, found in values.items():
        better = _direction(metric)
        if better and len(found) > 1:
            place = better(found, key=lambda place: found[place])
            return group[place], f"the best of {len(group)} by {metric} {found[place]:g}, {where}"
    return None


def _direction(metric: str) -> Callable[..., int] | None:
    name = metric.lower()
    if _FALLS.search(name):
        return min
    return max if _RISES.search(name) else None


def _value(points: Sequence[Point], one: Trained) -> float | None:
    """The metric at a checkpoint: that of its epoch, else the last one up to its step."""
    if one.epoch >= 0 and (at := [point.value for point in points if point.epoch == one.epoch]):
        return at[-1]
    before = [point for point in points if 0 <= point.step <= one.step]
    return max(before, key=lambda point: point.step).value if before else None
