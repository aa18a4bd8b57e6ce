"""A bench: a working folder with tiny graphs and two tiny checkpoints, and `assay` called in this process."""

import io
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import yaml
from data.random_graphs import random_graphs
from families.checkpoints import hparams, random_state
from lab import SHEET, Lab, Run

from assay import cli
from assay.catalog import ARTIFACTS
from assay.config import Plan, read_plan

CONFIG = {
    "checkpoints": "sheet.tsv",
    "device": "cpu",
    "figures": False,
    "artifacts": {"record": False},  # it has tests of its own
    "options": {"landscape": {"resolution": 3}},
    "data": {"can": {"source": "graphs", "path": "runs/val.npz", "splits": {"test": "runs/test.npz"}}},
}
CONFIG_FILE = "config/config.yaml"
ALONE = ("embeddings", "attention_weights", "landscape", "evaluation")  # that a gat needs no teacher for
N_MADE = 2 * len(ALONE) + 1  # of both checkpoints; the student has a cka, too
N_OFF = 2  # the records of both
N_NOT = 2 * len(ARTIFACTS) - N_MADE - N_OFF  # that do not apply


class Bench(Lab):
    """A lab whose commands run in this process, which must work in its folder."""

    def assay(self, *arguments: str) -> Run:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with patch.object(sys, "argv", ["assay", *arguments]), redirect_stdout(out), redirect_stderr(err):
            try:
                cli.main()
            except SystemExit as end:
                code = int(end.code or 0)
        return Run(code, out.getvalue(), err.getvalue())

    def plan(self) -> Plan:
        return read_plan(CONFIG_FILE)

    def add_row(self, line: str) -> None:
        with (self.folder / "sheet.tsv").open("a") as sheet:
            sheet.write(line + "\n")

    def files(self) -> set[str]:
        """Everything below the results, as paths relative to them."""
        results = self.folder / "results"
        return {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}

    def copy(self, folder: Path) -> "Bench":
        shutil.copytree(self.folder, folder)
        return Bench(folder)


def new_bench(folder: Path) -> Bench:
    """Checkpoint `small` with its teacher `big`, and data `can` with the splits val and test."""
    (folder / "config").mkdir(parents=True)
    (folder / "runs").mkdir()
    for seed, name in enumerate(("big", "small")):
        save_checkpoint(folder / "runs" / f"{name}.ckpt", seed=seed)
    for seed, split in enumerate(("val", "test")):
        save_graphs(folder / "runs" / f"{split}.npz", seed=seed)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(CONFIG))
    (folder / "sheet.tsv").write_text(SHEET)
    return Bench(folder)


def save_checkpoint(path: Path, *, seed: int = 0, top: dict[str, Any] | None = None, **sizes: Any) -> None:
    """A checkpoint of random weights; `top` adds or replaces keys of the file."""
    chosen = hparams(**{"num_ids": 9, **sizes})
    torch.save({"state_dict": random_state(chosen, seed=seed), **chosen, **(top or {})}, path)


def save_graphs(path: Path, *, seed: int = 0, n: int = 30, **changes: Any) -> None:
    """Random graphs that fit the checkpoints; `changes` replace whole arrays."""
    graphs = random_graphs(seed, n, n_features=5, n_edge_features=3)
    np.savez(path, **{**graphs.arrays(), "record_id": graphs.record_id, **changes})
