"""GSNN checkpoints for tests: the reference one, and random ones written out edge by edge as published."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import torch
from lab import ROOT
from torch import Tensor

from assay.families import gsnn
from assay.networks import EDGES
from assay.protocols import TableBatch

REFERENCE = ROOT / "tests" / "reference" / "gsnn"
KINDS = ("input", "function", "output")
HIDDEN = {"node_mlp_hidden": 7, "attn_mlp_hidden": 6}
Checkpoint = tuple[dict[str, Tensor], dict[str, Any]]
Pairs = list[tuple[int, int]]


def reference_file() -> dict[str, Any]:
    return torch.load(REFERENCE / "model.pt", weights_only=True)


def reference_checkpoint() -> Checkpoint:
    content = reference_file()
    return taken_in(
        content["state_dict"], content["ctor"], content["edge_index_dict"], content["node_names_dict"]
    )


def taken_in(state: dict, ctor: dict, edges: dict, names: dict) -> Checkpoint:
    """What the border makes of the parts of a file."""
    lists = {EDGES[start, end]: pairs for (start, _, end), pairs in edges.items()}
    return {**state, **lists}, {"ctor": ctor, "node_names": names}


def random_file(
    seed: int,
    *,
    sizes: Sequence[int] = (4, 5, 3),
    pruned: float = 0.0,
    weighted: bool = False,
    **ctor: Any,
) -> dict[str, Any]:
    """A whole file of random weights; `pruned` is the share of entries that its linear maps have lost."""
    chosen = {"channels": 3, "layers": 3, **ctor}
    draw, random = torch.Generator().manual_seed(seed), Random(seed)
    lists = _random_edges(random, sizes)
    return {
        "state_dict": _state(draw, chosen, lists, sizes, pruned=pruned, weighted=weighted),
        "ctor": chosen,
        "edge_index_dict": {
            (start, "to", end): torch.tensor(pairs).T.reshape(2, -1) for (start, end), pairs in lists.items()
        },
        "node_names_dict": {
            kind: [f"{kind[:2]}{i}" for i in range(n)] for kind, n in zip(KINDS, sizes, strict=True)
        },
    }


def random_checkpoint(seed: int, **changes: Any) -> Checkpoint:
    content = random_file(seed, **changes)
    return taken_in(
        content["state_dict"], content["ctor"], content["edge_index_dict"], content["node_names_dict"]
    )


def random_subject(seed: int, **changes: Any) -> gsnn.GsnnSubject:
    return gsnn.load(*random_checkpoint(seed, **changes))


def random_table(seed: int, n: int = 6, sizes: Sequence[int] = (4, 5, 3)) -> TableBatch:
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(n, sizes[0])), draw.uniform(size=(n, sizes[2]))
    return TableBatch(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))


def _random_edges(random: Random, sizes: Sequence[int]) -> dict[tuple[str, str], Pairs]:
    """Every node has an edge; one pair of functions has two, and one function feeds itself."""
    n_in, n_fn, n_out = sizes
    between = [(i, (i + 1) % n_fn) for i in range(n_fn)]
    between += [(random.randrange(n_fn), random.randrange(n_fn)) for _ in range(n_fn)]
    return {
        ("input", "function"): [(i, random.randrange(n_fn)) for i in (*range(n_in), 0)],
        ("function", "function"): [*between, between[0], (1, 1)],
        ("function", "output"): [(random.randrange(n_fn), o) for o in (*range(n_out), 0)],
    }


def edge_list(lists: dict[tuple[str, str], Pairs], sizes: Sequence[int], ctor: dict) -> Pairs:
    """All edges by node: functions first, then inputs, then outputs."""
    n_in, n_fn, _ = sizes
    edges = list(lists["function", "function"]) * ctor.get("edge_channels", 1)
    edges += [(n_fn + i, f) for i, f in lists["input", "function"]]
    edges += [(f, n_fn + n_in + o) for f, o in lists["function", "output"]]
    return edges + [(f, f) for f in range(n_fn) if ctor.get("add_function_self_edges", True)]


def channel_owners(ctor: dict, n_fn: int) -> list[int]:
    """The function of each channel."""
    given = ctor["channels"]
    counts = [given] * n_fn if isinstance(given, int) else given[:n_fn]
    return [f for f in range(n_fn) for _ in range(counts[f])]


def _state(
    draw: torch.Generator,
    ctor: dict,
    lists: dict[tuple[str, str], Pairs],
    sizes: Sequence[int],
    *,
    pruned: float,
    weighted: bool,
) -> dict[str, Tensor]:
    n_in, n_fn, _ = sizes
    n = sum(sizes)
    edges = edge_list(lists, sizes, ctor)
    among = torch.tensor([s < n_fn and t < n_fn for s, t in edges])
    entering = torch.tensor([s >= n_fn for s, _ in edges])
    state = {
        "output_node_mask": torch.tensor([v >= n_in + n_fn for v in range(n)]),
        "input_node_mask": torch.tensor([n_fn <= v < n_in + n_fn for v in range(n)]),
        "edge_index": torch.tensor(edges).T.contiguous(),
        "function_edge_mask": among,
        "input_edge_mask": entering,
        "output_edge_mask": ~(among | entering),
    }
    owners = channel_owners(ctor, n_fn)
    shared: dict[str, Tensor] = {}
    for layer in range(ctor["layers"]):
        if not shared or not ctor.get("share_layers", True):
            shared = _linear_maps(draw, ctor, edges, owners, pruned)
        block = {
            "residual_weight": 0.5 + torch.rand((), generator=draw),
            "channel_groups": torch.tensor(owners),
            **_attention(draw, ctor, edges, owners, weighted),
            **_edge_norm(draw, ctor, len(edges)),
            **shared,
            **_norm(draw, ctor, owners),
            **_perceptron(draw, ctor, owners),
        }
        state |= {f"ResBlocks.{layer}.{name}": tensor for name, tensor in block.items()}
    return state


def _linear_maps(
    draw: torch.Generator, ctor: dict, edges: Pairs, owners: list[int], pruned: float
) -> dict[str, Tensor]:
    into = [(e, k) for e, (_, t) in enumerate(edges) for k, owner in enumerate(owners) if owner == t]
    out = [(k, e) for k, owner in enumerate(owners) for e, (s, _) in enumerate(edges) if s == owner]
    found = {}
    for name, entries, size in (("lin_in", into, len(owners)), ("lin_out", out, len(edges))):
        kept = torch.rand(len(entries), generator=draw) >= pruned
        indices = torch.tensor(entries).T[:, kept]
        values = _normal(draw, indices.shape[1])
        found[f"{name}.values"] = values[:, None] if ctor.get("init") == "zeros" else values
        if ctor.get("bias", True):
            found[f"{name}.bias"] = _normal(draw, size, 1)
        found[f"{name}.indices"] = indices.contiguous()
    return found


def _norm(draw: torch.Generator, ctor: dict, owners: list[int]) -> dict[str, Tensor]:
    name, groups = ctor.get("norm", "layer"), max(owners) + 1
    owner = {"channel_groups": torch.tensor(owners)}
    counted = {**owner, "n_channels": torch.tensor([owners.count(g) for g in range(groups)])}
    gain = {"gamma": _normal(draw, groups) + 1}
    affine = {**gain, "beta": _normal(draw, groups)}
    tensors = {
        "layer": {**affine, **counted},
        "rms": {**gain, **counted},
        "softmax": counted,
        "batch": _batch(draw, len(owners)),
        "batch++": _batch(draw, len(owners)),
        "groupbatch": {**affine, **owner, **_running(draw, groups)},
        "ema": {**affine, **owner, **_running(draw, groups)},
        "channelema": _channel_ema(draw, len(owners)),
    }.get(name, {})
    return {f"norm.{key}": tensor for key, tensor in tensors.items()}


def _edge_norm(draw: torch.Generator, ctor: dict, n_edges: int) -> dict[str, Tensor]:
    name = ctor.get("norm", "layer")
    found = _batch(draw, n_edges) if name in ("batch++", "edgebatch") else {}
    found = _channel_ema(draw, n_edges) if name == "channelema" else found
    return {f"_edge_norm.{key}": tensor for key, tensor in found.items()}


def _attention(
    draw: torch.Generator, ctor: dict, edges: Pairs, owners: list[int], weighted: bool
) -> dict[str, Tensor]:
    if not ctor.get("node_attn", False):
        return {}
    width, hidden = owners.count(0), HIDDEN["attn_mlp_hidden"]
    passing = {
        "signed_message_passing.edge_index": torch.tensor(edges).T.contiguous(),
        "signed_message_passing.edge_weight": _normal(draw, len(edges)),
    }
    found = {
        "channel_groups": torch.tensor(owners),
        **(passing if weighted else {}),
        **_linear(draw, "mlp.0", width, hidden),
        **_gain(draw, "mlp.2", hidden),
        **_linear(draw, "mlp.3", hidden, 1),
    }
    return {f"node_attn.{key}": tensor for key, tensor in found.items()}


def _perceptron(draw: torch.Generator, ctor: dict, owners: list[int]) -> dict[str, Tensor]:
    if not ctor.get("node_mlp", True):
        return {}
    width, hidden = owners.count(0), HIDDEN["node_mlp_hidden"]
    return {
        **_linear(draw, "mlp.mlp.0", width, hidden),
        **_gain(draw, "mlp.mlp.1", hidden),
        **_linear(draw, "mlp.mlp.4", hidden, width),
    }


def _linear(draw: torch.Generator, name: str, width: int, out: int) -> dict[str, Tensor]:
    return {f"{name}.weight": _normal(draw, out, width), f"{name}.bias": _normal(draw, out)}


def _gain(draw: torch.Generator, name: str, size: int) -> dict[str, Tensor]:
    return {f"{name}.weight": _normal(draw, size) + 1, f"{name}.bias": _normal(draw, size)}


def _batch(draw: torch.Generator, size: int) -> dict[str, Tensor]:
    return {"weight": _normal(draw, size) + 1, "bias": _normal(draw, size), **_running(draw, size)}


def _channel_ema(draw: torch.Generator, size: int) -> dict[str, Tensor]:
    return {"gamma": _normal(draw, size) + 1, "beta": _normal(draw, size), **_running(draw, size)}


def _running(draw: torch.Generator, size: int) -> dict[str, Tensor]:
    return {
        "running_mean": _normal(draw, size),
        "running_var": _normal(draw, size).square() + 0.5,
        "num_batches_tracked": torch.tensor(7),
    }


def _normal(draw: torch.Generator, *shape: int) -> Tensor:
    return 0.5 * torch.randn(shape, generator=draw)
