"""Hydra: a folder with `.hydra/config.yaml` and `.hydra/overrides.yaml`, of a run or of a job of a multirun."""

from assay.discover.documents import flat, table, yaml_map, yaml_value
from assay.discover.layouts import lightning
from assay.discover.runs import Run, first_text
from assay.discover.walking import Folder, Tree
from assay.errors import Refused

HYDRA = ".hydra"
CONFIG = "config.yaml"
OVERRIDES = "overrides.yaml"
_NAMES = ("run_name", "experiment_name", "experiment", "task_name", "name", "model.name", "model")


def claims(folder: Folder, tree: Tree) -> bool:
    """Whether the folder is a run."""
    inside = tree.folders.get(folder.path / HYDRA)
    return inside is not None and CONFIG in inside.files


def read(folder: Folder, tree: Tree) -> Run:
    """The run; references such as `${seed}` are not followed, their keys are left out."""
    run = Run("hydra", folder.path)
    try:
        config = flat(yaml_map(folder.path / HYDRA / CONFIG))
        run.config = {key: value for key, value in config.items() if "${" not in str(value)}
    except Refused as refusal:
        run.left_out(folder.path / HYDRA / CONFIG, refusal)
    words = [first_text(run.config, _NAMES), *_overridden(run, folder, tree)]
    run.name = "_".join(word for word in words if word)
    for inside in tree.below(folder):
        if lightning.METRICS in inside.files:
            try:
                run.history |= lightning.history(table(inside.path / lightning.METRICS))
            except Refused as refusal:
                run.left_out(inside.path / lightning.METRICS, refusal)
    return run


def _overridden(run: Run, folder: Folder, tree: Tree) -> list[str]:
    """What the command line of the run set, as `seed-42`; of a group its choice."""
    if OVERRIDES not in tree.folders[folder.path / HYDRA].files:
        return []
    try:
        listed = yaml_value(folder.path / HYDRA / OVERRIDES)
    except Refused as refusal:
        run.left_out(folder.path / HYDRA / OVERRIDES, refusal)
        return []
    pairs = (
        [text.partition("=") for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
    )
    short = [
        (key.lstrip("+~").rpartition(".")[2], value)
        for key, _, value in pairs
        if len(value) < 40 and "/" not in value
    ]
    return [value if value[:1].isalpha() else f"{key}-{value}" for key, value in short if value]
