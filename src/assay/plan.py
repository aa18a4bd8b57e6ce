"""Plan x table -> requests: for every artifact to make its paths, inputs, options and code digests."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from assay import catalog
from assay.applicability import partners, reason_of_files, reason_of_table
from assay.catalog import MAKERS, READERS, SCHEMA, SOURCES, Artifact, Value
from assay.config import DEFAULT_CONFIG, Plan, read_plan
from assay.datasets import DataSet
from assay.digest import code_digests, combined
from assay.errors import ConfigError
from assay.layout import Layout
from assay.options import deciding, unknown
from assay.sheet import Row

INTAKE_FORMAT = 2  # raised by hand where the border would write other files for the same checkpoint
TRAINING_FORMAT = 2  # the same of what training left around it


@dataclass(frozen=True, slots=True)
class Request:
    """One artifact of one checkpoint, whole: what `assay make` needs to make it."""

    row: Row
    artifact: str
    partners: Mapping[str, Row]  # by role
    data: DataSet
    options: Mapping[str, Value]
    layout: Layout

    @property
    def table(self) -> Artifact:
        """The artifact's row in the table."""
        return catalog.artifacts()[self.artifact]

    @property
    def deciding(self) -> dict[str, Any]:
        """The options on which the artifact's bytes depend."""
        return deciding(self.options, self.table.options)

    @property
    def target(self) -> str:
        """The file to make."""
        return self.layout.target(self.row.checkpoint, self.artifact)

    @property
    def also(self) -> tuple[str, ...]:
        """The files that are published before the target."""
        return self.layout.also(self.row.checkpoint, self.artifact)

    @property
    def record(self) -> str:
        """The record to write last."""
        return self.layout.record(self.row.checkpoint, self.artifact)

    @property
    def figures(self) -> tuple[str, ...]:
        """The pictures of the artifact, PNG first; none where its row has no figure."""
        return self.layout.figures(self.row.checkpoint, self.artifact) if self.table.figure else ()

    @property
    def fingerprints(self) -> dict[str, str]:
        """Role -> the small file whose content decides whether the artifact is stale."""
        training = ("training",) if self.table.origin else ()
        return {role: self.fingerprint(role) for role in (*self._subjects, "data", *training)}

    def fingerprint(self, role: str) -> str:
        """The fingerprint of one role."""
        if role == "data":
            made = self.made_from
            return self.layout.record(self.row.checkpoint, made) if made else self.layout.data(self.data.name)
        if role == "training":
            return self.layout.training(self.row.checkpoint)
        return self.layout.intake(self._subjects[role].checkpoint)

    @property
    def made_from(self) -> str:
        """The artifact of the same checkpoint that its batches come from; empty where the data give them."""
        maker = _maker(self.row, self.data)
        return "" if maker == self.artifact or self.table.origin else maker

    @property
    def code(self) -> dict[str, str]:
        """Module -> digest, of all the code that decides the artifact's bytes."""
        return _code(self.artifact, tuple(sorted({row.family for row in self._subjects.values()})))

    @property
    def code_digest(self) -> str:
        """One digest over `code` and the schema version."""
        return code_digest(self.artifact, *(row.family for row in self._subjects.values()))

    @property
    def _subjects(self) -> dict[str, Row]:
        return {"checkpoint": self.row, **self.partners}


def requests(plan: Plan) -> list[Request]:
    """Everything that the plan wants and that applies, in the order of sheet and table."""
    return [
        request(plan, checkpoint, artifact)
        for checkpoint in plan.rows
        for artifact in wanted(plan, checkpoint)
        if not reason_against(plan, checkpoint, artifact)
    ]


def request(
    plan: Plan, checkpoint: str, artifact: str, options: Mapping[str, Value] | None = None
) -> Request:
    """The request for one artifact, whether the toggles want it or not; `options` win over config and sheet.

    Raises:
        ConfigError: an unknown checkpoint or artifact, or an artifact that does not apply.
    """
    row = plan.row(checkpoint)
    if artifact not in catalog.artifacts():
        raise ConfigError(f"artifact {unknown(artifact, catalog.artifacts())}.")
    chosen = {**_options(plan, row, artifact), **(options or {})}
    if reason := reason_of_table(plan, row, artifact, chosen):
        raise ConfigError(f"{artifact} does not apply to {checkpoint}: it {reason}.")
    return Request(
        row=row,
        artifact=artifact,
        partners=partners(plan, row, artifact),
        data=plan.data[row.data],
        options=chosen,
        layout=Layout(plan.results),
    )


def lost(plan: Plan, wanted: Sequence[Request]) -> list[str]:
    """The files of `wanted` that are gone although a manifest was written."""
    if not Path(Layout(plan.results).manifest).exists():
        return []
    files = {
        file
        for request in wanted
        for file in (
            request.target,
            *request.also,
            request.record,
            *request.fingerprints.values(),
            *(request.figures if plan.figures else ()),
        )
    }
    return sorted(file for file in files if not os.path.exists(file))  # noqa: PTH110


def expected_outputs(checkpoint: str, config: str = DEFAULT_CONFIG) -> list[Path]:
    """The files that the plan of `config` makes of a checkpoint, whether they exist or not.

    Raises:
        ConfigError: every problem of config and sheet, or an unknown checkpoint.
    """
    plan = read_plan(config)
    plan.row(checkpoint)
    return [Path(wish.target) for wish in requests(plan) if wish.row.checkpoint == checkpoint]


def code_digest(artifact: str, *families: str) -> str:
    """One digest over the code that makes an artifact of these families, and the schema version."""
    return f"{SCHEMA}-{combined(_code(artifact, tuple(sorted(set(families)))))}"


def figure_code(artifact: str) -> str:
    """The digest of the code that draws an artifact."""
    return f"{SCHEMA}-{combined(_figure_code(artifact))}"


def wanted(plan: Plan, checkpoint: str) -> list[str]:
    """The artifacts that toggles and row want of a checkpoint, whether they apply or not, and what they are made of."""
    row = plan.rows[checkpoint]
    chosen = {artifact for artifact in plan.enabled if artifact in row.artifacts}
    maker = _maker(row, plan.data[row.data])
    needed = {maker} if maker and not all(_table(artifact).origin for artifact in chosen) else set()
    return [artifact for artifact in catalog.artifacts() if artifact in chosen | needed]


def reason_against(plan: Plan, checkpoint: str, artifact: str) -> str:
    """Why an artifact does not apply to a checkpoint; empty where it does.

    What its file and its data decide is known from intake and preparation on. Before that an artifact that family
    and source allow is planned, and its job finds out.
    """
    row = plan.rows[checkpoint]
    options = _options(plan, row, artifact)
    return reason_of_table(plan, row, artifact, options) or reason_of_files(plan, row, artifact, options)


def by_table(plan: Plan, checkpoint: str, artifact: str) -> bool:
    """Whether the table and the sheet alone decide that an artifact does not apply to a checkpoint."""
    row = plan.rows[checkpoint]
    return bool(reason_of_table(plan, row, artifact, _options(plan, row, artifact)))


def found_against(plan: Plan, request: Request) -> str:
    """Why a request turned out not to apply, now that its checkpoint was taken in and its data prepared."""
    return reason_of_files(plan, request.row, request.artifact, request.options)


def _table(artifact: str) -> Artifact:
    return catalog.artifacts()[artifact]


def _maker(row: Row, data: DataSet) -> str:
    """The artifact that makes the batches of a checkpoint out of its data; empty where the data give them."""
    takes = catalog.families()[row.family].batches
    return "" if SOURCES[data.source].batches == takes else MAKERS[takes]


def _options(plan: Plan, row: Row, artifact: str) -> dict[str, Value]:
    return {**plan.options[artifact], **row.options.get(artifact, {})}


@cache
def _code(artifact: str, families: tuple[str, ...]) -> dict[str, str]:
    rows = [] if _table(artifact).origin else [catalog.families()[name] for name in families]
    readers = {READERS[row.batches] for row in rows}
    return code_digests([_table(artifact).module, *(row.module for row in rows), *sorted(readers)])


@cache
def _figure_code(artifact: str) -> dict[str, str]:
    return code_digests([_table(artifact).figure])
