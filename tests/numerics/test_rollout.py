"""Attention as maps: limits of equal and of single shares, then products written out in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.numerics.rollout import (
    attention_entropy,
    class_attention,
    given_to_patches,
    received_attention,
    rollout,
    rollout_to_patches,
)

LAYERS, RECORDS, HEADS = 3, 2, 4


def random_attention(seed: int, tokens: int = 7, *, sharpness: float = 2.0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(LAYERS, RECORDS, HEADS, tokens, tokens, generator=draw, dtype=torch.float64)
    return (sharpness * scores).softmax(-1)


def equal_shares(tokens: int) -> torch.Tensor:
    return torch.full((LAYERS, RECORDS, HEADS, tokens, tokens), 1 / tokens, dtype=torch.float64)


@given(seed=st.integers(0, 10**6))
def test_rollout_is_the_product_with_the_last_layer_leftmost(seed):
    weights = random_attention(seed)
    for record in range(RECORDS):
        expected = np.eye(7)
        for layer in weights[:, record].numpy():
            mixed = 0.5 * layer.mean(0) + 0.5 * np.eye(7)
            expected = mixed @ expected
        np.testing.assert_allclose(rollout(weights)[record], expected, rtol=0, atol=1e-12)


def test_rows_of_a_rollout_sum_to_one():
    rows = rollout(random_attention(1)).sum(-1)
    torch.testing.assert_close(rows, torch.ones_like(rows))


def test_tokens_that_attend_to_themselves_alone_roll_out_to_themselves():
    itself = torch.eye(6, dtype=torch.float64).expand(LAYERS, RECORDS, HEADS, 6, 6)
    torch.testing.assert_close(rollout(itself), itself[0, :, 0])


def test_a_rollout_of_equal_shares_is_half_of_a_token_itself_in_each_layer():
    mixed = rollout(equal_shares(5))
    own = 0.5**LAYERS
    expected = own * torch.eye(5, dtype=torch.float64) + (1 - own) / 5
    torch.testing.assert_close(mixed, expected.expand(RECORDS, 5, 5))


def test_the_rollout_of_a_class_token_is_its_row_without_the_prefix():
    weights = random_attention(2)
    torch.testing.assert_close(
        rollout_to_patches(weights, prefix=3, class_token=True), rollout(weights)[:, 0, 3:]
    )


@pytest.mark.parametrize("registers", [0, 2])
def test_without_a_class_token_the_rollout_is_the_mean_of_the_patches_rows(registers):
    weights = random_attention(3)
    patches = rollout(weights)[:, registers:, registers:]
    got = rollout_to_patches(weights, prefix=registers, class_token=False)
    torch.testing.assert_close(got, patches.mean(1))


@pytest.mark.parametrize("prefix", [1, 4])
def test_class_attention_is_the_first_row_and_registers_are_no_patches(prefix):
    weights = random_attention(4)
    patches = class_attention(weights, prefix=prefix)
    assert patches.shape == (LAYERS, RECORDS, HEADS, 7 - prefix)
    torch.testing.assert_close(patches[1, 0, 2], weights[1, 0, 2, 0, prefix:])


def test_received_attention_is_the_mean_over_those_that_attend():
    weights = random_attention(5)
    got = received_attention(weights, prefix=2)
    torch.testing.assert_close(got[2, 1, 3, 0], weights[2, 1, 3, :, 2].mean())
    everything = received_attention(weights, prefix=0).sum(-1)
    torch.testing.assert_close(everything, torch.ones_like(everything))


@given(seed=st.integers(0, 10**6))
def test_what_patches_give_says_only_what_they_give_to_the_class_token(seed):
    weights = random_attention(seed)
    expected = (1 - weights[..., 1:, 0]) / 6
    torch.testing.assert_close(given_to_patches(weights, prefix=1), expected)


def test_a_patch_that_all_look_at_stands_out_in_what_is_received_and_not_in_what_is_given():
    weights = torch.full((1, 1, 1, 5, 5), 0.02, dtype=torch.float64)
    weights[..., 3] = 0.92
    assert received_attention(weights, prefix=1).argmax() == 2
    assert given_to_patches(weights, prefix=1).unique().numel() == 1


def test_entropy_is_one_for_equal_shares_and_zero_for_one_token():
    one = torch.eye(6, dtype=torch.float64).roll(1, 0).expand(LAYERS, RECORDS, HEADS, 6, 6)
    torch.testing.assert_close(attention_entropy(equal_shares(6)), torch.ones(3, 2, 4, dtype=torch.float64))
    assert not attention_entropy(one).any()


def test_entropy_is_the_mean_over_tokens_of_that_of_their_rows():
    weights = random_attention(6)
    rows = weights[0, 1, 2].numpy()
    expected = -(rows * np.log(rows)).sum(1).mean() / np.log(7)
    assert float(attention_entropy(weights)[0, 1, 2]) == pytest.approx(expected, abs=1e-12)


def test_float32_is_float64_to_rounding():
    weights = random_attention(7, tokens=50)
    torch.testing.assert_close(rollout(weights.float()).double(), rollout(weights), rtol=0, atol=1e-6)
