"""Inputs, convolutions and norms of the published autoencoders in float64, edge list by edge list, on whole batches."""

import torch
from torch import Tensor

from assay.protocols import GraphBatch

State = dict[str, Tensor]


def under(state: State, prefix: str) -> State:
    """What stands below a prefix, in float64."""
    return {name[len(prefix) :]: tensor.double() for name, tensor in state.items() if name.startswith(prefix)}


def count(state: State, prefix: str) -> int:
    """How many numbered modules stand below a prefix."""
    return len({name[len(prefix) :].split(".")[0] for name in state if name.startswith(prefix)})


def encoder_inputs(state: State, x: Tensor, node_id: Tensor) -> Tensor:
    weights = under(state, "input_encoder.")
    table, offsets = weights["id_encoder.embedding.weight"], weights.get("id_encoder._hash_offsets")
    identity = torch.zeros(len(x), table.shape[1]).double()
    for v, number in enumerate(node_id.tolist()):
        rows = [number] if offsets is None else [(number * 2654435761 + int(o)) % len(table) for o in offsets]
        for row in rows:
            identity[v] += table[row]
    if "feat_proj.weight" in weights:
        x = linear(under(weights, "feat_proj."), x.double())
    return torch.cat([identity, x.double()], dim=1)


def linear(weights: State, x: Tensor) -> Tensor:
    return x @ weights["weight"].T + weights["bias"]


def convolved(
    weights: State, x: Tensor, batch: GraphBatch, conv_type: str, *, heads: int, group: Tensor
) -> Tensor:
    """One layer without what follows it; `group` says within whom a gps layer attends to all."""
    if conv_type == "gps":
        return _gps(weights, x, batch, group)
    if conv_type == "transformer":
        return _transformer(weights, x, batch, heads)
    out = (_gat if conv_type == "gat" else _gatv2)(weights, x, batch)
    return out.flatten(1) + weights["bias"]


def graph_normed(weights: State, x: Tensor, graph: Tensor) -> Tensor:
    out = torch.zeros_like(x)
    for g in graph.unique():
        rows = x[graph == g]
        rows = rows - weights["mean_scale"] * rows.sum(0) / len(rows)
        out[graph == g] = rows / ((rows**2).sum(0) / len(rows) + 1e-5) ** 0.5
    return weights["weight"] * out + weights["bias"]


def _gat(weights: State, x: Tensor, batch: GraphBatch) -> Tensor:
    _, heads, width = weights["att_src"].shape
    h = (x @ weights["lin.weight"].T).view(-1, heads, width)
    sources, targets, _ = _loops_replaced(batch)
    scores = (h[sources] * weights["att_src"]).sum(2) + (h[targets] * weights["att_dst"]).sum(2)
    return _softmax_sums(_leaky(scores), h[sources], targets, len(x))


def _gatv2(weights: State, x: Tensor, batch: GraphBatch) -> Tensor:
    _, heads, width = weights["att"].shape
    left = linear(under(weights, "lin_l."), x).view(-1, heads, width)
    right = linear(under(weights, "lin_r."), x).view(-1, heads, width)
    sources, targets, features = _loops_replaced(batch)
    edges = (features @ weights["lin_edge.weight"].T).view(-1, heads, width)
    scores = (_leaky(left[sources] + right[targets] + edges) * weights["att"]).sum(2)
    return _softmax_sums(scores, left[sources], targets, len(x))


def _transformer(weights: State, x: Tensor, batch: GraphBatch, heads: int) -> Tensor:
    query, key, value = (
        linear(under(weights, f"lin_{kind}."), x).view(len(x), heads, -1)
        for kind in ("query", "key", "value")
    )
    sources, targets = batch.edge_index
    edges = (batch.edge_attr.double() @ weights["lin_edge.weight"].T).view(-1, heads, query.shape[2])
    scores = (query[targets] * (key[sources] + edges)).sum(2) / query.shape[2] ** 0.5
    along = _softmax_sums(scores, value[sources] + edges, targets, len(x))
    return along.flatten(1) + linear(under(weights, "lin_skip."), x)


def _gps(weights: State, x: Tensor, batch: GraphBatch, group: Tensor) -> Tensor:
    if "proj.weight" in weights:
        x, weights = linear(under(weights, "proj."), x), under(weights, "gps.")
    conv = under(weights, "conv.")
    local = _batch_normed(under(weights, "norm1."), _gatv2(conv, x, batch).mean(1) + conv["bias"] + x)
    everyone = _self_attention(under(weights, "attn."), x, group, heads=conv["att"].shape[1])
    out = local + _batch_normed(under(weights, "norm2."), everyone + x)
    inner = linear(under(weights, "mlp.0."), out).clamp(min=0)
    return _batch_normed(under(weights, "norm3."), out + linear(under(weights, "mlp.3."), inner))


def _self_attention(weights: State, x: Tensor, group: Tensor, *, heads: int) -> Tensor:
    mixed = torch.zeros_like(x)
    projected = x @ weights["in_proj_weight"].T + weights["in_proj_bias"]
    for g in group.unique():
        members = group == g
        query, key, value = projected[members].view(int(members.sum()), 3, heads, -1).permute(1, 2, 0, 3)
        shares = (query @ key.transpose(1, 2) / query.shape[2] ** 0.5).softmax(2)
        mixed[members] = (shares @ value).transpose(0, 1).flatten(1)
    return linear(under(weights, "out_proj."), mixed)


def _batch_normed(weights: State, x: Tensor) -> Tensor:
    weights = under(weights, "module.")
    scaled = (x - weights["running_mean"]) / (weights["running_var"] + 1e-5) ** 0.5
    return scaled * weights["weight"] + weights["bias"]


def _loops_replaced(batch: GraphBatch) -> tuple[Tensor, Tensor, Tensor]:
    kept = batch.edge_index[0] != batch.edge_index[1]
    sources, targets = batch.edge_index[:, kept]
    features, own = batch.edge_attr[kept].double(), []
    for v in range(len(batch.x)):
        entering = features[targets == v]
        own.append(entering.mean(0) if len(entering) else torch.zeros(features.shape[1]).double())
    nodes = torch.arange(len(batch.x))
    return torch.cat([sources, nodes]), torch.cat([targets, nodes]), torch.cat([features, torch.stack(own)])


def _softmax_sums(scores: Tensor, values: Tensor, targets: Tensor, n: int) -> Tensor:
    out = torch.zeros(n, *values.shape[1:]).double()
    for v in targets.unique():
        at = targets == v
        out[v] = (scores[at].softmax(0)[:, :, None] * values[at]).sum(0)
    return out


def _leaky(x: Tensor) -> Tensor:
    return x.clamp(min=0) + 0.2 * x.clamp(max=0)
