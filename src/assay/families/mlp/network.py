"""A chain of linear layers with one activation between them, known by the names of its tensors."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from assay.errors import Refused

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": functional.tanh,
    "sigmoid": functional.sigmoid,
}
STEPS = (
    2,
    3,
)  # of the numbers of the linear layers: an activation between two, or an activation and a dropout
KNOWN = "network.0, network.2, ... (network.3, ... with dropout), or fc1, fc2, ..., out"


@dataclass(frozen=True, slots=True)
class Chain:
    """The linear layers in order: their names, and the widths before the first and behind each."""

    names: tuple[str, ...]
    widths: tuple[int, ...]

    @property
    def published_activation(self) -> str:
        """That of the published class with these names and no other setting."""
        return "gelu" if self.names == ("fc1", "out") else "relu"


class MlpNetwork(nn.Module):
    """The network in eval mode: its dropout does nothing."""

    def __init__(self, chain: Chain, activation: str):
        super().__init__()
        sizes = zip(chain.names, pairwise(chain.widths), strict=True)
        linears = {name: nn.Linear(*size) for name, size in sizes}
        if chain.names[0].startswith("network."):
            parts = {name.removeprefix("network."): linear for name, linear in linears.items()}
            self.network = nn.ModuleDict(parts)
        else:
            for name, linear in linears.items():
                self.add_module(name, linear)
        self._names = chain.names
        self._activation = ACTIVATIONS[activation]

    def hidden(self, x: Float32[Tensor, "samples inputs"]) -> list[Float32[Tensor, "samples width"]]:
        """What every hidden layer gives after its activation, input side first."""
        found = []
        for name in self._names[:-1]:
            x = self._activation(self.get_submodule(name)(x))
            found.append(x)
        return found

    def forward(self, x: Float32[Tensor, "samples inputs"]) -> Float32[Tensor, "samples outputs"]:
        """The outputs, in the units that the network was trained on."""
        return self.get_submodule(self._names[-1])((self.hidden(x) or [x])[-1])


def chain_of(tensors: Mapping[str, Tensor]) -> Chain:
    """The layers that the tensors are.

    Raises:
        Refused: other names, or widths of which one does not follow the other.
    """
    named = [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
    names = _numbered(named) or _older(named)
    if not names:
        raise Refused(
            f"the weights are {', '.join(map(ascii, sorted(named)[:8])) or 'none'}; allowed: {KNOWN}."
        )
    weights = [tensors[f"{name}.weight"] for name in names]
    for name, weight in zip(names, weights, strict=True):
        if weight.ndim != 2 or 0 in weight.shape:
            raise Refused(f"{name}.weight is {list(weight.shape)}; allowed: [outputs, inputs].")
    for (name, before), (follower, after) in pairwise(zip(names, weights, strict=True)):
        if before.shape[0] != after.shape[1]:
            raise Refused(
                f"{name}.weight gives {before.shape[0]} values, {follower}.weight takes {after.shape[1]}."
            )
    return Chain(names, (weights[0].shape[1], *(weight.shape[0] for weight in weights)))


def _numbered(named: Sequence[str]) -> tuple[str, ...]:
    """network.0, network.2, ... or network.0, network.3, ..., where the names are these."""
    found = {int(match[1]) for name in named if (match := re.fullmatch(r"network\.(0|[1-9]\d{0,5})", name))}
    for step in STEPS:
        if len(found) == len(named) and found == set(range(0, step * len(named), step)) and found:
            return tuple(f"network.{number}" for number in sorted(found))
    return ()


def _older(named: Sequence[str]) -> tuple[str, ...]:
    """fc1, fc2, ..., out, where the names are these."""
    wanted = (*(f"fc{number}" for number in range(1, len(named))), "out")
    return wanted if set(named) == set(wanted) and len(wanted) > 1 else ()
