"""Trains the demo's emulator, and keeps a record of the training with `assay.save_record`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor
from torch.nn.functional import mse_loss

from assay.data import table
from assay.demo.training import Trained, fit, seeded
from assay.families.mlp.network import Chain, MlpNetwork
from assay.record import save_record
from assay.record.normalizers import Normalizer

CLASS = "reionemu.models.four_param_emulator.FourParamEmulator"
ACTIVATION = "silu"
VAL_FRACTION, SPLIT_SEED = 0.2, 42  # the data source's defaults: `val` is the same to training and analysis


@dataclass(frozen=True, slots=True)
class Simulations:
    """Scaled parameters and targets by split, and how they were scaled."""

    x: Mapping[str, Float32[Tensor, "_ inputs"]]
    y: Mapping[str, Float32[Tensor, "_ outputs"]]
    outputs: tuple[str, ...]
    normalizer: Normalizer  # of x

    @classmethod
    def at(cls, path: Path) -> "Simulations":
        """Cut and scaled as the data source `table` does by default."""
        prepared = table.prepare(
            {"train": (path,)},
            val_fraction=VAL_FRACTION,
            test_fraction=0.0,
            split_seed=SPLIT_SEED,
            normalize_x=True,
            normalize_y=False,
        )
        batches = {split: part.batch("cpu") for split, part in prepared.splits.items()}
        scaler = {name: np.array(part, np.float32) for name, part in prepared.facts["scaler"]["x"].items()}
        return cls(
            x={split: batch.x for split, batch in batches.items()},
            y={split: batch.y for split, batch in batches.items()},
            outputs=tuple(prepared.facts["y_names"]),
            normalizer=Normalizer(scaler["mean"], scaler["std"]),
        )


def trained(simulations: Simulations, *, hidden: int, layers: int, epochs: int, seed: int) -> Trained:
    """An emulator by the published names, its losses those of training and of validation after every epoch."""
    widths = (simulations.x["train"].shape[1], *[hidden] * layers, len(simulations.outputs))
    names = tuple(f"network.{2 * k}" for k in range(layers + 1))
    on_val: list[float] = []
    with seeded(seed):
        network = MlpNetwork(Chain(names, widths), ACTIVATION)

        def validate() -> None:
            with torch.no_grad():
                on_val.append(mse_loss(network(simulations.x["val"]), simulations.y["val"]).item())

        loss = partial(_loss, network, simulations)
        losses = fit(network, loss, n=len(simulations.x["train"]), epochs=epochs, after_epoch=validate)
    hyper_parameters = {
        "input_dim": widths[0],
        "output_dim": widths[-1],
        "hidden_dim": hidden,
        "num_hidden_layers": layers,
        "activation": ACTIVATION,
        "output_names": list(simulations.outputs),
    }
    content = {
        "class_path": CLASS,
        "hyper_parameters": hyper_parameters,
        "state_dict": network.state_dict(),
        "epoch": epochs,
    }
    return Trained(content, losses, on_val)


def record(result: Trained, simulations: Simulations, folder: Path, *, dataset: Path, seed: int) -> Path:
    """Keep a training, its model and what it came from, in `folder`; a record that is there is replaced."""
    epochs: Any = result.checkpoint["epoch"]
    return save_record(
        folder.name,
        folder.parent,
        dataset_path=dataset,
        dataset_base=".",
        dataloader_config={"batch_size": 16, "normalize_X": True, "normalize_Y": False, "seed": SPLIT_SEED},
        fit_config={"device": "cpu", "epochs": epochs, "seed": seed},
        model_config={"class_name": CLASS.rpartition(".")[2], **result.checkpoint["hyper_parameters"]},
        optimizer_config={"name": "AdamW", "schedule": "one cycle"},
        metrics={"train_loss": result.losses[-1], "val_loss": result.val_losses[-1]},
        history={"train_loss": result.losses, "val_loss": result.val_losses},
        normalizers={"X": simulations.normalizer, "Y": None},
        checkpoint=dict(result.checkpoint),
        description="A toy emulator of the demo.",
        overwrite=True,
    )


def _loss(network: MlpNetwork, simulations: Simulations, index: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    return mse_loss(network(simulations.x["train"][index]), simulations.y["train"][index])
