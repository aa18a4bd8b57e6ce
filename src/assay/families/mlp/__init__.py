"""Emulators: networks of linear layers that take the parameters of a simulation and give what it would."""

import warnings
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.errors import AssayError, Refused, ResultWarning
from assay.families.hyperparameters import HyperParameters
from assay.families.mlp.network import ACTIVATIONS, Chain, MlpNetwork, chain_of
from assay.families.squared_error import SquaredError
from assay.families.state import cleaned, load_state
from assay.protocols import Objective, Samples, TableBatch

CLASS_PATHS = (
    "reionemu.models.four_param_emulator.FourParamEmulator",
    "reionemu.models.mc_dropout_emulator.MCDropoutEmulator",
)
SAMPLES_AT_A_TIME = 4096


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "MlpSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    The layers are those of the tensors. `hyper_parameters.activation` is needed where it is not the published
    one; sizes that it states must be those of the tensors; `output_names` names the targets, as a list or
    with commas between them.

    Raises:
        Refused: another class, tensors of another network, or hyper-parameters that do not fit them.
    """
    if (class_path := hparams.get("class_path")) not in (None, *CLASS_PATHS):
        raise Refused(
            f"class_path is {str(class_path)[:200]!a}; family mlp reads {', '.join(CLASS_PATHS)}, or a state dict."
        )
    state = cleaned(tensors)
    chain = chain_of(state)
    activation, outputs = _settings(hparams.get("hyper_parameters") or {}, chain)
    with torch.device("meta"):
        network = MlpNetwork(chain, activation)
    load_state(network, state)
    return MlpSubject(network, chain.widths[0], outputs)


def _settings(values: Mapping[str, Any], chain: Chain) -> tuple[str, tuple[str, ...]]:
    """The activation, and the names of the outputs."""
    read = HyperParameters(values)
    activation = read.choice("activation", default=chain.published_activation, supported=tuple(ACTIVATIONS))
    n_in, *hidden, n_out = chain.widths
    sizes = {"input_dim": n_in, "output_dim": n_out, "num_hidden_layers": len(hidden)}
    read.refuse_other(sizes | ({"hidden_dim": hidden[0]} if hidden else {}))
    names = read.raw("output_names")
    if names is None:
        names = [f"output_{k}" for k in range(n_out)]
    elif isinstance(names, str):  # as the sheet's column hparams says a list
        names = names.split(",")
    texts = isinstance(names, list | tuple) and all(isinstance(name, str) and name for name in names)
    if not texts or len(set(names)) != n_out or len(names) != n_out:
        read.problem("output_names", names, f"{n_out} different texts")
    read.refuse_problems()
    if hidden and values.get("activation") is None:
        text = f"the checkpoint does not say its activation; {activation}, the published default, is taken"
        warnings.warn(text, ResultWarning, stacklevel=3)
    return activation, tuple(names)


@final
class MlpSubject:
    """A loaded emulator; its outputs are in the units of the targets that it was trained on."""

    family = "mlp"
    noise_width = 0

    def __init__(self, network: MlpNetwork, n_inputs: int, outputs: tuple[str, ...]):
        self.network = network.eval().requires_grad_(False)
        self.outputs = outputs
        self._n_inputs = n_inputs

    def to(self, device: str) -> "MlpSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    @torch.inference_mode()
    def embed(self, batch: TableBatch, noise: Tensor | None = None) -> Float32[Tensor, "samples d"]:
        """The last hidden layer; without one the inputs."""
        return self.layers(batch)[-1]

    @torch.inference_mode()
    def layers(self, batch: TableBatch) -> list[Float32[Tensor, "samples width"]]:
        """Every hidden layer after its activation; without one the inputs."""
        x = self._fitting(batch).x
        return self.network.hidden(x) or [x]

    @torch.inference_mode()
    def regress(self, batch: TableBatch) -> Float32[Tensor, "samples outputs"]:
        """The predicted targets."""
        return self.network(self._fitting(batch).x)

    def targets(self, batch: TableBatch) -> Float32[Tensor, "samples outputs"]:
        """The targets of the batch."""
        return self._fitting(batch).y

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of the network."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The mean squared error over samples and outputs, in which nothing is random.

        Raises:
            AssayError: there is no sample, or a table of other columns.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no sample whose loss could be taken")
        return SquaredError(self.network, [self._fitting(b) for b in samples.batches(SAMPLES_AT_A_TIME)])

    def _fitting(self, batch: TableBatch) -> TableBatch:
        sizes = {"x": (batch.x.shape[1], self._n_inputs), "y": (batch.y.shape[1], len(self.outputs))}
        for table, (found, wanted) in sizes.items():
            if found != wanted:
                raise AssayError(f"table {table} has {found} columns, the network {wanted}")
        return batch
