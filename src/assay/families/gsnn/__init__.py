"""GSNN models of drug response: layers, predictions, loss, and what each function did on a sample."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from assay.errors import AssayError
from assay.families.gsnn.columns import fitting
from assay.families.gsnn.graph import graph_of
from assay.families.gsnn.network import GsnnNetwork
from assay.families.gsnn.settings import settings_of, untraced
from assay.families.gsnn.structure import refuse_other_structure
from assay.families.gsnn.trace import traced
from assay.families.squared_error import SquaredError
from assay.families.state import cleaned, load_state
from assay.networks import EDGES
from assay.protocols import Objective, Samples, TableBatch, Trace

CLASS_PATHS: tuple[str, ...] = ()  # a checkpoint names no class: it is known by its graph and ctor
SAMPLES_AT_A_TIME = 256


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "GsnnSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    `hparams` is what the border wrote: `ctor`, the stored keyword arguments, and `node_names`; the edges are
    among the tensors (see `assay.networks`). Sizes are compared with the tensors before anything is allocated,
    and the buffers must be those that graph and options give.

    Raises:
        Refused: no graph or options, ones that we do not read, or tensors that do not fit them.
    """
    graph = graph_of(tensors, hparams)
    state = cleaned({name: tensor for name, tensor in tensors.items() if name not in EDGES.values()})
    settings = settings_of(state, hparams, graph)
    with torch.device("meta"):
        network = GsnnNetwork(settings, graph)
    load_state(network, state)
    refuse_other_structure(state, graph, settings)
    network.arrange()
    return GsnnSubject(network, untraced(hparams["ctor"]))


def lacks(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> dict[str, str]:
    """Capability -> why this checkpoint does not answer it, though others of its family do."""
    reason = untraced(hparams["ctor"])
    return {"trace": reason} if reason else {}


@final
class GsnnSubject:
    """A loaded GSNN. Every answer is that of the network in eval mode; its mode is as before afterwards."""

    family = "gsnn"

    def __init__(self, network: GsnnNetwork, untraced: str):
        self.network = network.eval().requires_grad_(False)
        self._untraced = untraced
        self.norm = network.settings.norm
        self.inputs, self.outputs = network.graph.inputs, network.graph.outputs
        self.functions = network.graph.functions
        self.edges: Int64[np.ndarray, "2 edges"] = network.graph.between.numpy()
        groups = network.get_buffer("ResBlocks.0.channel_groups")
        self.channel_function: Int64[np.ndarray, " channels"] = groups.numpy()

    def to(self, device: str) -> "GsnnSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    @torch.inference_mode()
    def layers(self, batch: TableBatch) -> list[Float32[Tensor, "samples channels"]]:
        """The channels of all functions after the last step of every block."""
        with self._evaluating() as network:
            states = network.states(network.entered(fitting(batch, network.graph).x))
            return [state.post.contiguous() for state in states]

    @torch.inference_mode()
    def regress(self, batch: TableBatch) -> Float32[Tensor, "samples outputs"]:
        """The predicted targets, in the order of `outputs`."""
        with self._evaluating() as network:
            return network(fitting(batch, network.graph).x)

    def targets(self, batch: TableBatch) -> Float32[Tensor, "samples outputs"]:
        """The targets of the batch, in the order of `outputs`."""
        return fitting(batch, self.network.graph).y

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of the checkpoint; a map that blocks share is there once."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The mean squared error over samples and outputs, in which nothing is random.

        Raises:
            AssayError: there is no sample.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no sample whose loss could be taken")
        batches = [fitting(batch, self.network.graph) for batch in samples.batches(SAMPLES_AT_A_TIME)]
        return SquaredError(self.network, batches)

    def trace(self, batch: TableBatch, *, criterion: str, prenorm: bool) -> Trace:
        """Of every block the channels before its norm, or after its last step, and the gradients at them.

        Raises:
            AssayError: an unknown criterion, targets that it cannot take, a network of one block, or one that
                was stored with checkpoint=True.
        """
        if self._untraced:
            raise AssayError(f"this GSNN cannot be traced: {self._untraced}")
        with self._evaluating() as network:
            return traced(network, fitting(batch, network.graph), criterion=criterion, prenorm=prenorm)

    @contextmanager
    def _evaluating(self) -> Iterator[GsnnNetwork]:
        before = {module: module.training for module in self.network.modules()}
        try:
            yield self.network.eval()
        finally:
            for module, training in before.items():
                module.training = training
