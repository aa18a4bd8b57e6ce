"""Trees of run folders as each tool leaves them, with small checkpoints, and a project to propose rows for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from data.image_files import save_many
from data.random_graphs import random_graphs
from families.graphs import REFERENCE
from families.vision.examples import plain_state, resnet_state, vit_state
from torch import Tensor
from typer.testing import CliRunner, Result

from assay import load_artifact
from assay.cli import app
from assay.errors import AssayError

GRAPHS = REFERENCE / "graphs.npz"
STATES = {"resnet": resnet_state, "vit": vit_state, "plain_cnn": plain_state}


def run(*words: str | Path) -> Result:
    """The command in this process; an error that we name is its exit code, and its text is on stderr."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, AssayError):
        result.exit_code = result.exception.exit_code
    elif result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def assert_runs(name: str) -> None:
    """The sheet of the working folder passes the check; the row `name` is taken in, and what it embeds is made."""
    for words in (["check"], ["intake", name], ["make", name, "embeddings"]):
        result = run(*words, "--config", "config.yaml")
        assert result.exit_code == 0, (words, result.exception, result.stderr)
    vectors = load_artifact(f"results/{name}/embeddings.npz").embeddings
    assert vectors.size > 0
    assert np.isfinite(vectors).all()


def discovered(*words: str | Path) -> dict[str, Any]:
    """What `assay discover --json` says, the rows by path."""
    result = run("discover", *words, "--json")
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    content["rows"] = {row["row"]["path"]: row for row in content["rows"]}
    content["skipped"] = {skipped["path"]: skipped["reason"] for skipped in content["skipped"]}
    return content


def project(folder: Path, **data: Mapping[str, Any]) -> Path:
    """A project whose data are `can` (graphs) and what is given; returns its config."""
    config = folder / "config.yaml"
    graphs = random_graphs(n=24, n_features=35, n_edge_features=11)  # as the published GAT takes them
    np.savez(folder / "can.npz", **{**graphs.arrays(), "record_id": graphs.record_id})
    sections = {"can": {"source": "graphs", "path": str(folder / "can.npz")}, **data}
    content = {"checkpoints": str(folder / "sheet.tsv"), "results": str(folder / "results"), "data": sections}
    config.write_text(yaml.safe_dump(content))
    return config


def pictures(folder: Path, *shape: int) -> dict[str, str]:
    """A data set of three pictures."""
    save_many(folder, 3, shape=shape)
    return {"source": "images", "path": str(folder)}


def gat(path: Path, **more: Any) -> Path:
    """A published GAT, with further keys in the file."""
    content = torch.load(REFERENCE / "gat_student.ckpt", weights_only=True)
    return saved({**content, **more}, path)


def state(kind: str, path: Path) -> Path:
    """A bare state dict of an image network."""
    return saved(STATES[kind](), path)


def mlp(path: Path) -> Path:
    """A bare state dict of an emulator."""
    shapes = {
        "network.0.weight": (6, 4),
        "network.0.bias": (6,),
        "network.2.weight": (5, 6),
        "network.2.bias": (5,),
    }
    return saved({name: torch.zeros(shape) for name, shape in shapes.items()}, path)


def saved(content: Mapping[str, Any] | Mapping[str, Tensor], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(content), path)
    return path


def written(path: Path, content: Any) -> Path:
    """A file of text, or of a value as YAML or JSON by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, str):
        content = json.dumps(content) if path.suffix == ".json" else yaml.safe_dump(content)
    path.write_text(content)
    return path


def header(tensors: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What the child answers of a file with these tensors, or shapes."""
    shapes = {name: list(getattr(tensor, "shape", tensor)) for name, tensor in tensors.items()}
    empty = {"keys": [], "class_path": "", "hyper_parameters": {}, "counts": {}, "monitored": {}}
    return {"tensors": shapes, **empty, **more}
