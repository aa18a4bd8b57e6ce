"""Vision transformers and ResNets as their papers write them, in float64, by timm's and torchvision's names.

No code of the package is used: einsum and loops where the package calls layers.
"""

import math

import torch
from torch import Tensor

State = dict[str, Tensor]


def vit_tokens(state: State, x: Tensor, *, heads: int, depth: int, eps: float = 1e-6) -> list[Tensor]:
    """The tokens before the first block and after every block; the positions are those of all tokens."""
    state = {name: tensor.double() for name, tensor in state.items()}
    kernel = state["patch_embed.proj.weight"]
    rows, columns = kernel.shape[2:]
    patches = (
        x.double().unfold(2, rows, rows).unfold(3, columns, columns)
    )  # (n, channels, gh, gw, rows, columns)
    embedded = torch.einsum("ncghrs,dcrs->nghd", patches, kernel) + state["patch_embed.proj.bias"]
    tokens = [state[name].expand(len(x), -1, -1) for name in ("cls_token", "reg_token") if name in state]
    tokens = torch.cat([*tokens, embedded.flatten(1, 2)], 1)
    n_without = tokens.shape[1] - state["pos_embed"].shape[1]
    position = torch.cat([state["pos_embed"][:, :1], tokens.new_zeros(1, n_without, tokens.shape[2])], 1)
    states = [tokens + torch.cat([position, state["pos_embed"][:, 1:]], 1)]
    for i in range(depth):
        own = {
            name.removeprefix(f"blocks.{i}."): tensor
            for name, tensor in state.items()
            if f"blocks.{i}." in name
        }
        states.append(_block(own, states[-1], heads, eps))
    return states


def vit_attention(state: State, tokens: Tensor, i: int, *, heads: int, eps: float = 1e-6) -> Tensor:
    """softmax(q k' / sqrt(d)) of block i for the tokens that enter it."""
    own = {n.removeprefix(f"blocks.{i}."): t.double() for n, t in state.items() if f"blocks.{i}." in n}
    return _weights(*_projected(own, normalised(own, "norm1", tokens, eps), heads)[:2])


def normalised(state: State, name: str, x: Tensor, eps: float = 1e-6) -> Tensor:
    """A layer norm."""
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return scaled * state[f"{name}.weight"].double() + state[f"{name}.bias"].double()


def _block(own: State, x: Tensor, heads: int, eps: float) -> Tensor:
    queries, keys, values = _projected(own, normalised(own, "norm1", x, eps), heads)
    read = torch.einsum("nhqk,nhkd->nqhd", _weights(queries, keys), values).flatten(2)
    x = x + own.get("ls1.gamma", 1) * _linear(own, "attn.proj", read)
    inner = _linear(own, "mlp.fc1", normalised(own, "norm2", x, eps))
    if inner.shape[-1] == own["mlp.fc2.weight"].shape[1]:
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    else:
        gate, value = inner.split(inner.shape[-1] // 2, -1)
        inner = gate * torch.sigmoid(gate) * value
    return x + own.get("ls2.gamma", 1) * _linear(own, "mlp.fc2", inner)


def _projected(own: State, x: Tensor, heads: int) -> tuple[Tensor, ...]:
    thirds = _linear(own, "attn.qkv", x).split(x.shape[-1], -1)
    return tuple(third.unflatten(-1, (heads, -1)).transpose(1, 2) for third in thirds)


def _weights(queries: Tensor, keys: Tensor) -> Tensor:
    scores = torch.einsum("nhqd,nhkd->nhqk", queries, keys) / math.sqrt(queries.shape[-1])
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


def _linear(own: State, name: str, x: Tensor) -> Tensor:
    bias = own.get(f"{name}.bias", torch.zeros(1))
    return torch.einsum("nti,oi->nto", x, own[f"{name}.weight"]) + bias


def resnet_maps(state: State, x: Tensor) -> Tensor:
    """The maps after the last block of a ResNet whose first convolution has a kernel of 7."""
    state = {name: tensor.double() for name, tensor in state.items()}
    x = _normed(state, "bn1", _convolved(state, "conv1", x.double(), 2)).clamp(min=0)
    x = torch.nn.functional.pad(x, (1, 1, 1, 1), value=-math.inf)
    x = x.unfold(2, 3, 2).unfold(3, 3, 2).amax((-2, -1))
    places = sorted({tuple(name.split(".")[:2]) for name in state if name.startswith("layer")})
    for stage, block in sorted(places, key=lambda place: (place[0], int(place[1]))):
        strides = block == "0" and stage != "layer1"
        x = _residual(state, f"{stage}.{block}", x, 2 if strides else 1)
    return x


def _residual(state: State, place: str, x: Tensor, stride: int) -> Tensor:
    inner, names = x, [i for i in (1, 2, 3) if f"{place}.conv{i}.weight" in state]
    for i in names:
        own = stride if i == len(names) - 1 else 1  # the 3 x 3 strides: the first of two, the second of three
        inner = _normed(state, f"{place}.bn{i}", _convolved(state, f"{place}.conv{i}", inner, own))
        inner = inner.clamp(min=0) if i < len(names) else inner
    if f"{place}.downsample.0.weight" in state:
        x = _normed(state, f"{place}.downsample.1", _convolved(state, f"{place}.downsample.0", x, stride))
    return (inner + x).clamp(min=0)


def _convolved(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    kernel = state[f"{name}.weight"]
    rows, columns = kernel.shape[2:]
    padded = torch.nn.functional.pad(x, (columns // 2, columns // 2, rows // 2, rows // 2))
    windows = padded.unfold(2, rows, stride).unfold(3, columns, stride)
    groups = x.shape[1] // kernel.shape[1]
    return torch.cat(
        [
            torch.einsum("ncyxrs,ocrs->noyx", own, filters)
            for own, filters in zip(windows.chunk(groups, 1), kernel.chunk(groups), strict=True)
        ],
        1,
    )


def _normed(state: State, name: str, x: Tensor) -> Tensor:
    columns = {word: state[f"{name}.{word}"].view(1, -1, 1, 1) for word in ("weight", "bias")}
    mean, variance = (state[f"{name}.running_{word}"].view(1, -1, 1, 1) for word in ("mean", "var"))
    return (x - mean) / (variance + 1e-5).sqrt() * columns["weight"] + columns["bias"]
