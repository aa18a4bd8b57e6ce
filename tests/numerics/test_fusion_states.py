"""The 18 columns: their order, their names, and what is said of blocks that are not them."""

import numpy as np
import pytest
import torch
from families.fusion.examples import REFERENCE, random_states, reference_blocks, reference_states

from assay.errors import Refused
from assay.numerics.fusion_states import BLOCKS, STATE_DIM, FusionStates, states_from_blocks


def refusal(blocks) -> str:
    with pytest.raises(Refused) as caught:
        states_from_blocks(blocks)
    return str(caught.value)


def test_the_blocks_cover_the_columns_in_the_order_of_their_sorted_names():
    assert [(block.model, block.name) for block in BLOCKS] == sorted(reference_blocks())
    assert [column for block in BLOCKS for column in range(STATE_DIM)[block.columns]] == list(range(18))
    assert all(block.columns.stop - block.columns.start == block.width for block in BLOCKS)


def test_nested_blocks_become_the_published_columns():
    flat = np.load(REFERENCE / "fusion_state.npz")["flat"]
    assert torch.equal(reference_states().features, torch.from_numpy(flat))


def test_the_order_in_which_blocks_are_given_does_not_matter():
    backwards = dict(reversed(reference_blocks().items()))
    assert torch.equal(states_from_blocks(backwards).features, reference_states().features)


@pytest.mark.parametrize("key", sorted(reference_blocks()), ids="_".join)
def test_each_block_is_found_again_under_its_name(key):
    states, expected = reference_states(), reference_blocks()[key]
    found = getattr(states, "_".join(key))
    assert torch.equal(found, expected if expected.shape[1] > 1 else expected[:, 0])
    assert torch.equal(states.block(*key), expected)


def test_clamping_brings_the_two_certainties_to_0_and_1_and_leaves_the_rest():
    states = random_states(1)
    changed = (states.clamped() != states.features).any(0)
    assert changed.nonzero().flatten().tolist() == [0, 8]
    for column in (0, 8):
        before, after = states.features[:, column], states.clamped()[:, column]
        assert torch.equal(after, before.clamp(0, 1))
        assert (before < 0).any()
        assert (before > 1).any()


def test_everything_that_is_wrong_with_the_blocks_is_named_in_one_refusal():
    blocks = reference_blocks()
    del blocks["vgae", "rq"]
    blocks["dgi", "conf"] = torch.zeros(30, 1)
    blocks["gat", "probs"] = torch.zeros(30, 3)
    blocks["vgae", "conf"] = torch.zeros(30)
    blocks["vgae", "spike"] = torch.zeros(30, 1, dtype=torch.int64)
    blocks["gat", "conf"] = torch.zeros(29, 1)
    text = refusal(blocks)
    assert "missing: vgae/rq" in text
    assert "unknown: 'dgi/conf'" in text
    assert "wrong shape: gat/probs is [30, 3], expected [n, 2]" in text
    assert "wrong shape: vgae/conf is [30], expected [n, 1]" in text
    assert "wrong type: vgae/spike is torch.int64, expected a float type" in text
    assert "numbers of samples disagree: gat/conf 29, gat/emb_stats 30" in text
    assert text.count("\n") == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_value_that_is_not_finite_as_float32_is_named_by_block_and_sample(value):
    blocks = reference_blocks()
    blocks["vgae", "errors"] = blocks["vgae", "errors"].double()
    blocks["vgae", "errors"][7, 2] = value
    assert refusal(blocks).endswith("not finite: vgae/errors, first in sample 7")


def test_other_float_types_are_cast():
    doubled = {key: tensor.double() for key, tensor in reference_blocks().items()}
    assert torch.equal(states_from_blocks(doubled).features, reference_states().features)


def test_no_sample_is_a_state_too():
    empty = {key: tensor[:0] for key, tensor in reference_blocks().items()}
    assert states_from_blocks(empty).features.shape == (0, 18)


def test_states_that_are_not_finite_cannot_be_made():
    with pytest.raises(Refused, match="not finite: gat/conf, first in sample 2"):
        FusionStates(torch.zeros(4, 18).index_fill(0, torch.tensor([2]), torch.nan))
