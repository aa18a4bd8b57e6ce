"""Trains a GSNN of the demo on a perturbation screen, told the known edges only."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from assay.demo.training import Trained, fit, seeded
from assay.families.gsnn.graph import Graph
from assay.families.gsnn.network import GsnnNetwork
from assay.families.gsnn.settings import GsnnSettings
from assay.families.gsnn.structure import full_entries, full_indices, structure


@dataclass(frozen=True, slots=True)
class TrainingScreen:
    """What a network may learn from: doses and levels, and the known edges from gene to gene by position."""

    genes: tuple[str, ...]
    known: Int64[Tensor, "2 known"]
    doses: Float32[Tensor, "samples genes"]
    levels: Float32[Tensor, "samples genes"]

    @classmethod
    def at(cls, folder: Path) -> "TrainingScreen":
        """The training samples that `write_screen` put there."""
        with np.load(folder / "known_edges.npz") as network, np.load(folder / "train.npz") as samples:
            return cls(
                genes=tuple(network["genes"].tolist()),
                known=torch.from_numpy(network["edges"]),
                doses=torch.from_numpy(samples["x"]),
                levels=torch.from_numpy(samples["y"]),
            )


def trained(screen: TrainingScreen, ctor: Mapping[str, Any], *, epochs: int, seed: int) -> Trained:
    """A GSNN fitted to the levels; the same seed gives the same bits on one thread of the same machine.

    The global random state is left as found.

    Args:
        screen: its samples and known edges.
        ctor: as `gsnn_options` gives them.
        epochs: passes over the samples.
        seed: of everything drawn.
    """
    graph = graph_of_screen(screen)
    with seeded(seed):
        network = initialised(graph, ctor).train()
        losses = fit(network, partial(_loss, network, screen), n=len(screen.doses), epochs=epochs)
    return Trained(checkpoint(network, graph, ctor), losses)


def gsnn_options(*, channels: int, layers: int, hidden: int) -> dict[str, Any]:
    """The published constructor arguments of a small GSNN."""
    return {
        "channels": channels,
        "layers": layers,
        "norm": "layer",
        "share_layers": True,
        "add_function_self_edges": True,
        "node_mlp": True,
        "node_mlp_hidden": hidden,
    }


def graph_of_screen(screen: TrainingScreen) -> Graph:
    """Every gene has a dose and a level of its own."""
    own = torch.arange(len(screen.genes)).repeat(2, 1)
    return Graph(
        inputs=tuple(f"dose_{gene}" for gene in screen.genes),
        functions=screen.genes,
        outputs=tuple(f"level_{gene}" for gene in screen.genes),
        from_inputs=own,
        between=screen.known,
        into_outputs=own,
    )


def initialised(graph: Graph, ctor: Mapping[str, Any]) -> GsnnNetwork:
    """A network of these options before training; a weight is as large as its target has entries that feed it."""
    edges = graph.edge_list(self_edges=True, edge_channels=1)
    channels = (ctor["channels"],) * len(graph.functions)
    settings = GsnnSettings(
        channels=channels,
        layers=ctor["layers"],
        entries=(full_entries(edges, channels),) * ctor["layers"],
        values_are_column=False,
        nonlin=nn.ELU,
        norm=ctor["norm"],
        norm_first=True,
        bias=True,
        share_layers=True,
        self_edges=True,
        edge_channels=1,
        residual=True,
        mlp_hidden=ctor["node_mlp_hidden"],
        attention_hidden=0,
        edge_weights=False,
        dropout=0.0,
    )
    network = GsnnNetwork(settings, graph)
    _fill(network, structure(graph, settings), full_indices(edges, channels))
    network.arrange()
    return network


def checkpoint(network: GsnnNetwork, graph: Graph, ctor: Mapping[str, Any]) -> dict[str, Any]:
    """What users of GSNN keep: state, options, edges and names."""
    return {
        "state_dict": network.state_dict(),
        "ctor": dict(ctor),
        "edge_index_dict": {
            ("input", "to", "function"): graph.from_inputs,
            ("function", "to", "function"): graph.between,
            ("function", "to", "output"): graph.into_outputs,
        },
        "node_names_dict": {
            "input": list(graph.inputs),
            "function": list(graph.functions),
            "output": list(graph.outputs),
        },
    }


@torch.no_grad()
def _fill(network: GsnnNetwork, buffers: Mapping[str, Tensor], indices: tuple[Tensor, Tensor]) -> None:
    for name, buffer in network.named_buffers():
        if name in buffers:
            buffer.copy_(buffers[name])
    for name, parameter in network.named_parameters():
        if name.endswith(("residual_weight", "gamma")):
            parameter.fill_(1)
        elif name.endswith(("beta", "lin_in.bias", "lin_out.bias")):
            parameter.zero_()
    for name, entries in zip(("lin_in", "lin_out"), indices, strict=True):
        network.get_buffer(f"ResBlocks.0.{name}.indices").copy_(entries)
        fan_in = torch.bincount(entries[1])[entries[1]]
        values = torch.randn(entries.shape[1]) / fan_in.sqrt()
        network.get_parameter(f"ResBlocks.0.{name}.values").copy_(values)


def _loss(network: GsnnNetwork, screen: TrainingScreen, index: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    return mse_loss(network(screen.doses[index]), screen.levels[index])
