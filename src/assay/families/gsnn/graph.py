"""The graph of a GSNN: named inputs, functions and outputs, and the edges between them as one numbered list."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from assay.errors import Refused
from assay.networks import EDGES, ENDS, KINDS


@dataclass(frozen=True, slots=True)
class Graph:
    """Names by kind of node, and edges by position among the nodes of a kind."""

    inputs: tuple[str, ...]
    functions: tuple[str, ...]
    outputs: tuple[str, ...]
    from_inputs: Int64[Tensor, "2 input_edges"]
    between: Int64[Tensor, "2 function_edges"]  # from function to function
    into_outputs: Int64[Tensor, "2 output_edges"]

    @property
    def n_nodes(self) -> int:
        """Nodes of all kinds."""
        return len(self.inputs) + len(self.functions) + len(self.outputs)

    def n_edges(self, *, self_edges: bool, edge_channels: int) -> int:
        """The length of `edge_list`, without making it."""
        loops = len(self.functions) if self_edges else 0
        others = self.from_inputs.shape[1] + self.into_outputs.shape[1]
        return edge_channels * self.between.shape[1] + others + loops

    def edge_list(self, *, self_edges: bool, edge_channels: int) -> Int64[Tensor, "2 edges"]:
        """All edges: between functions (`edge_channels` times), from inputs, into outputs, loops.

        Nodes are numbered functions first, then inputs, then outputs.
        """
        n_functions, n_inputs = len(self.functions), len(self.inputs)
        loops = torch.arange(n_functions if self_edges else 0).repeat(2, 1)
        return torch.cat(
            [
                self.between.repeat(1, edge_channels),
                self.from_inputs + torch.tensor([[n_functions], [0]]),
                self.into_outputs + torch.tensor([[0], [n_functions + n_inputs]]),
                loops,
            ],
            dim=1,
        )

    def node_mask(self, kind: str) -> Bool[Tensor, " nodes"]:
        """Which nodes are of the kind `input` or `output`."""
        n_functions, n_inputs = len(self.functions), len(self.inputs)
        first = {"input": n_functions, "output": n_functions + n_inputs}[kind]
        size = {"input": n_inputs, "output": len(self.outputs)}[kind]
        nodes = torch.arange(self.n_nodes)
        return (first <= nodes) & (nodes < first + size)


def graph_of(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> Graph:
    """The graph that the border found in the checkpoint or beside it.

    Raises:
        Refused: there is none, a name occurs twice among the nodes of a kind, an edge has an end that is no
            node, or a node has no edge, where the network does not give it a loop.
    """
    names = {kind: _names(hparams, kind) for kind in KINDS}
    edges = {ends: _edges(tensors, ends, names) for ends in ENDS}
    ctor = hparams.get("ctor")
    options = ctor if isinstance(ctor, Mapping) else {}
    loops = options.get("add_function_self_edges", True) is not False
    _refuse_isolated(names, edges, loops=loops)
    graph = Graph(
        inputs=names["input"],
        functions=names["function"],
        outputs=names["output"],
        from_inputs=edges["input", "function"],
        between=edges["function", "function"],
        into_outputs=edges["function", "output"],
    )
    return _with_edges_once(graph, tensors.get("edge_index"), options.get("edge_channels"), loops=loops)


def _with_edges_once(graph: Graph, stored: Tensor | None, copies: Any, *, loops: bool) -> Graph:
    """The graph before the published class repeated its edges between functions in the caller's own list.

    Only where the list is so many copies, and the network has them as often as the list and no more.
    """
    between = graph.between
    if stored is None or type(copies) is not int or copies < 2 or between.shape[1] % copies:
        return graph
    once = between[:, : between.shape[1] // copies]
    as_listed = graph.n_edges(self_edges=loops, edge_channels=1)
    if list(stored.shape) != [2, as_listed] or not torch.equal(once.repeat(1, copies), between):
        return graph
    return replace(graph, between=once)


def _names(hparams: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    given = hparams.get("node_names")
    names = given.get(kind) if isinstance(given, Mapping) else None
    if not isinstance(names, Sequence) or isinstance(names, str) or not names:
        raise Refused(
            f"no names of {kind} nodes; a gsnn checkpoint is {{state_dict, ctor, edge_index_dict, node_names_dict}}, "
            "or a state dict with its network in a file beside it"
        )
    if not all(isinstance(name, str) for name in names):
        raise Refused(f"the names of {kind} nodes are not all text")
    if len(set(names)) < len(names):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        raise Refused(
            f"{kind} nodes have the same name: {_listed(twice)}; every node needs a name of its own"
        )
    return tuple(names)


def _edges(
    tensors: Mapping[str, Tensor], ends: tuple[str, str], names: Mapping[str, Sequence[str]]
) -> Int64[Tensor, "2 edges"]:
    edges, what = tensors.get(EDGES[ends]), f"the edges from {ends[0]} to {ends[1]}"
    if edges is None:
        raise Refused(f"{what} are missing")
    if edges.dtype != torch.int64 or edges.ndim != 2 or len(edges) != 2:
        raise Refused(f"{what} are {edges.dtype} {list(edges.shape)}; allowed: int64 [2, edges]")
    for row, kind in zip(edges, ends, strict=True):
        unknown = row[(row < 0) | (row >= len(names[kind]))]
        if len(unknown):
            raise Refused(f"{what} name {kind} {int(unknown[0])}; there are {len(names[kind])}, from 0")
    return edges


def _refuse_isolated(
    names: Mapping[str, Sequence[str]],
    edges: Mapping[tuple[str, str], Int64[Tensor, "2 edges"]],
    *,
    loops: bool,
) -> None:
    """Refuses nodes that no edge reaches; with `loops` every function reaches itself."""
    for kind in KINDS:
        met = torch.full((len(names[kind]),), loops and kind == "function")
        for ends, pairs in edges.items():
            for row, end in zip(pairs, ends, strict=True):
                if end == kind:
                    met[row] = True
        if not met.all():
            alone = [names[kind][i] for i in (~met).nonzero().flatten().tolist()]
            raise Refused(
                f"{kind} nodes without an edge: {_listed(alone)}. Such a network allots its channels wrongly; "
                "take them out of the network and train it again."
            )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"{name[:60]!a}" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
