"""The buffers of a published GSNN, which follow from its graph and options: made anew, and held against a file's."""

from collections.abc import Iterator, Mapping

import torch
from jaxtyping import Int64
from torch import Tensor

from assay.errors import Refused
from assay.families.gsnn.graph import Graph
from assay.families.gsnn.settings import GsnnSettings

LINEAR = ("lin_in", "lin_out")


def structure(graph: Graph, settings: GsnnSettings) -> dict[str, Tensor]:
    """The buffers of the whole network by name, but for the indices of its linear maps."""
    edges = graph.edge_list(self_edges=settings.self_edges, edge_channels=settings.edge_channels)
    n_functions = len(graph.functions)
    source, target = edges < n_functions
    from_input = ~source & target
    buffers = {
        "output_node_mask": graph.node_mask("output"),
        "input_node_mask": graph.node_mask("input"),
        "edge_index": edges,
        "function_edge_mask": source & target,
        "input_edge_mask": from_input,
        "output_edge_mask": ~(source & target | from_input),
    }
    counts = torch.tensor(settings.channels)
    owner = torch.repeat_interleave(counts)
    of_block = {
        "channel_groups": owner,
        "node_attn.channel_groups": owner,
        "node_attn.signed_message_passing.edge_index": edges,
        "norm.channel_groups": owner,
        "norm.n_channels": counts[: settings.groups],
    }
    for layer in range(settings.layers):
        buffers |= {f"ResBlocks.{layer}.{name}": buffer for name, buffer in of_block.items()}
    return buffers


def full_entries(edges: Int64[Tensor, "2 edges"], channels: tuple[int, ...]) -> tuple[int, int]:
    """The entries of lin_in and lin_out before pruning: the channels at the end, or start, of every edge."""
    counts = torch.tensor([*channels, 0])
    source, target = counts[edges.clamp(max=len(channels))]
    return int(target.sum()), int(source.sum())


def full_indices(
    edges: Int64[Tensor, "2 edges"], channels: tuple[int, ...]
) -> tuple[Int64[Tensor, "2 entries_in"], Int64[Tensor, "2 entries_out"]]:
    """The entries of lin_in (edge, channel), by edge, and of lin_out (channel, edge), by channel."""
    counts = torch.tensor([*channels, 0])
    source, target = edges.clamp(max=len(channels))
    outgoing = _channels_of(source, counts)
    return _channels_of(target, counts), outgoing.flip(0)[:, outgoing[1].argsort(stable=True)]


def refuse_other_structure(tensors: Mapping[str, Tensor], graph: Graph, settings: GsnnSettings) -> None:
    """Refuses a state dict whose shapes fit and whose buffers, or shared weights, do not.

    Raises:
        Refused: every buffer that differs, by name.
    """
    rebuilt = structure(graph, settings)
    problems = [
        f"{name} is not what the network and the options give"
        for name, buffer in rebuilt.items()
        if name in tensors and not torch.equal(tensors[name], buffer)
    ]
    problems += _wrong_entries(tensors, rebuilt["edge_index"], settings)
    if settings.share_layers:
        problems += _untied(tensors, settings.layers)
    if problems:
        lines = "\n  ".join(problems)
        raise Refused(f"the buffers of the state dict do not fit its network:\n  {lines}")


def _channels_of(
    node: Int64[Tensor, " edges"], counts: Int64[Tensor, " nodes_and_none"]
) -> Int64[Tensor, "2 entries"]:
    """For every edge the channels of `node`: (edge, channel), edge by edge."""
    first = counts.cumsum(0) - counts
    edge = torch.repeat_interleave(counts[node])
    before = counts[node].cumsum(0) - counts[node]
    return torch.stack([edge, torch.arange(len(edge)) - before[edge] + first[node[edge]]])


def _wrong_entries(
    tensors: Mapping[str, Tensor], edges: Int64[Tensor, "2 edges"], settings: GsnnSettings
) -> Iterator[str]:
    full = full_entries(edges, settings.channels)
    owner = torch.repeat_interleave(torch.tensor(settings.channels))
    for layer, entries in enumerate(settings.entries):
        for i, name in enumerate(LINEAR):
            indices = tensors[f"ResBlocks.{layer}.{name}.indices"]
            if reason := _wrong(indices, edges, owner, into=i == 0, pruned=entries[i] < full[i]):
                yield f"ResBlocks.{layer}.{name}.indices {reason}"


def _wrong(
    indices: Int64[Tensor, "2 entries"],
    edges: Int64[Tensor, "2 edges"],
    owner: Int64[Tensor, " channels"],
    *,
    into: bool,
    pruned: bool,
) -> str:
    """What is wrong with the entries of a linear map; all of them, in their order, unless pruned."""
    edge, channel = indices if into else indices.flip(0)
    if ((indices < 0).any(1) | (edge >= edges.shape[1]).any() | (channel >= len(owner)).any()).any():
        return f"lie outside of {edges.shape[1]} edges and {len(owner)} channels"
    if (owner[channel] != edges[1 if into else 0, edge]).any():
        return "join an edge with a channel of another function"
    first, second, size = (edge, channel, len(owner)) if into else (channel, edge, edges.shape[1])
    place = first * size + second
    if len(place.unique()) < len(place):
        return "hold an entry twice"
    return "are not in the published order" if not pruned and (place.diff() < 0).any() else ""


def _untied(tensors: Mapping[str, Tensor], layers: int) -> Iterator[str]:
    """Shared maps that differ from block to block."""
    shared = [name for name in tensors if name.startswith(tuple(f"ResBlocks.0.{name}." for name in LINEAR))]
    for name in shared:
        for layer in range(1, layers):
            other = name.replace("ResBlocks.0.", f"ResBlocks.{layer}.", 1)
            if not torch.equal(tensors[name], tensors[other]):
                yield f"{other} differs from {name}, and share_layers is True"
