"""MLflow's file store: `mlruns/<experiment>/<run>` with meta.yaml, params/, metrics/, tags/ and artifacts/."""

from itertools import islice
from pathlib import Path

from assay.discover.documents import Plain, number, text_of, yaml_map
from assay.discover.runs import Point, Run, first_text
from assay.discover.walking import Folder, Tree
from assay.errors import Refused

META = "meta.yaml"
PARTS = frozenset({"params", "metrics", "tags", "artifacts"})
MAX_ENTRIES = 10_000  # of params, tags or metrics that are read


def claims(folder: Folder, tree: Tree) -> bool:
    """Whether the folder is a run."""
    return META in folder.files and bool(PARTS & folder.folders)


def read(folder: Folder, tree: Tree) -> Run:
    """The run: its params are the config; one that was deleted in MLflow gives no rows."""
    run = Run("mlflow", folder.path)
    meta: dict[str, Plain] = {}
    try:
        meta = yaml_map(folder.path / META)
    except Refused as refusal:
        run.left_out(folder.path / META, refusal)
    if meta.get("lifecycle_stage") == "deleted":
        run.refused = "its run is deleted in MLflow"
    tags = _texts(run, folder, "tags")
    run.name = first_text(meta, ["run_name", "name"]) or str(tags.get("mlflow.runName", "")).strip()
    run.config = {key.replace("/", "."): value for key, value in _texts(run, folder, "params").items()}
    run.history = {name: _points(str(text)) for name, text in _texts(run, folder, "metrics").items()}
    return run


def _texts(run: Run, folder: Folder, part: str) -> dict[str, Plain]:
    """Key -> text of the files in one part; a key with slashes lies in folders."""
    root = folder.path / part
    found: dict[str, Plain] = {}
    for path in islice(_files(root), MAX_ENTRIES):
        try:
            found[path.relative_to(root).as_posix()] = text_of(path).strip("\n")
        except Refused as refusal:
            run.left_out(path, refusal)
    return found


def _files(root: Path) -> list[Path]:
    try:
        return sorted(path for path in islice(root.rglob("*"), MAX_ENTRIES) if path.is_file())
    except OSError:
        return []


def _points(text: str) -> list[Point]:
    """The lines `<time> <value> <step>` of a metric."""
    points = []
    for line in text.splitlines():
        _, value, step, *_ = [*line.split(), "", "", ""]
        if (read := number(value)) is not None:
            points.append(Point(read, step=int(step) if step.isdecimal() and len(step) < 18 else -1))
    return points
