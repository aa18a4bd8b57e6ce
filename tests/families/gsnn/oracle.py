"""The GSNN forward pass written again from its equations, in float64, one edge, channel and function at a time."""

import math
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]
NONLINEARITIES = {
    "ELU": lambda v: torch.where(v > 0, v, v.clamp(max=0).exp() - 1),
    "ReLU": lambda v: torch.where(v > 0, v, 0 * v),
    "Tanh": lambda v: 1 - 2 / ((2 * v).exp() + 1),
}


class Oracle:
    """Predictions of `x`, and the recorded channels of every block, which a loss can be differentiated by."""

    def __init__(self, tensors: State, hparams: dict[str, Any], x: Tensor):
        self.ctor, self.names = hparams["ctor"], hparams["node_names"]
        self.state = {k: v.double() if v.is_floating_point() else v for k, v in tensors.items()}
        self.edges = tensors["edge_index"].T.tolist()
        self.n_fn, self.n_in = len(self.names["function"]), len(self.names["input"])
        self.owners = self.state["ResBlocks.0.channel_groups"].tolist()
        self.nonlin = NONLINEARITIES[self.ctor.get("nonlin") or "ELU"]
        self.pre: list[Tensor] = []
        self.post: list[Tensor] = []
        self.outputs = self._forward(x.double())

    def gradients(self, y: Tensor, criterion: str, *, prenorm: bool) -> list[Tensor]:
        """Of the sum over samples of each one's mean loss."""
        error = self.outputs - y.double()
        losses = {
            "mse": error**2,
            "mae": error.abs(),
            "huber": torch.where(error.abs() < 1, error**2 / 2, error.abs() - 0.5),
            "bce": (1 + self.outputs.exp()).log() - y.double() * self.outputs,
        }
        recorded = self.pre if prenorm else self.post
        found = torch.autograd.grad(
            losses[criterion].sum() / y.shape[1], recorded, retain_graph=True, allow_unused=True
        )
        return [torch.zeros_like(r) if g is None else g for r, g in zip(recorded, found, strict=True)]

    def _forward(self, x: Tensor) -> Tensor:
        columns = [
            x[:, s - self.n_fn] if self.n_fn <= s < self.n_fn + self.n_in else 0 * x[:, 0]
            for s, _ in self.edges
        ]
        e = torch.stack(columns, 1).requires_grad_()
        for layer in range(self.ctor["layers"]):
            e = self._block(self._under(f"ResBlocks.{layer}."), e)
        if self.ctor.get("residual", True):
            e = e / math.sqrt(self.ctor["layers"])
        outputs = []
        for o in range(len(self.names["output"])):
            node = self.n_fn + self.n_in + o
            into = [i for i, (_, t) in enumerate(self.edges) if t == node]
            outputs.append(sum(e[:, i] for i in into) / math.sqrt(len(into)))
        return torch.stack(outputs, 1)

    def _under(self, prefix: str) -> State:
        return {k.removeprefix(prefix): v for k, v in self.state.items() if k.startswith(prefix)}

    def _block(self, state: State, e: Tensor) -> Tensor:
        u = self._normed_edges(state, e)
        h = _sparse(state, "lin_in", u, len(self.owners))
        self.pre.append(h)
        normed = self._norm(state, h) if self.ctor.get("norm_first", True) else self.nonlin(h)
        h = self.nonlin(normed) if self.ctor.get("norm_first", True) else self._norm(state, normed)
        h = self._perceptron(state, h) if "mlp.mlp.0.weight" in state else h
        h = self._gated(state, h) if "node_attn.mlp.0.weight" in state else h
        self.post.append(h)
        o = _sparse(state, "lin_out", h, len(self.edges))
        residual = state["residual_weight"].clamp(min=0) * e
        return o + residual if self.ctor.get("residual", True) else o

    def _normed_edges(self, state: State, e: Tensor) -> Tensor:
        if self.ctor.get("norm") in ("batch++", "edgebatch"):
            return _running(state, "_edge_norm.", e, 1e-3, "weight", "bias")
        return (
            _running(state, "_edge_norm.", e, 1e-5, "gamma", "beta")
            if self.ctor.get("norm") == "channelema"
            else e
        )

    def _norm(self, state: State, h: Tensor) -> Tensor:
        norm = self.ctor.get("norm", "layer")
        if norm in ("batch", "batch++"):
            return _running(state, "norm.", h, 1e-3, "weight", "bias")
        if norm == "channelema":
            return _running(state, "norm.", h, 1e-5, "gamma", "beta")
        if norm in ("none", "edgebatch"):
            return h
        return torch.stack([self._within(norm, state, h, k) for k in range(h.shape[1])], 1)

    def _within(self, norm: str, state: State, h: Tensor, k: int) -> Tensor:
        """Channel k, normalised within its function."""
        g = self.owners[k]
        own = h[:, [i for i, owner in enumerate(self.owners) if owner == g]]
        gamma, beta = (state.get(f"norm.{name}") for name in ("gamma", "beta"))
        if norm == "layer":
            m = own.mean(1).detach()
            s = (((own - m[:, None]) ** 2).sum(1) / (own.shape[1] - 1)).sqrt().detach()
            return (h[:, k] - m) / (s + 0.1) * gamma[g] + beta[g]
        if norm == "rms":
            return h[:, k] / ((own**2).mean(1) + 1e-6).sqrt() * gamma[g]
        if norm == "softmax":
            top = own.max(1).values
            return (h[:, k] - top).exp() / ((own - top[:, None]).exp().sum(1) + 1e-8)
        assert norm in ("groupbatch", "ema")
        scale = (state["norm.running_var"][g] + 1e-5).sqrt()
        return (h[:, k] - state["norm.running_mean"][g]) / scale * gamma[g] + beta[g]

    def _perceptron(self, state: State, h: Tensor) -> Tensor:
        new = []
        for g in range(self.n_fn):
            z = _affine(state, "mlp.mlp.0", self._of(h, g))
            z = self.nonlin(_layer_norm(state, "mlp.mlp.1", z))
            new.append(_affine(state, "mlp.mlp.4", z))
        return torch.cat(new, 1)

    def _gated(self, state: State, h: Tensor) -> Tensor:
        gates = []
        for g in range(self.n_fn):
            z = NONLINEARITIES["ELU"](_affine(state, "node_attn.mlp.0", self._of(h, g)))
            gates.append(_affine(state, "node_attn.mlp.3", _layer_norm(state, "node_attn.mlp.2", z))[:, 0])
        if "node_attn.signed_message_passing.edge_weight" in state:
            gates = self._passed(state["node_attn.signed_message_passing.edge_weight"], gates)
        return torch.cat(
            [self._of(h, g) * (1 / (1 + (-gates[g]).exp()))[:, None] for g in range(self.n_fn)], 1
        )

    def _passed(self, weights: Tensor, gates: list[Tensor]) -> list[Tensor]:
        found = [0 * gate for gate in gates]
        for weight, (s, t) in zip(weights, self.edges, strict=True):
            if s < self.n_fn and t < self.n_fn:
                found[t] = found[t] + weight * gates[s]
        return found

    def _of(self, h: Tensor, g: int) -> Tensor:
        return h[:, [k for k, owner in enumerate(self.owners) if owner == g]]


def _sparse(state: State, name: str, u: Tensor, size: int) -> Tensor:
    columns = [0 * u[:, 0] for _ in range(size)]
    values = state[f"{name}.values"].flatten()
    for value, (start, end) in zip(values, state[f"{name}.indices"].T.tolist(), strict=True):
        columns[end] = columns[end] + value * u[:, start]
    product = torch.stack(columns, 1)
    return product + state[f"{name}.bias"][:, 0] if f"{name}.bias" in state else product


def _running(state: State, prefix: str, x: Tensor, eps: float, gain: str, shift: str) -> Tensor:
    scaled = (x - state[f"{prefix}running_mean"]) / (state[f"{prefix}running_var"] + eps).sqrt()
    return scaled * state[prefix + gain] + state[prefix + shift]


def _affine(state: State, name: str, x: Tensor) -> Tensor:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def _layer_norm(state: State, name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    scale = ((centred**2).mean(1, keepdim=True) + 1e-5).sqrt()
    return centred / scale * state[f"{name}.weight"] + state[f"{name}.bias"]
