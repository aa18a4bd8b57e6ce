"""The published VGAE and DGI in float64, from their equations alone: passes, losses, scores and features."""

import math
from types import SimpleNamespace

import torch
from families.oracle_stacks import State, convolved, count, encoder_inputs, graph_normed, linear, under
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from assay.protocols import GraphBatch


def vgae_pass(
    state: State, batch: GraphBatch, noise: Tensor, *, conv_type: str, heads: int, apart: bool = True
):
    """Everything that one pass gives; with `apart` False the last gps layer attends across graphs."""
    x = encoder_inputs(state, batch.x, batch.node_id)
    layers = _stack(state, "encoder", x, batch, conv_type, heads)
    mu = linear(under(state, "z_mean."), layers[-1])
    logvar = linear(under(state, "z_logvar."), layers[-1]).clamp(-10, 10)
    z = mu + noise.double() * torch.exp(0.5 * logvar)
    *hidden, last = range(count(state, "decoder_layers."))
    decoded = z
    if hidden:
        kept = {name: t for name, t in state.items() if not name.startswith(f"decoder_layers.{last}.")}
        decoded = _stack(kept, "decoder", z, batch, conv_type, heads)[-1]
    weights = under(state, f"decoder_layers.{last}.")
    sizes = _heads(heads, 0 if not hidden else 1, batch.x.shape[1])
    group = batch.graph if apart else torch.zeros_like(batch.graph)
    ends = batch.edge_index
    return SimpleNamespace(
        layers=layers,
        mu=mu,
        z=z,
        kl=sum(mu[:, k] ** 2 + logvar[:, k].exp() - 1 - logvar[:, k] for k in range(mu.shape[1]))
        / 2
        / mu.shape[1],
        x=convolved(weights, decoded, batch, conv_type, heads=sizes, group=group),
        identity_logits=linear(under(state, "canid_classifier."), z),
        neighbours=_perceptron(under(state, "neighborhood_decoder."), z),
        edge_attr=_perceptron(under(state, "edge_decoder."), torch.cat([z[ends[0]], z[ends[1]]], dim=1)),
    )


def hidden_nodes(state: State, batch: GraphBatch, mask: Tensor, *, mask_id: int) -> GraphBatch:
    x, node_id = batch.x.clone(), batch.node_id.clone()
    for v in mask.nonzero().flatten().tolist():
        x[v], node_id[v] = state["masker.mask_token"], mask_id
    return GraphBatch(x, batch.edge_index, batch.edge_attr, node_id, batch.graph, batch.n_graphs, batch.y)


def vgae_terms(found, batch: GraphBatch, asked: list[int]) -> dict[str, float]:
    """The five terms of the training loss; `asked` are the nodes whose identity counts."""
    n, squares = len(batch.x), (found.x - batch.x) ** 2
    logs = [
        found.identity_logits[v].exp().sum().log() - found.identity_logits[v, batch.node_id[v]] for v in asked
    ]
    edges = 0.0
    if found.edge_attr is not None and len(batch.edge_attr):
        edges = float(((found.edge_attr - batch.edge_attr) ** 2).sum() / batch.edge_attr.numel())
    return {
        "features": float(squares.sum()) / squares.numel(),
        "identities": float(sum(logs)) / len(asked),
        "neighbours": normal_kl(found.neighbours, after(found.z, batch)),
        "kl": float(found.kl.sum()) / n,
        "edges": edges,
    }


def after(x: Tensor, batch: GraphBatch) -> Tensor:
    """The mean of x over the targets of the edges that leave each node."""
    out = torch.zeros_like(x)
    for v in range(len(x)):
        targets = [t for s, t in batch.edge_index.T.tolist() if s == v]
        if targets:
            out[v] = sum(x[t] for t in targets) / len(targets)
    return out


def normal_kl(p: Tensor, t: Tensor) -> float:
    def normal(rows: Tensor) -> MultivariateNormal:
        return MultivariateNormal(
            rows.mean(0), torch.cov(rows.T).reshape(rows.shape[1], -1) + torch.eye(rows.shape[1])
        )

    return float(kl_divergence(normal(p), normal(t)))


def vgae_scores(state: State, batch: GraphBatch, seen, hidden, mask: Tensor) -> list[dict[str, float]]:
    """The components of each graph; `seen` and `hidden` are the two passes."""
    z, sources, targets = seen.z, *batch.edge_index.tolist()
    found = []
    for g in range(batch.n_graphs):
        nodes = [v for v in range(len(z)) if batch.graph[v] == g]
        errors = [float(((hidden.x[v] - batch.x[v]) ** 2).mean()) for v in nodes if mask[v]]
        scale = state["mu_std"].double().clamp(min=1e-3)
        far = [float((((seen.mu[v] - state["mu_mean"]) / scale) ** 2).sum()) for v in nodes]
        strange = []
        for v in nodes:
            cosines = [_cosine(z[v], z[t]) for s, t in zip(sources, targets, strict=True) if s == v]
            strange.append(1 - (sum(cosines) / len(cosines) if cosines else 0))
        x = batch.x.double()
        across = sum(
            float(((x[s] - x[t]) ** 2).sum()) for s, t in zip(sources, targets, strict=True) if s in nodes
        )
        found.append(
            {
                "recon": sum(errors) / len(errors) if errors else 0.0,
                "recon_max": max(errors, default=0.0),
                "mahal": sum(far) / len(far),
                "kl": float(seen.kl[nodes].mean()),
                "affinity": sum(strange) / len(strange),
                "rq": across / (float((x[nodes] ** 2).sum()) + 1e-8),
            }
        )
    return found


def latent_statistics(z: Tensor, batch: GraphBatch) -> Tensor:
    rows = []
    for g in range(batch.n_graphs):
        own = z[batch.graph == g].double()
        spreads = [float(((row - row.mean()) ** 2).sum() / (len(row) - 1)) ** 0.5 for row in own]
        rows.append([float(own.mean()), sum(spreads) / len(spreads), float(own.max()), float(own.min())])
    return torch.tensor(rows).double()


def dgi_pass(state: State, batch: GraphBatch, corrupted_x: Tensor, *, conv_type: str, heads: int):
    """Everything that one pass gives, the mean loss of the nodes among it."""
    layers = _stack(state, "encoder", encoder_inputs(state, batch.x, batch.node_id), batch, conv_type, heads)
    other = _stack(
        state, "encoder", encoder_inputs(state, corrupted_x, batch.node_id), batch, conv_type, heads
    )
    z, corrupted = (linear(under(state, "z_proj."), stack[-1]) for stack in (layers, other))
    pooled = torch.stack([z[batch.graph == g].mean(0) for g in range(batch.n_graphs)])
    weight, losses, true = state["discriminator_weight"].double(), [], []
    for v in range(len(z)):
        summary = 1 / (1 + torch.exp(-pooled[batch.graph[v]]))
        yes, no = (1 / (1 + math.exp(-float(row @ weight @ summary))) for row in (z[v], corrupted[v]))
        losses.append(-math.log(yes + 1e-6) - math.log(1 - no + 1e-6))
        true.append(yes)
    return SimpleNamespace(layers=layers, z=z, pooled=pooled, true=torch.tensor(true).double(), losses=losses)


def _stack(state: State, name: str, x: Tensor, batch: GraphBatch, conv_type: str, heads: int) -> list[Tensor]:
    outputs = []
    for i in range(count(state, f"{name}_layers.")):
        weights, norm = under(state, f"{name}_layers.{i}."), under(state, f"{name}_bns.{i}.")
        width = len(norm["weight"]) if norm else len(weights.get("lin_skip.bias", ()))
        x = convolved(weights, x, batch, conv_type, heads=_heads(heads, i, width), group=batch.graph)
        if conv_type != "gps":
            x = (graph_normed(norm, x, batch.graph) if norm else x).clamp(min=0)
        outputs.append(x)
    return outputs


def _heads(heads: int, layer: int, width: int) -> int:
    return heads if layer == 0 and width % heads == 0 else 1


def _perceptron(weights: State, x: Tensor) -> Tensor | None:
    places = sorted({int(name.split(".")[0]) for name in weights})
    for place in places:
        x = linear(under(weights, f"{place}."), x)
        x = x if place == places[-1] else x.clamp(min=0)
    return x if places else None


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b) / (max(float(a.norm()), 1e-8) * max(float(b.norm()), 1e-8))
