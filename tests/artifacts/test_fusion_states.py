"""Fusion states: what two experts say of every sample, in the published columns."""

import numpy as np
import pytest
import torch
from artifacts.tiny import TinyData, TinySamples, random_split
from families.autoencoders import random_subject
from families.checkpoints import random_gat
from families.fusion.examples import random_policy

from assay.artifacts.fusion_states import compute
from assay.errors import AssayError
from assay.families.fusion import FusionSubject
from assay.numerics.fusion_states import BLOCKS

OPTIONS = {"splits": (), "batch_size": 8, "compat": "none", "seed": 42}


@pytest.fixture(scope="module")
def experts():
    return FusionSubject(random_policy("dqn")), random_subject("vgae", seed=3), random_gat(seed=4)


def two_splits() -> TinyData:
    known = random_split("test", 5, seed=1, attack_type=np.full(5, 2), time=np.arange(5.0))
    return TinyData({"val": random_split("val", 20), "test": known})


def test_every_block_is_what_its_expert_says(experts):
    policy, vgae, gat = experts
    data = two_splits()
    found = compute(policy, vgae, gat, data, **OPTIONS)
    rows = torch.from_numpy(found.features[found.split == "val"])
    samples = data.whole["val"]
    said = {
        "vgae": vgae.anomaly_features(samples, batch_size=8, seed=42),
        "gat": gat.class_features(samples, batch_size=8),
    }
    for block in BLOCKS:
        assert torch.equal(rows[:, block.columns], said[block.model][block.name]), block.name


def test_rows_say_which_samples_they_are_and_what_is_known_of_them(experts):
    found = compute(*experts, two_splits(), **OPTIONS)
    assert found.split.tolist() == ["val"] * 20 + ["test"] * 5
    assert found.sample.tolist() == [*range(20), *range(5)]
    assert found.attack_type.tolist() == [-1] * 20 + [2] * 5
    assert found.record_id is None
    assert np.isnan(found.time[:20]).all() and found.time[20:].tolist() == [0, 1, 2, 3, 4]
    assert (found.policy, found.vgae_family, found.gat_family) == ("dqn", "vgae", "gat")


def test_batches_change_rounding_only_and_the_seed_what_is_random(experts):
    whole = compute(*experts, two_splits(), **OPTIONS).features
    np.testing.assert_allclose(
        compute(*experts, two_splits(), **OPTIONS | {"batch_size": 3}).features, whole, rtol=1e-4, atol=1e-5
    )
    other = compute(*experts, two_splits(), **OPTIONS | {"seed": 7}).features
    random = [
        c
        for b in BLOCKS
        if b.name in ("errors", "spike", "z_stats", "affinity")
        for c in range(18)[b.columns]
    ]
    fixed = [c for b in BLOCKS if b.model == "gat" or b.name == "rq" for c in range(18)[b.columns]]
    assert not np.allclose(other[:, random], whole[:, random])
    np.testing.assert_array_equal(other[:, fixed], whole[:, fixed])


def test_the_same_request_gives_the_same_bits(experts):
    one, two = (compute(*experts, two_splits(), **OPTIONS).features for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_an_empty_split_and_an_expert_of_more_classes_are_said(experts):
    policy, vgae, _ = experts
    with pytest.raises(AssayError, match="split 'val': there is no sample"):
        compute(*experts, TinyData({"val": TinySamples("val", np.arange(0), [])}), **OPTIONS)
    with pytest.raises(
        AssayError, match="role gat: a fusion policy takes the probabilities of 2 classes, the"
    ):
        compute(policy, vgae, random_gat(seed=4, num_classes=3), two_splits(), **OPTIONS)


def test_an_expert_whose_sizes_disagree_with_the_data_is_named(experts):
    policy, vgae, gat = experts
    with pytest.raises(AssayError, match="role vgae: the data have 5 node features, the checkpoint takes 6"):
        compute(policy, random_subject("vgae", seed=3, in_channels=6), gat, two_splits(), **OPTIONS)
    with pytest.raises(AssayError, match="role gat: the data have 3 edge features, the checkpoint takes 4"):
        compute(policy, vgae, random_gat(seed=4, edge_dim=4), two_splits(), **OPTIONS)
