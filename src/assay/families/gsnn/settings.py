"""The options of a published GSNN, as stored: each is read, or refused by its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from assay.errors import Refused
from assay.families.gsnn.graph import Graph
from assay.families.gsnn.norms import NORMS
from assay.families.hyperparameters import HyperParameters

NONLINEARITIES: Mapping[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        nn.ELU,
        nn.CELU,
        nn.SELU,
        nn.GELU,
        nn.ReLU,
        nn.LeakyReLU,
        nn.SiLU,
        nn.Mish,
        nn.Softplus,
        nn.Sigmoid,
        nn.Tanh,
    )
}
OPTIONS = (
    "channels",
    "layers",
    "dropout",
    "nonlin",
    "bias",
    "share_layers",
    "add_function_self_edges",
    "norm",
    "init",
    "verbose",
    "edge_channels",
    "checkpoint",
    "residual",
    "norm_first",
    "node_attn",
    "attn_mlp_hidden",
    "node_mlp",
    "node_mlp_hidden",
    "edge_weight_dict",
    "node_activity",
    "node_activity_hidden",
    "node_activity_dim",
    "node_activity_temperature",
)
MOST = 2**31 - 1
MOST_LAYERS = 4096
_BLOCK = re.compile(r"ResBlocks\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class GsnnSettings:
    """The options and sizes that decide the network."""

    channels: tuple[int, ...]  # of each function
    layers: int
    entries: tuple[tuple[int, int], ...]  # of lin_in and lin_out, a layer; fewer than all after pruning
    values_are_column: bool  # as `init="zeros"` leaves them
    nonlin: type[nn.Module]
    norm: str  # one of NORMS
    norm_first: bool
    bias: bool
    share_layers: bool
    self_edges: bool
    edge_channels: int
    residual: bool
    mlp_hidden: int  # 0: no node MLP
    attention_hidden: int  # 0: no node attention
    edge_weights: bool
    dropout: float

    @property
    def n_channels(self) -> int:
        """Channels of all functions."""
        return sum(self.channels)

    @property
    def groups(self) -> int:
        """Functions up to the last one with channels."""
        return max(i for i, count in enumerate(self.channels) if count) + 1


def settings_of(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any], graph: Graph) -> GsnnSettings:
    """What the stored options say of the network; what depends on the version is read from the tensors.

    Raises:
        Refused: every problem at once.
    """
    given = hparams.get("ctor")
    if not isinstance(given, Mapping):
        raise Refused(
            "no ctor: the keyword arguments of the network are needed, in the checkpoint or in a file beside it"
        )
    values = HyperParameters(given, "ctor")
    for name in sorted(given.keys() - set(OPTIONS)):
        values.unknown(name, OPTIONS)
    _refuse_activity(values)
    layers = values.integer("layers", default=None, least=1, most=MOST_LAYERS)
    found = len({int(block[1]) for name in tensors if (block := _BLOCK.match(name))})
    if layers != found:
        values.problem("layers", layers, f"{found}, the blocks of the state dict")
    channels = _channels(values, tensors, len(graph.functions))
    result = GsnnSettings(
        channels=channels,
        layers=layers,
        entries=tuple(_entries(tensors, layer) for layer in range(min(layers, found))),
        values_are_column=_tensor(tensors, 0, "lin_in.values").ndim == 2,
        nonlin=_nonlinearity(values),
        norm=values.choice("norm", default="layer", supported=NORMS),
        norm_first=values.flag("norm_first", default=True),
        bias=values.flag("bias", default=True),
        share_layers=values.flag("share_layers", default=True),
        self_edges=values.flag("add_function_self_edges", default=True),
        edge_channels=values.integer("edge_channels", default=1, least=1, most=MOST),
        residual=values.flag("residual", default=True),
        mlp_hidden=_hidden(values, tensors, "node_mlp", "node_mlp_hidden", "mlp.mlp.0.weight"),
        attention_hidden=_hidden(values, tensors, "node_attn", "attn_mlp_hidden", "node_attn.mlp.0.weight"),
        edge_weights="ResBlocks.0.node_attn.signed_message_passing.edge_weight" in tensors,
        dropout=values.fraction("dropout", default=0.0),
    )
    values.flag("checkpoint", default=False)
    _refuse_channels(result, values)
    _refuse_edges(result, values, tensors, graph)
    values.refuse_problems()
    return result


def untraced(ctor: Mapping[str, Any]) -> str:
    """Why edges cannot be inferred from such a network; empty where they can."""
    if ctor.get("checkpoint"):
        return (
            "ctor.checkpoint is True, with which activations are recomputed as gradients are taken. It changes no "
            "weight: store the model with checkpoint=False"
        )
    if ctor.get("layers") == 1:
        return "ctor.layers is 1; edges are inferred between a block and the next, so it takes 2"
    return ""


def _refuse_activity(values: HyperParameters) -> None:
    if values.flag("node_activity", default=False):
        values.not_yet("ctor.node_activity, whose forward pass takes features of the functions")


def _channels(values: HyperParameters, tensors: Mapping[str, Tensor], n_functions: int) -> tuple[int, ...]:
    """The channels of each function, counted in the state dict and held against the option."""
    owner = _tensor(tensors, 0, "channel_groups")
    sound = owner.dtype == torch.int64 and owner.ndim == 1 and len(owner) and bool((owner.diff() >= 0).all())
    if not sound or owner[0] < 0 or owner[-1] >= n_functions:
        raise Refused(f"ResBlocks.0.channel_groups is no ascending list of the {n_functions} functions")
    counts = torch.bincount(owner, minlength=n_functions).tolist()
    given = values.raw("channels")
    if isinstance(given, int) and not isinstance(given, bool):
        if set(counts) != {given}:
            values.problem("channels", given, "the channels of each function in channel_groups")
    elif isinstance(given, list):
        if given[:n_functions] != counts or any(given[n_functions:]):
            values.problem(
                "channels", given, "those of channel_groups for functions, 0 for inputs and outputs"
            )
    else:
        values.problem("channels", given, "a number, or one a node")
    return tuple(counts)


def _entries(tensors: Mapping[str, Tensor], layer: int) -> tuple[int, int]:
    linear = _tensor(tensors, layer, "lin_in.indices"), _tensor(tensors, layer, "lin_out.indices")
    return _length(linear[0], 1), _length(linear[1], 1)


def _nonlinearity(values: HyperParameters) -> type[nn.Module]:
    given = values.raw("nonlin")
    name = given.get("placeholder") if isinstance(given, Mapping) else given
    short = "ELU" if name is None else str(name).removeprefix("torch.nn.modules.activation.")
    short = short.removeprefix("torch.nn.")
    if short not in NONLINEARITIES:
        values.problem("nonlin", str(name), f"one of {', '.join(NONLINEARITIES)}")
        return nn.ELU
    return NONLINEARITIES[short]


def _hidden(values: HyperParameters, tensors: Mapping[str, Tensor], flag: str, size: str, weight: str) -> int:
    """The hidden width of a perceptron, which must be the stored one; 0 where there is none."""
    stored = tensors.get(f"ResBlocks.0.{weight}")
    found = 0 if stored is None else _length(stored, 0)
    if values.flag(flag, default=stored is not None) != (stored is not None):
        values.problem(flag, values.raw(flag), f"{stored is not None}, as the state dict")
    if found and values.integer(size, default=found, least=1, most=MOST) != found:
        values.problem(size, values.raw(size), f"{found}, as the state dict")
    return found


def _refuse_channels(found: GsnnSettings, values: HyperParameters) -> None:
    if (found.mlp_hidden or found.attention_hidden) and len(set(found.channels)) > 1:
        values.problem(
            "channels", list(found.channels), "as many for each function, with node_mlp or node_attn"
        )
    if found.norm == "layer" and 1 in found.channels:
        values.problem(
            "norm", "layer", "with 2 channels or more a function; a deviation of 1 channel is not a number"
        )


def _refuse_edges(
    found: GsnnSettings, values: HyperParameters, tensors: Mapping[str, Tensor], graph: Graph
) -> None:
    """Compares edge counts before any list of edges is repeated."""
    n_edges = graph.n_edges(self_edges=found.self_edges, edge_channels=found.edge_channels)
    stored = tensors.get("edge_index")
    in_file = 0 if stored is None else _length(stored, 1)
    if n_edges != in_file:
        raise Refused(
            f"the state dict has {in_file} edges (edge_index); network and options give {n_edges}: "
            f"edge_channels {found.edge_channels}, add_function_self_edges {found.self_edges}"
        )
    if values.raw("edge_weight_dict") and found.attention_hidden and not found.edge_weights:
        values.problem("edge_weight_dict", "given", "none, as the state dict has no edge_weight")
    weights = tensors.get("ResBlocks.0.node_attn.signed_message_passing.edge_weight")
    if weights is not None and weights.shape != (n_edges,):
        values.problem(
            "edge_weight_dict",
            f"{weights.numel()} weights",
            f"{n_edges}, one an edge; loops of functions (add_function_self_edges) and edge_channels get none, "
            "and such a network has no forward pass",
        )


def _tensor(tensors: Mapping[str, Tensor], layer: int, name: str) -> Tensor:
    key = f"ResBlocks.{layer}.{name}"
    if key not in tensors:
        raise Refused(f"the state dict has no {key}; a gsnn state dict is that of the published GSNN class")
    return tensors[key]


def _length(tensor: Tensor, axis: int) -> int:
    return tensor.shape[axis] if tensor.ndim > axis else 0
