"""Whether an artifact applies to a checkpoint: by the table, then by what its file and data turn out to lack."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay import catalog
from assay.catalog import Value
from assay.config import Plan
from assay.datasets import DataSet
from assay.errors import Refused
from assay.files import read_json
from assay.layout import Layout
from assay.sheet import Row
from assay.tokens import data_hold, intake_holds


def partners(plan: Plan, row: Row, artifact: str) -> dict[str, Row]:
    """The row's partners by role: its teacher, and for every other role the expert that answers what it is asked."""
    found = {}
    for role, asks in catalog.artifacts()[artifact].partners.items():
        able = [name for name in row.experts if asks <= catalog.families()[plan.rows[name].family].answers]
        name = row.teacher if role == "teacher" else next(iter(able), "")
        if name:
            found[role] = plan.rows[name]
    return found


def reason_of_table(plan: Plan, row: Row, artifact: str, options: Mapping[str, Value]) -> str:
    """Why an artifact with these options applies to no such checkpoint on such data; empty where it may."""
    families = {role: partner.family for role, partner in partners(plan, row, artifact).items()}
    asking = catalog.artifacts()[artifact]
    if reason := catalog.reason_against(asking, row.family, families):
        return reason
    return catalog.reason_of_source(asking, options, plan.data[row.data].source)


def reason_of_files(plan: Plan, row: Row, artifact: str, options: Mapping[str, Value]) -> str:
    """What the checkpoint, a partner or the data lack, though others of the same family or source have it.

    Known from intake and preparation on; empty before that, and where they are stale.
    """
    asking = catalog.artifacts()[artifact]
    others = {
        role: (partner, asking.partners[role]) for role, partner in partners(plan, row, artifact).items()
    }
    for role, (subject, asks) in {"": (row, asking.asks), **others}.items():
        for capability, why in _checkpoint_lacks(plan, subject, asks).items():
            of, who = (f"its {role} ", subject.checkpoint) if role else ("", "the checkpoint")
            return f"asks {of}for {capability}, which {who} lacks: {why}"
    for name, why in _data_lack(plan, plan.data[row.data], catalog.data_asked(asking, options)).items():
        return f"asks the data for {name}, which {row.data} lack: {why}"
    return ""


def _checkpoint_lacks(plan: Plan, row: Row, asks: frozenset[str]) -> dict[str, str]:
    """Capability -> why the file of a row does not answer it, as its intake found."""
    if not asks & catalog.families()[row.family].may_lack:
        return {}
    intake = _found(Layout(plan.results).intake(row.checkpoint))
    lacks = _of(asks, intake)
    return lacks if lacks and intake_holds(plan, row.checkpoint, intake) else {}


def _data_lack(plan: Plan, data: DataSet, asks: frozenset[str]) -> dict[str, str]:
    """What is asked of a data set -> why it is not there, as its preparation found."""
    if not (open_ := asks & catalog.SOURCES[data.source].may_hold):
        return {}
    content = _found(Layout(plan.results).data(data.name))
    lacks = _of(open_, content)
    return lacks if lacks and data_hold(plan, data.name, content) else {}


def _of(asks: frozenset[str], found: Mapping[str, Any]) -> dict[str, str]:
    return {name: why for name, why in found.get("lacks", {}).items() if name in asks}


def _found(fingerprint: str) -> Mapping[str, Any]:
    """What an intake or a preparation left; nothing where there is none, or it is damaged."""
    try:
        state = Path(fingerprint).stat()
        return _read(fingerprint, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    except (FileNotFoundError, Refused):
        return {}


@lru_cache(maxsize=256)
def _read(fingerprint: str, state: tuple[int, ...]) -> Mapping[str, Any]:
    """What a file holds while its `state` is this: every artifact of a checkpoint asks the same one."""
    return read_json(Path(fingerprint))
