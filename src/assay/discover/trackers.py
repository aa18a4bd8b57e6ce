"""What MLflow and W&B say of a run in their own files, as settings by dotted key and rows of metrics."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from assay.discover.curves import NOT_FINITE, Row
from assay.discover.documents import MAX_TABLE_BYTES, Plain, flat, json_map, text_of, yaml_map
from assay.discover.layouts.wandb import settings
from assay.errors import Refused
from assay.training_files import MLFLOW, MOST_TRACKED, TRACKED, WANDB_CONFIG, WANDB_SUMMARY

WORDS = frozenset(NOT_FINITE.values())  # W&B writes them as text

LeftOut = dict[str, str]  # file -> why it is not read


def refuse_deleted(files: Mapping[str, Path]) -> None:
    """Refuse a run that was deleted in MLflow, whose files stay where they were.

    Raises:
        Refused: its meta.yaml says so, or is no YAML.
    """
    if yaml_map(files[MLFLOW]).get("lifecycle_stage") == "deleted":
        raise Refused("says that the run is deleted in MLflow")


def mlflow_settings(files: Mapping[str, Path], left_out: LeftOut) -> dict[str, Plain]:
    """The params of a run, which MLflow keeps as text, a file each."""
    texts = _texts(files, "params/", left_out)
    return {name.replace("/", "."): text.strip("\n") for name, text in texts}


def mlflow_rows(files: Mapping[str, Path], left_out: LeftOut) -> Iterator[Row]:
    """A row for each line `<milliseconds> <value> [<step>]` of a metric; lines of another form are counted."""
    for metric, text in _texts(files, "metrics/", left_out):
        lines = [line.split() for line in text.splitlines()]
        rows = [line for line in lines if len(line) in (2, 3)]
        if len(rows) < len(lines):
            left_out[f"metrics/{metric}"] = f"{len(lines) - len(rows)} lines are no time, value and step"
        for _, value, *step in rows:
            yield {metric: value, "step": next(iter(step), None)}


def wandb_settings(files: Mapping[str, Path]) -> dict[str, Plain]:
    """The config of a W&B run without W&B's own keys."""
    return flat(settings(yaml_map(files[WANDB_CONFIG])))


def wandb_row(files: Mapping[str, Path], left_out: LeftOut) -> Row:
    """The last value of each metric, which is all that the summary holds."""
    summary = json_map(files[WANDB_SUMMARY])
    left_out["history"] = "W&B keeps it in a binary file of its own; of its metrics the last values are here"
    counts = {"epoch": summary.get("epoch"), "step": summary.get("trainer/global_step", summary.get("_step"))}
    named = {name: value for name, value in flat(summary).items() if not name.startswith("_")}
    numbers = {name: value for name, value in named.items() if not isinstance(value, str) or value in WORDS}
    return {**numbers, **counts}


def _texts(files: Mapping[str, Path], part: str, left_out: LeftOut) -> Iterator[tuple[str, str]]:
    """Name and content of each file of a part that can be read."""
    names = [name for name in files if name.startswith(part)]
    if sum(name.startswith(TRACKED) for name in files) == MOST_TRACKED:
        left_out[MLFLOW] = f"of its params and metrics the first {MOST_TRACKED} files are read"
    for name in names:
        try:
            yield name.removeprefix(part), text_of(files[name], MAX_TABLE_BYTES)
        except Refused as refusal:
            left_out[name] = str(refusal)
