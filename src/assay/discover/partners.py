"""Teachers and experts: which rows the configs of runs mean by them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.catalog import MAKERS, artifacts, families
from assay.discover.config_keys import expert_texts, teacher_texts
from assay.discover.model import Model
from assay.discover.references import References, acyclic
from assay.discover.walking import shown


@dataclass(frozen=True, slots=True)
class Partners:
    """The teacher and the experts of rows, by the names of checkpoints."""

    teachers: Mapping[str, str]
    experts: Mapping[str, tuple[str, ...]]


def exactly_named(models: Sequence[Model]) -> dict[str, str]:
    """The checkpoints that another training names, file by file, and one that names each."""
    exact, named = References(), dict[str, str]()
    group_of = {model.key: model.candidate.group for model in models}
    for model in models:
        exact.add(model.key, model.candidate.path)
    for model in models:
        for text in (*teacher_texts(model.config), *expert_texts(model.config)):
            key = exact.meant(text, model.near)
            if key and text.endswith(Path(key).name) and group_of[key] != model.candidate.group:
                named.setdefault(key, shown(model.candidate.path))
    return named


def partners(models: Mapping[str, Model], rows: Sequence[Mapping[str, str]]) -> Partners:
    """The partners of `models`, by name, among themselves and the rows that stand in the sheet."""
    references = _references(models, rows)
    known = {row["checkpoint"]: row.get("family", "") for row in rows if row.get("checkpoint")}
    family_of = known | {name: model.guess.family for name, model in models.items()}
    teachers = {
        name: _first(references, model, teacher_texts(model.config), without=name)
        for name, model in models.items()
    }
    able = {name: teacher for name, teacher in teachers.items() if _can_teach(family_of.get(teacher, ""))}
    experts = {name: _experts(references, name, model, family_of) for name, model in models.items()}
    return Partners(acyclic(able), experts)


def _references(models: Mapping[str, Model], rows: Iterable[Mapping[str, str]]) -> References:
    """Every row, proposed or there, by its path, its run's folder and its names."""
    references = References()
    n_of_run = Counter(model.candidate.run.folder for model in models.values() if model.stands_for_run)
    for name, model in models.items():
        run = model.candidate.run
        references.add(name, model.candidate.path, {name, model.wanted_name} - {""})
        alone = model.stands_for_run and n_of_run[run.folder] == 1  # a fold is not what the run's name means
        if alone and run.layout != "plain" and run.folder != model.candidate.path:
            references.add(name, run.folder, {run.folder.name})
    for row in rows:
        if row.get("checkpoint") and row.get("path"):
            references.add(row["checkpoint"], Path(row["path"]), {row["checkpoint"]})
    return references


def _first(references: References, model: Model, texts: Iterable[str], *, without: str) -> str:
    found = (references.meant(text, model.near) for text in texts)
    return next((name for name in found if name not in ("", without)), "")


def _can_teach(family: str) -> bool:
    """Whether a family answers what every artifact asks of a teacher."""
    asked = [artifact.partners.get("teacher", frozenset()) for artifact in artifacts().values()]
    return family in families() and all(asks <= families()[family].answers for asks in asked)


def _experts(references: References, own: str, model: Model, family_of: Mapping[str, str]) -> tuple[str, ...]:
    """The experts that the config names, where each role gets exactly one; else none."""
    if (kind := families()[model.guess.family].batches) not in MAKERS:
        return ()
    found = dict.fromkeys(references.meant(text, model.near) for text in expert_texts(model.config))
    known = [name for name in found if name not in ("", own) and family_of.get(name) in families()]
    roles = artifacts()[MAKERS[kind]].partners.values()
    able = [[name for name in known if asks <= families()[family_of[name]].answers] for asks in roles]
    return tuple(names[0] for names in able) if all(len(names) == 1 for names in able) else ()
