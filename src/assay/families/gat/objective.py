"""The cross entropy of a GAT on fixed graphs, as a function of its parameters: thousands of points of a landscape.

The same function as `GatNetwork` in eval mode, for the same parameters, to rounding. What the parameters do not
change (loops, the order of edges, where each node's edges begin) is worked out once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding_bag, leaky_relu, linear
from torch_geometric.utils import add_self_loops, remove_self_loops

from assay.families.gat.network import GatNetwork
from assay.protocols import GraphBatch

GRAPHS_AT_A_TIME = 32  # their layers stay in the cache, which is worth more than fewer calls
State = Mapping[str, Tensor]


def covers(network: GatNetwork, batches: Sequence[GraphBatch]) -> bool:
    """Whether the engine below computes what the network does on these batches."""
    sizes = network.settings
    return (
        sizes.conv_type in ("gat", "gatv2")
        and sizes.pools == ("mean",)
        and not sizes.inputs.n_hashes
        and not sizes.inputs.proj_dim
        and all(network.steps(batch) is None for batch in batches)
    )


class GatObjective:
    """Answers `assay.protocols.Objective` for what it `covers`; never changes the network."""

    def __init__(self, network: GatNetwork, batches: Sequence[GraphBatch]):
        self._settings = network.settings
        self._names = [name for name, _ in network.named_parameters()]
        self._blocks = [_block(batch, network.settings.heads) for batch in batches]
        self._y = torch.cat([batch.y for batch in batches])

    @torch.inference_mode()
    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The mean over all graphs, summed in float64."""
        state = dict(zip(self._names, parameters, strict=True))
        logits = self._head(state, torch.cat([self._embedding(state, block) for block in self._blocks]))
        return float(cross_entropy(logits.double(), self._y, reduction="sum")) / len(self._y)

    def _embedding(self, state: State, block: "_Block") -> Float32[Tensor, "graphs d"]:
        identity = state["input_encoder.id_encoder.embedding.weight"][block.node_id]
        x, outputs = torch.cat([identity, block.x], dim=1), []
        convolved = _gatv2 if self._settings.reads_edge_features else _gat
        for layer in range(self._settings.layers):
            x = convolved(_below(state, f"convs.{layer}."), x, block).relu_()
            outputs.append(x)
        weights = _jumping_knowledge(_below(state, "jk."), outputs)
        pooled = [
            embedding_bag(block.nodes, x, block.first_node, mode="sum", per_sample_weights=weight)
            for x, weight in zip(outputs, weights, strict=True)
        ]
        return torch.stack(pooled).sum(0) / block.n_nodes[:, None]

    def _head(self, state: State, x: Float32[Tensor, "graphs d"]) -> Float32[Tensor, "graphs classes"]:
        for i in range(0, 3 * self._settings.fc_layers, 3):
            x = linear(x.relu() if i else x, state[f"fc_layers.{i}.weight"], state[f"fc_layers.{i}.bias"])
        return x


@dataclass(frozen=True, slots=True)
class _Block:
    """Graphs side by side; every edge stands once per head, in the order of (target, head)."""

    x: Float32[Tensor, "nodes features"]
    node_id: Int64[Tensor, " nodes"]
    nodes: Int64[Tensor, " nodes"]  # 0, 1, 2, ...
    first_node: Int64[Tensor, " graphs"]
    n_nodes: Int64[Tensor, " graphs"]
    edge_index: Int64[Tensor, "2 edges"]  # with one loop a node
    edge_attr: Float32[Tensor, "edges edge_features"]
    by_head: Int64[Tensor, " rows"]  # edge * heads + head, as are source and target
    source: Int64[Tensor, " rows"]
    target: Int64[Tensor, " rows"]
    first_edge: Int64[Tensor, " bags"]


def _block(batch: GraphBatch, heads: int) -> _Block:
    edge_index, edge_attr = remove_self_loops(batch.edge_index, batch.edge_attr)
    edge_index, edge_attr = add_self_loops(
        edge_index, edge_attr, fill_value="mean", num_nodes=len(batch.node_id)
    )
    head = torch.arange(heads, device=edge_index.device)
    source, target = ((ends[:, None] * heads + head).reshape(-1) for ends in edge_index)
    by_head = torch.argsort(target, stable=True)
    return _Block(
        x=batch.x,
        node_id=batch.node_id,
        nodes=torch.arange(len(batch.node_id), device=batch.x.device),
        first_node=_first(batch.graph, batch.n_graphs),
        n_nodes=torch.bincount(batch.graph, minlength=batch.n_graphs),
        edge_index=edge_index,
        edge_attr=edge_attr,
        by_head=by_head,
        source=source[by_head],
        target=target[by_head],
        first_edge=_first(target, len(batch.node_id) * heads),
    )


def _first(group: Int64[Tensor, " n"], n_groups: int) -> Int64[Tensor, " groups"]:
    """Where each group begins once its members stand together."""
    counts = torch.bincount(group, minlength=n_groups)
    return counts.cumsum(0) - counts


def _gat(state: State, x: Float32[Tensor, "nodes d"], block: _Block) -> Float32[Tensor, "nodes width"]:
    _, heads, width = state["att_src"].shape
    weight = state["lin.weight"]
    by_head = weight.view(heads, width, -1)
    sources, targets = (
        linear(x, (state[end][0, :, :, None] * by_head).sum(1)).view(-1) for end in ("att_src", "att_dst")
    )
    scores = sources[block.source].add_(targets[block.target])
    return _attended(leaky_relu(scores, 0.2), linear(x, weight), block) + state["bias"]


def _gatv2(state: State, x: Float32[Tensor, "nodes d"], block: _Block) -> Float32[Tensor, "nodes width"]:
    _, heads, width = state["att"].shape
    left = linear(x, state["lin_l.weight"], state["lin_l.bias"])
    right = linear(x, state["lin_r.weight"], state["lin_r.bias"])
    edges = linear(block.edge_attr, state["lin_edge.weight"])
    edges += left[block.edge_index[0]]
    edges += right[block.edge_index[1]]
    scores = (leaky_relu(edges, 0.2).view(-1, heads, width) * state["att"]).sum(2)
    return _attended(scores.view(-1)[block.by_head], left, block) + state["bias"]


def _attended(
    scores: Float32[Tensor, " rows"], values: Float32[Tensor, "nodes width"], block: _Block
) -> Float32[Tensor, "nodes width"]:
    """The softmax of the scores over the edges into a node, and with it the mean of the values at their sources."""
    weights = _in_range(scores, block).exp_()
    per_head = values.view(len(block.first_edge), -1)
    total = embedding_bag(block.source, per_head, block.first_edge, mode="sum", per_sample_weights=weights)
    ones = torch.ones_like(per_head[:, :1])
    norm = embedding_bag(block.source, ones, block.first_edge, mode="sum", per_sample_weights=weights)
    return total.div_(norm).view(values.shape)


def _in_range(scores: Float32[Tensor, " n"], block: _Block) -> Float32[Tensor, " n"]:
    """The scores less a number that all edges into a node share, so that no exp overflows or all vanish."""
    low, high = scores.aminmax()
    if high - low < 60.0:  # exp(-60) is far from the smallest float32: one number serves all nodes
        return scores - high
    highest = torch.full_like(block.first_edge, -torch.inf, dtype=scores.dtype)
    return scores - highest.scatter_reduce_(0, block.target, scores, "amax")[block.target]


def _jumping_knowledge(
    state: State, outputs: list[Float32[Tensor, "nodes d"]]
) -> Float32[Tensor, "layers nodes"]:
    """The weight of each layer's output: the softmax of what a bidirectional LSTM over the layers says of it."""
    forward = _lstm(_below(state, "lstm."), outputs, "")
    backward = _lstm(_below(state, "lstm."), outputs[::-1], "_reverse")[::-1]
    for_forward, for_backward = state["att.weight"][0].chunk(2)
    scores = [f @ for_forward + b @ for_backward for f, b in zip(forward, backward, strict=True)]
    return torch.stack(scores).add_(state["att.bias"]).softmax(0)


def _lstm(
    state: State, inputs: Sequence[Float32[Tensor, "nodes d"]], direction: str
) -> list[Float32[Tensor, "nodes u"]]:
    """The hidden states of one direction; the first step has no state before it: no product, no forget gate."""
    weight, again = state[f"weight_ih_l0{direction}"], state[f"weight_hh_l0{direction}"]
    bias = state[f"bias_ih_l0{direction}"] + state[f"bias_hh_l0{direction}"]
    u = again.shape[1]
    at_first = [torch.cat([p[:u], p[2 * u :]]) for p in (weight, bias)]
    enter, new, leave = linear(inputs[0], *at_first).split(u, dim=1)
    cell = enter.sigmoid_() * new.tanh_()
    hidden = [leave.sigmoid_() * cell.tanh()]
    for x in inputs[1:]:
        gates = linear(x, weight, bias).addmm_(hidden[-1], again.T)
        enter, forget, new, leave = gates.split(u, dim=1)
        cell = cell.mul_(forget.sigmoid_()).addcmul_(enter.sigmoid_(), new.tanh_())
        hidden.append(leave.sigmoid_() * cell.tanh())
    return hidden


def _below(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
