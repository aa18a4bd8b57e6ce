"""Which results Snakemake may take as made: those whose records hold, and whose files are what the records say."""

from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.config import Plan
from assay.files import read_json
from assay.plan import Request, figure_code, requests
from assay.provenance.status import Inspection, State
from assay.provenance.verify import problem_of
from assay.store.marks import Marks, is_drawn

MOST_BYTES = 100_000  # of targets on one command line; Linux takes 131,072 for a single argument of `sh -c`
Files = Mapping[str, Mapping[str, Any]]  # path -> sha256 and, where known, bytes


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is there, as Snakemake is to see it."""

    fresh: tuple[str, ...]  # targets that nothing would make otherwise
    drawn: tuple[str, ...]  # figures of these that nothing would draw otherwise
    rest: tuple[str, ...]  # files to make (again), those that others are made of first
    damaged: tuple[str, ...]  # what is not the file that was written
    reasons: tuple[str, ...]  # why each target of the rest is one


def adoption(plan: Plan, *, threads: int = 4) -> Adoption:
    """Hold every wanted artifact against its record, and every file that it stands for against its sha256."""
    look, wishes = Inspection(plan), requests(plan)
    states = {wish.target: look.state(wish.row.checkpoint, wish.artifact) for wish in wishes}
    done = [wish for wish in wishes if states[wish.target].word == "done"]
    inputs = {path: _behind(path) for path in {path for wish in done for path in wish.fingerprints.values()}}
    files = {wish.target: _files(wish, states[wish.target], inputs) for wish in done}
    problems = _problems({path: held for of_one in files.values() for path, held in of_one.items()}, threads)
    fresh = {wish.target for wish in done if not problems.keys() & files[wish.target].keys()}
    rest = [wish for wish in wishes if wish.target not in fresh]
    lost = {path for path, held in inputs.items() if problems.keys() & held.keys()}
    pictures = _pictures([wish for wish in wishes if plan.figures and wish.figures], fresh, states, threads)
    undrawn = (png for png, drawn in pictures.items() if not drawn)
    to_make = (*_inputs_to_make(look, rest, lost), *(wish.target for wish in rest), *undrawn)
    return Adoption(
        fresh=tuple(wish.target for wish in wishes if wish.target in fresh),
        drawn=tuple(png for png, drawn in pictures.items() if drawn),
        rest=tuple(dict.fromkeys(to_make)),
        damaged=tuple(problems.values()),
        reasons=tuple(_reason(states[wish.target]) for wish in rest),
    )


def batches(targets: Sequence[str]) -> list[list[str]]:
    """The targets in order, in groups that fit on a command line."""
    groups: list[list[str]] = []
    room = 0
    for target in targets:
        room -= len(target.encode()) + 1
        if room < 0:
            groups.append([])
            room = MOST_BYTES - len(target.encode()) - 1
        groups[-1].append(target)
    return groups


def _files(wish: Request, state: State, inputs: Mapping[str, Files]) -> dict[str, Mapping[str, Any]]:
    """The files of an artifact that is done, and those that it was made of."""
    own = _of_record(wish.layout.results, state.record)
    return own | {path: held for name in wish.fingerprints.values() for path, held in inputs[name].items()}


def _of_record(results: str, record: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    of_file = {"sha256": record["sha256"], "bytes": record["bytes"]}
    held = {record["file"]: of_file, **record.get("also", {})}
    return {f"{results}/{name}": digest for name, digest in held.items()}


def _behind(fingerprint: str) -> dict[str, Mapping[str, Any]]:
    """The files that a fingerprint was published with."""
    path = Path(fingerprint)
    content = read_json(path)
    if "action" in content:  # the record of an artifact that others are made of
        return _of_record(str(path.parents[2]), content)
    beside = {
        name: digest for name, digest in content.get("files", {}).items() if isinstance(digest, Mapping)
    }
    splits = {f"{name}.safetensors": digest for name, digest in content.get("splits", {}).items()}
    return {f"{path.parent}/{name}": digest for name, digest in {**beside, **splits}.items()}


def _problems(files: Files, threads: int) -> dict[str, str]:
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(problem_of, files, files.values())
    return {path: problem for path, problem in zip(files, found, strict=True) if problem}


def _inputs_to_make(look: Inspection, rest: Sequence[Request], lost: set[str]) -> Iterator[str]:
    """The fingerprints of these artifacts that are stale, missing, or published with a file that is damaged."""
    for wish in rest:
        for role, path in wish.fingerprints.items():
            if path in lost or look.fingerprint_changes(wish, role):
                yield path


def _pictures(
    wishes: Sequence[Request], fresh: Set[str], states: Mapping[str, State], threads: int
) -> dict[str, bool]:
    """PNG -> whether the figure is of the fresh file of its artifact, by the code of today."""

    def drawn(wish: Request) -> bool:
        marks = Marks(states[wish.target].record.get("sha256", ""), figure_code(wish.artifact))
        return wish.target in fresh and is_drawn(wish.layout, wish.row.checkpoint, wish.artifact, marks)

    with ThreadPoolExecutor(threads) as pool:
        return dict(zip((wish.figures[0] for wish in wishes), pool.map(drawn, wishes), strict=True))


def _reason(state: State) -> str:
    why = state.reasons[0] if state.reasons else "a file of it is damaged"
    return f"{state.file}: {state.word if state.reasons else 'damaged'}: {why}"
