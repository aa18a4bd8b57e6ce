"""Embeddings: the published ones, and what stands beside each row."""

import numpy as np
import pytest
import torch
from artifacts.tiny import Echo, TinyData, TinySamples, feature_split, random_split
from families.autoencoders import random_subject
from families.checkpoints import random_gat, reference_student
from families.graphs import REFERENCE, reference_graphs
from families.vision.examples import batch, hparams, vit_state
from families.vision.samples import ImageSamples

from assay.artifacts.embeddings import compute
from assay.catalog import ARTIFACTS
from assay.errors import AssayError
from assay.families import gat, vit

OPTIONS = {"splits": (), "max_samples": 2000, "batch_size": 16, "latent": "mean", "seed": 42}
OPTIONS |= {"pooling": "auto", "layer": "auto"}


def test_embeddings_and_labels_are_the_published_ones():
    published = np.load(REFERENCE / "embeddings_gat_student.npz")
    data = TinyData({"val": TinySamples("val", np.arange(40), reference_graphs())})
    result = compute(gat.load(*reference_student()), data, **OPTIONS)
    np.testing.assert_allclose(result.embeddings, published["embeddings"], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(result.labels, published["labels"])


def test_the_batch_size_changes_nothing_but_rounding():
    data, subject = TinyData({"val": random_split("val", 11)}), random_gat(seed=0)
    one, all_ = (compute(subject, data, **OPTIONS | {"batch_size": size}) for size in (1, 100))
    np.testing.assert_allclose(one.embeddings, all_.embeddings, rtol=1e-4, atol=1e-6)


@pytest.fixture
def two_splits():
    return TinyData({"val": feature_split("val", [[0], [1], [2]]), "test": feature_split("test", [[3], [4]])})


def test_no_named_split_means_all_of_them_one_after_the_other(two_splits):
    result = compute(Echo(), two_splits, **OPTIONS)
    assert result.embeddings[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert result.split.tolist() == ["val"] * 3 + ["test"] * 2
    assert result.sample.tolist() == [0, 1, 2, 0, 1]
    assert (result.family, result.data) == ("echo", "tiny")


def test_a_named_split_comes_alone_and_once(two_splits):
    result = compute(Echo(), two_splits, **OPTIONS | {"splits": ("test", "test")})
    assert result.split.tolist() == ["test"] * 2


def test_an_unknown_split_is_refused_with_those_that_exist(two_splits):
    with pytest.raises(AssayError, match=r"no split 'tset'; they have val, test"):
        compute(Echo(), two_splits, **OPTIONS | {"splits": ("val", "tset")})


def test_the_rows_of_a_draw_say_which_samples_they_are():
    data = TinyData({"val": feature_split("val", [[i] for i in range(50)])})
    result = compute(Echo(), data, **OPTIONS | {"max_samples": 7})
    assert len(result.sample) == 7
    assert result.embeddings[:, 0].tolist() == result.sample.tolist()


def test_what_no_split_knows_is_none_and_what_one_knows_is_filled_for_the_other():
    known = {"attack_type": np.array([2, 0]), "record_id": np.array(["a:0", "a:100"])}
    whole = {"val": feature_split("val", [[0], [1]], **known), "test": feature_split("test", [[2]])}
    result = compute(Echo(), TinyData(whole), **OPTIONS)
    assert result.attack_type.tolist() == [2, 0, -1]
    assert result.attack_name.tolist() == ["fuzzing", "benign", ""]
    assert result.record_id.tolist() == ["a:0", "a:100", ""]
    alone = compute(Echo(), TinyData(whole), **OPTIONS | {"splits": ("test",)})
    assert alone.attack_type is None
    assert alone.attack_name is None
    assert alone.record_id is None


def test_an_attack_that_the_data_do_not_name_is_its_code():
    data = TinyData({"val": feature_split("val", [[0], [1]], attack_type=np.array([17, 1]))})
    assert compute(Echo(), data, **OPTIONS).attack_name.tolist() == ["17", "dos"]


def test_an_embedding_that_is_not_finite_is_refused():
    data = TinyData({"val": feature_split("val", [[0.0], [np.inf], [np.nan]])})
    with pytest.raises(AssayError, match="2 of 3 samples give values that are not finite"):
        compute(Echo(), data, **OPTIONS)


def test_data_without_a_sample_are_refused():
    data = TinyData({"val": TinySamples("val", np.arange(0), [])})
    with pytest.raises(AssayError, match="embeddings: there is no sample"):
        compute(Echo(), data, **OPTIONS)


def test_a_sample_of_the_latent_follows_the_seed_and_not_the_batches():
    noisy = Echo()
    noisy.noise_width = 5
    data = TinyData({"val": feature_split("val", torch.zeros(40, 5))})
    drawn = OPTIONS | {"latent": "sample"}
    one, all_ = (compute(noisy, data, **drawn | {"batch_size": size}).embeddings for size in (1, 100))
    np.testing.assert_array_equal(one, all_)
    assert abs(one.std() - 1) < 0.15
    assert not np.array_equal(one, compute(noisy, data, **drawn | {"seed": 7}).embeddings)
    assert not compute(noisy, data, **OPTIONS).embeddings.any()


def test_by_default_an_embedding_of_a_vgae_is_the_same_at_every_call_and_seed():
    options = {name: option.default for name, option in ARTIFACTS["embeddings"].options.items()}
    data, subject = TinyData({"val": random_split("val", 20)}), random_subject("vgae", seed=3)
    first = compute(subject, data, **options).embeddings
    for seed in (42, 42, 7):
        np.testing.assert_array_equal(compute(subject, data, **options | {"seed": seed}).embeddings, first)
    means = [subject.network.encode(graph, None).mu.mean(0) for graph in data.whole["val"].graphs]
    np.testing.assert_allclose(first, torch.stack(means).numpy(), rtol=1e-4, atol=1e-6)


def test_a_family_that_is_not_random_has_no_sample():
    with pytest.raises(
        AssayError, match="latent: sample is for embeddings that are random; those of echo are not"
    ):
        compute(Echo(), TinyData({"val": random_split("val", 3)}), **OPTIONS | {"latent": "sample"})


@pytest.mark.parametrize("chosen", [{"pooling": "cls"}, {"layer": "blocks.0"}])
def test_a_family_of_one_embedding_alone_refuses_to_pool_it_otherwise(chosen):
    with pytest.raises(AssayError, match=r"family echo has one embedding alone\. Allowed: auto for both"):
        compute(Echo(), TinyData({"val": random_split("val", 3)}), **OPTIONS | chosen)


def test_the_pooling_and_the_layer_of_a_network_of_images_are_those_that_are_asked_for():
    data = TinyData({"val": ImageSamples("val", batch(5).x, np.arange(5) % 4)})
    subject, images = vit.load(vit_state(), hparams(num_heads=2)), batch(5)
    for pooling, layer in (
        ("auto", "auto"),
        ("mean", "auto"),
        ("cls", "blocks.0"),
        ("gap", "blocks.1.norm1"),
    ):
        found = compute(subject, data, **OPTIONS | {"pooling": pooling, "layer": layer}).embeddings
        expected = subject.pooled(pooling=pooling, layer=layer).embed(images)
        np.testing.assert_array_equal(found, expected.numpy())
