"""The GAT forward pass written again, in float64, graph by graph, from its equations alone."""

import torch
from families.layer_oracle import State, layer, under
from torch import Tensor

from assay.protocols import GraphBatch


def gat_forward(
    state: State,
    graph: GraphBatch,
    *,
    conv_type: str,
    layers: int,
    heads: int = 2,
    pools: tuple[str, ...] = ("mean",),
    sequence_pool: str = "flat",
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Outputs of the layers (nodes, d), pooled embedding (d,) and logits of one graph."""
    state = {name: tensor.double() for name, tensor in state.items()}
    x, outputs = inputs(under(state, "input_encoder."), graph), []
    for i in range(layers):
        x = layer(under(state, f"convs.{i}."), x, graph, conv_type=conv_type, heads=heads)
        outputs.append(x)
    nodes = _jumping_knowledge(under(state, "jk."), outputs)
    if graph.node_sequence_step is None or sequence_pool == "flat":
        embedding = _pooled(nodes, pools)
    else:
        embedding = _over_steps(state, nodes, graph.node_sequence_step.tolist(), pools, sequence_pool)
    return outputs, embedding, _head(under(state, "fc_layers."), embedding)


def inputs(weights: State, graph: GraphBatch) -> Tensor:
    """Identity, then features."""
    table, x = weights["id_encoder.embedding.weight"], graph.x.double()
    if "feat_proj.weight" in weights:
        x = x @ weights["feat_proj.weight"].T + weights["feat_proj.bias"]
    offsets = [int(offset) for offset in weights.get("id_encoder._hash_offsets", [])]
    rows = [
        sum(table[(identity * 2654435761 + offset) % len(table)] for offset in offsets)
        if offsets
        else table[identity]
        for identity in graph.node_id.tolist()
    ]
    return torch.cat([torch.stack(rows), x], dim=1)


def _pooled(x: Tensor, pools: tuple[str, ...]) -> Tensor:
    """The pools of the rows side by side; all 0 where there is no row."""
    if len(x) == 0:
        return torch.zeros(x.shape[1] * len(pools)).double()
    variance = (x.square().mean(0) - x.mean(0).square()).clamp(min=1e-5)
    found = {
        "mean": x.sum(0) / len(x),
        "sum": x.sum(0),
        "max": x.max(0).values,
        "min": x.min(0).values,
        "std": torch.where(variance > 1e-5, variance.sqrt(), 0),
    }
    return torch.cat([found[pool] for pool in pools])


def _over_steps(
    state: State, nodes: Tensor, steps: list[int], pools: tuple[str, ...], sequence_pool: str
) -> Tensor:
    cells = [_pooled(nodes[[s == step for s in steps]], pools) for step in range(max(steps) + 1)]
    present = torch.stack([cells[step] for step in sorted(set(steps))])
    if sequence_pool in ("auto", "mean"):
        return present.mean(0)
    if sequence_pool == "attention":
        first, last = (under(state, f"sequence_attention.{i}.") for i in (0, 2))
        inner = (present @ first["weight"].T + first["bias"]).tanh()
        return (inner @ last["weight"].T + last["bias"]).softmax(0).T[0] @ present
    return _gru(under(state, "sequence_gru."), cells[: len(present)])


def _gru(weights: State, steps: list[Tensor]) -> Tensor:
    w_ih, w_hh, b_ih, b_hh = (
        weights[f"{kind}_l0"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = torch.zeros(w_hh.shape[1]).double()
    for x in steps:
        (r_x, z_x, n_x), (r_h, z_h, n_h) = (w_ih @ x + b_ih).chunk(3), (w_hh @ h + b_hh).chunk(3)
        update = (z_x + z_h).sigmoid()
        h = (1 - update) * (n_x + (r_x + r_h).sigmoid() * n_h).tanh() + update * h
    return h


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
