"""What a network sees of a node: the rows of its identity, then its features."""

from dataclasses import replace

import pytest
import torch
from families.graphs import random_graph
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import AssayError, Refused, ResultWarning
from assay.families.hyperparameters import HyperParameters
from assay.families.input_encoder import (
    HASH,
    LOOKUP,
    HashIdEncoder,
    InputEncoder,
    InputSettings,
    fitting_batch,
    input_settings,
)

SIZES = {"num_ids": 7, "in_channels": 5}
PLAIN = InputSettings(num_ids=7, n_rows=7, embedding_dim=2, in_channels=5)


def settings(*, mask_ids: int = 0, **values) -> InputSettings:
    values = HyperParameters({**SIZES, **values})
    found = input_settings(values, embedding_dim=16, mask_ids=mask_ids)
    values.refuse_problems()
    return found


def hashing(**kwargs) -> InputSettings:
    return settings(id_encoder_class_path=HASH, id_encoder_kwargs=kwargs)


def test_a_table_has_a_row_an_identity_and_those_that_the_network_adds():
    assert settings() == replace(PLAIN, embedding_dim=16, hash_seed=0)
    assert settings(mask_ids=1).n_rows == 8
    assert settings(mask_ids=1).num_ids == 7


@pytest.mark.parametrize(
    ("num_ids", "kwargs", "n_rows"),
    [
        (1, {}, 8),
        (2, {}, 8),
        (3, {}, 16),
        (4, {}, 16),
        (2048, {}, 8192),
        (2049, {}, 16384),
        (100, {"num_buckets_factor": 1}, 128),
        (100, {"num_buckets": 33}, 33),
        (100, {"num_buckets": 0}, 512),
    ],
)
def test_hashes_share_a_table_of_the_next_power_of_two(num_ids, kwargs, n_rows):
    found = settings(num_ids=num_ids, id_encoder_class_path=HASH, id_encoder_kwargs=kwargs)
    assert found.n_rows == n_rows


def test_a_mask_counts_among_the_identities_that_are_hashed():
    assert settings(num_ids=8, id_encoder_class_path=HASH).n_rows == 32
    assert settings(num_ids=8, id_encoder_class_path=HASH, mask_ids=1).n_rows == 64


def test_the_offsets_of_the_hashes_are_the_published_ones():
    offsets = HashIdEncoder(hashing(k=3, seed=5)).state_dict()["_hash_offsets"]
    assert offsets.tolist() == [5, 5 + 2**30, 5 + 2**31]
    assert HashIdEncoder(hashing()).state_dict()["_hash_offsets"].tolist() == [42, 42 + 2**30]


@given(
    identity=st.integers(0, 2**29),
    n_rows=st.integers(1, 200),
    offsets=st.lists(st.integers(-(2**40), 2**40), min_size=2, max_size=2),
)
def test_an_identity_is_the_sum_of_the_rows_of_its_hashes(identity, n_rows, offsets):
    encoder = HashIdEncoder(InputSettings(9, n_rows, 2, 5, n_hashes=2))
    encoder.load_state_dict({**encoder.state_dict(), "_hash_offsets": torch.tensor(offsets)})
    table = encoder.embedding.weight
    expected = sum(table[(identity * 2654435761 + offset) % n_rows] for offset in offsets)
    torch.testing.assert_close(encoder(torch.tensor([identity]))[0], expected)


def test_the_identity_stands_before_the_features():
    encoder, graph = InputEncoder(PLAIN), random_graph(0)
    out = encoder(graph.x, graph.node_id)
    assert torch.equal(out[:, :2], encoder.id_encoder.embedding.weight[graph.node_id])
    assert torch.equal(out[:, 2:], graph.x)
    assert out.shape[1] == PLAIN.width


def test_projected_features_take_the_place_of_the_features():
    projecting = replace(PLAIN, proj_dim=3)
    encoder, graph = InputEncoder(projecting), random_graph(0)
    out = encoder(graph.x, graph.node_id)
    torch.testing.assert_close(out[:, 2:], graph.x @ encoder.feat_proj.weight.T + encoder.feat_proj.bias)
    assert out.shape[1] == projecting.width == 5


def test_the_names_and_their_order_are_the_published_ones():
    both = InputEncoder(InputSettings(9, 16, 2, 5, proj_dim=3, n_hashes=2))
    assert list(both.state_dict()) == [
        "id_encoder._hash_offsets",
        "id_encoder.embedding.weight",
        "feat_proj.weight",
        "feat_proj.bias",
    ]
    assert list(InputEncoder(PLAIN).state_dict()) == ["id_encoder.embedding.weight"]


def test_an_identity_beyond_the_table_counts_as_unknown_and_is_told():
    graph = replace(random_graph(0), node_id=torch.arange(len(random_graph(0).x)) - 1)
    with pytest.warns(ResultWarning, match=r"an identity outside 0\.\.2, the checkpoint's own"):
        found = fitting_batch(graph, replace(PLAIN, num_ids=3, n_rows=3), edge_dim=3)
    expected = [identity if 0 <= identity < 3 else 0 for identity in graph.node_id.tolist()]
    assert found.node_id.tolist() == expected


def test_the_row_of_a_mask_is_no_identity_of_the_data():
    graph = replace(random_graph(0), node_id=torch.full((len(random_graph(0).x),), 7))
    with pytest.warns(ResultWarning, match="outside"):
        assert fitting_batch(graph, replace(PLAIN, n_rows=8), edge_dim=None).node_id.eq(0).all()


def test_hashes_leave_every_identity_as_it_is():
    graph = replace(random_graph(0), node_id=torch.full((len(random_graph(0).x),), 10**9))
    assert fitting_batch(graph, replace(PLAIN, n_hashes=2), edge_dim=3) is graph


def test_data_of_another_width_are_told_both():
    with pytest.raises(AssayError, match=r"4 node features, the checkpoint takes 5 .*in_channels"):
        fitting_batch(random_graph(0, features=4), PLAIN, edge_dim=3)
    with pytest.raises(AssayError, match=r"3 edge features, the checkpoint takes 11 .*edge_dim"):
        fitting_batch(random_graph(0), PLAIN, edge_dim=11)
    assert fitting_batch(random_graph(0), PLAIN, edge_dim=None).edge_attr.shape[1] == 3


HOSTILE = [
    ({"k": 0}, "id_encoder_kwargs.k is 0 (int); allowed: an integer from 1 to 64"),
    ({"k": 10**9}, "id_encoder_kwargs.k is 1000000000 (int); allowed"),
    ({"seed": 2**70}, "id_encoder_kwargs.seed is an integer of 71 bits; allowed"),
    ({"num_buckets": -1}, "id_encoder_kwargs.num_buckets is -1 (int); allowed"),
    ({"num_buckets_factor": 0.5}, "id_encoder_kwargs.num_buckets_factor is 0.5 (float); allowed"),
    ([2], "id_encoder_kwargs is a list; allowed: None or a mapping"),
]


@pytest.mark.parametrize(("kwargs", "expected"), HOSTILE, ids=[text[:40] for _, text in HOSTILE])
def test_hostile_arguments_of_a_hash_are_refused(kwargs, expected):
    with pytest.raises(Refused) as caught:
        settings(id_encoder_class_path=HASH, id_encoder_kwargs=kwargs)
    assert f"hyper_parameters.{expected}" in str(caught.value)


def test_the_arguments_of_a_table_act_only_while_training():
    assert settings(id_encoder_kwargs={"p_unk_drop": 0.1}) == settings()


def test_an_encoder_of_other_code_is_refused_with_those_there_are():
    with pytest.raises(Refused, match=f"'mine.Encoder'; allowed: one of {LOOKUP}, {HASH}"):
        settings(id_encoder_class_path="mine.Encoder")


def test_an_encoder_that_is_an_object_is_refused():
    with pytest.raises(Refused, match="id_encoder_cfg, an object of the code that trained the checkpoint"):
        settings(id_encoder_cfg={"k": 2})
