"""The table: every family, data source and artifact, and who can be asked what."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from assay.catalog.artifact_table import ARTIFACTS, SEED
from assay.catalog.family_table import FAMILIES
from assay.catalog.rows import Artifact, BatchKind, Family, Option, Source, Value
from assay.catalog.source_table import SOURCES
from assay.errors import ConfigError

__all__ = [
    "ARTIFACTS",
    "FAMILIES",
    "MAKERS",
    "READERS",
    "SCHEMA",
    "SEED",
    "SOURCES",
    "Artifact",
    "BatchKind",
    "Family",
    "Option",
    "Source",
    "Value",
    "artifacts",
    "data_asked",
    "families",
    "reason_against",
    "reason_of_source",
]

SCHEMA = 1  # of records and manifests; raised by hand where job, store or cli change what a result means

TableRow = TypeVar("TableRow")

READERS: Mapping[BatchKind, str] = {  # prepared splits -> batches
    "graphs": "assay.data.collated",
    "images": "assay.data.image_splits",
    "states": "assay.data.states",
    "tables": "assay.data.tables",
}
MAKERS: Mapping[BatchKind, str] = {"states": "fusion_states"}  # the artifact that makes them of other data


@cache
def families() -> Mapping[str, Family]:
    """Every family by name: ours, then those of installed distributions (`assay.families`)."""
    return _with_rows(FAMILIES, "assay.families")


@cache
def artifacts() -> Mapping[str, Artifact]:
    """Every artifact by name: ours, then those of installed distributions (`assay.artifacts`)."""
    rows = _with_rows(ARTIFACTS, "assay.artifacts")
    files = [row.file for row in rows.values()]
    if twice := next((file for file in files if files.count(file) > 1), None):
        raise ConfigError(
            f"two artifacts of the table have the file {twice}: an installed distribution adds it."
        )
    return rows


def reason_against(artifact: Artifact, family: str, partners: Mapping[str, str]) -> str:
    """Why an artifact does not apply to a checkpoint; empty where it does.

    `partners` holds the families of the row's partners by role.
    """
    if lacks := artifact.asks - families()[family].answers:
        return f"asks for {', '.join(sorted(lacks))}, which family {family} does not answer"
    for role, asks in artifact.partners.items():
        if role not in partners:
            return f"asks for {'an' if role[0] in 'aeiou' else 'a'} {role}, and the row names none"
        takes, given = families()[partners[role]].batches, families()[family].batches
        if role == "teacher" and takes != given:
            asked = f"asks its teacher for {', '.join(sorted(asks))} of the same samples"
            return f"{asked}, and family {partners[role]} takes {takes}, {family} {given}"
        if lacks := asks - families()[partners[role]].answers:
            return f"asks its {role} for {', '.join(sorted(lacks))}, which family {partners[role]} does not answer"
    return ""


def reason_of_source(artifact: Artifact, options: Mapping[str, Value], source: str) -> str:
    """Why an artifact with these options does not apply to any data of a source; empty where it may."""
    held = SOURCES[source].holds | SOURCES[source].may_hold
    if lacks := data_asked(artifact, options) - held:
        return f"asks the data for {', '.join(sorted(lacks))}, which source {source} does not read"
    return ""


def data_asked(artifact: Artifact, options: Mapping[str, Value]) -> frozenset[str]:
    """What an artifact with these options asks of its data, beside samples."""
    return frozenset(
        name
        for name, under in artifact.asks_data.items()
        if all(options[option] == value for option, value in under.items())
    )


def _with_rows(ours: Mapping[str, TableRow], group: str) -> dict[str, TableRow]:
    rows = dict(ours)
    for point in _installed().select(group=group):
        if point.name in rows:
            owner = point.dist.name if point.dist else point.value
            raise ConfigError(
                f"{group}: {point.name!r} of the distribution {owner} stands in the table already."
            )
        rows[point.name] = point.load()
    return rows


@cache
def _installed() -> Any:  # of a type that differs between Python 3.11 and 3.12
    return entry_points()
