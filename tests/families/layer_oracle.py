"""The published layers written again, in float64, node by node, from their equations alone; one graph at a time."""

import torch
from torch import Tensor

from assay.protocols import GraphBatch

State = dict[str, Tensor]


def layer(weights: State, x: Tensor, graph: GraphBatch, *, conv_type: str, heads: int) -> Tensor:
    """The output of one layer, after ReLU where it is no gps layer."""
    if conv_type == "gps":
        return _gps(weights, x, graph)
    if conv_type == "transformer":
        return _transformer(weights, x, graph, heads).clamp(min=0)
    return (_gat if conv_type == "gat" else _gatv2)(weights, x, graph).flatten(1).clamp(min=0)


def under(state: State, prefix: str) -> State:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


def _gat(weights: State, x: Tensor, graph: GraphBatch) -> Tensor:
    _, heads, width = weights["att_src"].shape
    h = (x @ weights["lin.weight"].T).view(-1, heads, width)
    rows = []
    for v in range(len(x)):
        sources, _ = _with_own_loop(graph, v)
        scores = torch.stack(
            [(h[s] * weights["att_src"][0]).sum(1) + (h[v] * weights["att_dst"][0]).sum(1) for s in sources]
        )
        rows.append(_attended(_leaky(scores), h[sources]))
    return torch.stack(rows) + weights["bias"].view(heads, width)


def _gatv2(weights: State, x: Tensor, graph: GraphBatch) -> Tensor:
    """Of each head: (nodes, heads, width); a bias of one head's width is that of every head."""
    _, heads, width = weights["att"].shape
    left = (x @ weights["lin_l.weight"].T + weights["lin_l.bias"]).view(-1, heads, width)
    right = (x @ weights["lin_r.weight"].T + weights["lin_r.bias"]).view(-1, heads, width)
    rows = []
    for v in range(len(x)):
        sources, features = _with_own_loop(graph, v)
        edges = (features @ weights["lin_edge.weight"].T).view(-1, heads, width)
        scores = (_leaky(left[sources] + right[v] + edges) * weights["att"][0]).sum(2)
        rows.append(_attended(scores, left[sources]))
    return torch.stack(rows) + weights["bias"].view(-1, width)


def _transformer(weights: State, x: Tensor, graph: GraphBatch, heads: int) -> Tensor:
    query, key, value, skip = (
        x @ weights[f"lin_{kind}.weight"].T + weights[f"lin_{kind}.bias"]
        for kind in ("query", "key", "value", "skip")
    )
    width = query.shape[1] // heads
    rows = []
    for v in range(len(x)):
        row = skip[v].clone()
        edges = [e for e, target in enumerate(graph.edge_index[1].tolist()) if target == v]
        for head in range(heads if edges else 0):
            at = slice(head * width, (head + 1) * width)
            said = [weights["lin_edge.weight"][at] @ graph.edge_attr[e].double() for e in edges]
            sources = graph.edge_index[0, edges].tolist()
            scores = [query[v, at] @ (key[s, at] + edge) for s, edge in zip(sources, said, strict=True)]
            shares = (torch.stack(scores) / width**0.5).softmax(0)
            for share, s, edge in zip(shares, sources, said, strict=True):
                row[at] += share * (value[s, at] + edge)
        rows.append(row)
    return torch.stack(rows)


def _gps(weights: State, x: Tensor, graph: GraphBatch) -> Tensor:
    if "proj.weight" in weights:
        x = x @ weights["proj.weight"].T + weights["proj.bias"]
        weights = under(weights, "gps.")
    along_edges = _gatv2(under(weights, "conv."), x, graph).mean(1)
    both = _norm(under(weights, "norm1."), along_edges + x)
    both = both + _norm(under(weights, "norm2."), _self_attention(under(weights, "attn."), x, weights) + x)
    inner = (both @ weights["mlp.0.weight"].T + weights["mlp.0.bias"]).clamp(min=0)
    return _norm(under(weights, "norm3."), both + inner @ weights["mlp.3.weight"].T + weights["mlp.3.bias"])


def _self_attention(weights: State, x: Tensor, layer: State) -> Tensor:
    heads, d = layer["conv.att"].shape[1], x.shape[1]
    query, key, value = (x @ weights["in_proj_weight"].T + weights["in_proj_bias"]).split(d, dim=1)
    width, mixed = d // heads, torch.zeros_like(x)
    for head in range(heads):
        at = slice(head * width, (head + 1) * width)
        for v in range(len(x)):
            scores = torch.stack([query[v, at] @ key[u, at] / width**0.5 for u in range(len(x))])
            mixed[v, at] = sum(share * value[u, at] for u, share in enumerate(scores.softmax(0)))
    return mixed @ weights["out_proj.weight"].T + weights["out_proj.bias"]


def _norm(weights: State, x: Tensor) -> Tensor:
    spread = (weights["module.running_var"] + 1e-5).sqrt()
    return (x - weights["module.running_mean"]) / spread * weights["module.weight"] + weights["module.bias"]


def _with_own_loop(graph: GraphBatch, v: int) -> tuple[list[int], Tensor]:
    """Sources of the edges into v and their features: loops taken out, then one loop with their mean."""
    sources, features = [], []
    for e, (source, target) in enumerate(graph.edge_index.T.tolist()):
        if target == v and source != v:
            sources.append(source)
            features.append(graph.edge_attr[e].double())
    own = torch.stack(features).mean(0) if features else torch.zeros(graph.edge_attr.shape[1]).double()
    return [*sources, v], torch.stack([*features, own])


def _attended(scores: Tensor, values: Tensor) -> Tensor:
    return (scores.softmax(0)[:, :, None] * values).sum(0)  # (edges, heads) -> (heads, width)


def _leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)
