"""Attention of a transformer read as maps over its patches.

Weights are [..., heads, tokens, tokens]: a row is the token that attends and sums to 1; a column is the token attended
to. The first `prefix` tokens are no patches: a class token first, where there is one, then registers.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def class_attention(
    weights: Float[Tensor, "*stack tokens tokens"], *, prefix: int
) -> Float[Tensor, "*stack patches"]:
    """What the class token gives to each patch; their sum is 1 less what the prefix gets."""
    return weights[..., 0, prefix:]


def received_attention(
    weights: Float[Tensor, "*stack tokens tokens"], *, prefix: int
) -> Float[Tensor, "*stack patches"]:
    """What each patch gets, the mean over all tokens that attend; 1 / tokens where all get alike."""
    return weights.mean(-2)[..., prefix:]


def given_to_patches(
    weights: Float[Tensor, "*stack tokens tokens"], *, prefix: int
) -> Float[Tensor, "*stack patches"]:
    """What each patch gives to the patches, the mean over these.

    Rows sum to 1, so this is (1 - what it gives to the prefix) / patches: nearly constant, and no map of what is
    looked at, though tools for signals have drawn it as one.
    """
    return weights[..., prefix:, prefix:].mean(-1)


def rollout(
    weights: Float[Tensor, "layers *stack heads tokens tokens"],
) -> Float[Tensor, "*stack tokens tokens"]:
    """The product of all layers, the last one leftmost: from which input tokens each output token was mixed.

    Heads are averaged, and half of each layer is the token itself, for the skip connection. Rows sum to 1.

    Source: Abnar and Zuidema 2020, arXiv:2005.00928.
    """
    identity = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    mixed = identity.expand(*weights.shape[1:-3], *identity.shape)
    for layer in weights.mean(-3):
        with_skip = layer + identity
        mixed = with_skip / with_skip.sum(-1, keepdim=True) @ mixed
    return mixed


def rollout_to_patches(
    weights: Float[Tensor, "layers *stack heads tokens tokens"], *, prefix: int, class_token: bool
) -> Float[Tensor, "*stack patches"]:
    """The row of the class token, patches alone; without a class token the mean of the patches' rows."""
    rows = rollout(weights)
    return (rows[..., 0, :] if class_token else rows[..., prefix:, :].mean(-2))[..., prefix:]


def attention_entropy(weights: Float[Tensor, "*stack tokens tokens"]) -> Float[Tensor, "*stack"]:
    """The entropy of what a token gives, over that of equal shares: 0 one token, 1 all alike; the mean over tokens."""
    surprise = torch.special.entr(weights).sum(-1).mean(-1)
    return surprise / math.log(max(weights.shape[-1], 2))
