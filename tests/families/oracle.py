"""The GAT forward pass written again, in float64, node by node, from its equations alone."""

import torch
from torch import Tensor

from assay.protocols import GraphBatch

State = dict[str, Tensor]


def gat_forward(
    state: State, graph: GraphBatch, *, conv_type: str, layers: int
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Outputs of the layers (nodes, d), pooled embedding (d,) and logits of one graph."""
    state = {name: tensor.double() for name, tensor in state.items()}
    table = state["input_encoder.id_encoder.embedding.weight"]
    x = torch.cat([table[graph.node_id], graph.x.double()], dim=1)
    outputs = []
    for layer in range(layers):
        weights = _under(state, f"convs.{layer}.")
        x = (_gat if conv_type == "gat" else _gatv2)(weights, x, graph).clamp(min=0)
        outputs.append(x)
    embedding = _jumping_knowledge(_under(state, "jk."), outputs).mean(0)
    return outputs, embedding, _head(_under(state, "fc_layers."), embedding)


def _gat(weights: State, x: Tensor, graph: GraphBatch) -> Tensor:
    _, heads, width = weights["att_src"].shape
    h = (x @ weights["lin.weight"].T).view(-1, heads, width)
    rows = []
    for v in range(len(x)):
        sources, _ = _incoming(graph, v)
        scores = torch.stack(
            [(h[s] * weights["att_src"][0]).sum(1) + (h[v] * weights["att_dst"][0]).sum(1) for s in sources]
        )
        rows.append(_attended(_leaky(scores), h[sources]))
    return torch.stack(rows) + weights["bias"]


def _gatv2(weights: State, x: Tensor, graph: GraphBatch) -> Tensor:
    _, heads, width = weights["att"].shape
    left = (x @ weights["lin_l.weight"].T + weights["lin_l.bias"]).view(-1, heads, width)
    right = (x @ weights["lin_r.weight"].T + weights["lin_r.bias"]).view(-1, heads, width)
    rows = []
    for v in range(len(x)):
        sources, features = _incoming(graph, v)
        edges = (features @ weights["lin_edge.weight"].T).view(-1, heads, width)
        scores = (_leaky(left[sources] + right[v] + edges) * weights["att"][0]).sum(2)
        rows.append(_attended(scores, left[sources]))
    return torch.stack(rows) + weights["bias"]


def _incoming(graph: GraphBatch, v: int) -> tuple[list[int], Tensor]:
    """Sources of the edges into v and their features: loops taken out, then one loop with their mean."""
    sources, features = [], []
    for e, (source, target) in enumerate(graph.edge_index.T.tolist()):
        if target == v and source != v:
            sources.append(source)
            features.append(graph.edge_attr[e].double())
    own = torch.stack(features).mean(0) if features else torch.zeros(graph.edge_attr.shape[1]).double()
    return [*sources, v], torch.stack([*features, own])


def _attended(scores: Tensor, values: Tensor) -> Tensor:
    weights = scores.exp() / scores.exp().sum(0)  # (edges, heads)
    return (weights[:, :, None] * values).sum(0).flatten()


def _leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def _jumping_knowledge(weights: State, outputs: list[Tensor]) -> Tensor:
    forward = _lstm(weights, outputs, "")
    backward = _lstm(weights, outputs[::-1], "_reverse")[::-1]
    states = [torch.cat(pair, dim=1) for pair in zip(forward, backward, strict=True)]
    scores = torch.stack([s @ weights["att.weight"][0] + weights["att.bias"] for s in states])
    shares = scores.exp() / scores.exp().sum(0)  # (layers, nodes)
    return sum(share[:, None] * output for share, output in zip(shares, outputs, strict=True))


def _lstm(weights: State, inputs: list[Tensor], direction: str) -> list[Tensor]:
    w_ih, w_hh, b_ih, b_hh = (
        weights[f"lstm.{kind}_l0{direction}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = c = torch.zeros(len(inputs[0]), w_hh.shape[1]).double()
    states = []
    for x in inputs:
        i, f, g, o = (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states.append(h)
    return states


def _head(weights: State, x: Tensor) -> Tensor:
    positions = sorted({int(name.split(".")[0]) for name in weights})
    for position in positions:
        x = weights[f"{position}.weight"] @ x + weights[f"{position}.bias"]
        if position != positions[-1]:
            x = x.clamp(min=0)
    return x


def _under(state: State, prefix: str) -> State:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}
