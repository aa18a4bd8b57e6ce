from dataclasses import replace

import numpy as np
import pytest
import torch
from demo.rings import FACTS, graphs, loaded, parameter
from scipy.special import softmax

from assay.demo.train_gat import distillation_loss, gat_hyper_parameters, trained
from assay.demo.training import checkpoint_bytes
from assay.families import gat

SHAPE = gat_hyper_parameters(FACTS, conv_type="gat", layers=2, hidden=4, heads=2, seed=1)
MORE_IDS = {**SHAPE, "num_ids": 9}


def embedding(checkpoint) -> torch.Tensor:
    return parameter(checkpoint, "input_encoder.id_encoder.embedding.weight")


def test_the_loss_falls_and_the_network_learns(tmp_path):
    result = trained(graphs(), SHAPE, epochs=10)
    assert result.losses[-1] < 0.6 * result.losses[0]
    logits = loaded(gat, result.checkpoint, tmp_path).predict(graphs().batch())
    assert (logits.argmax(1).numpy() == graphs().y).mean() > 0.85


def test_the_same_seed_gives_the_same_bytes():
    same = [checkpoint_bytes(trained(graphs(), SHAPE, epochs=2).checkpoint) for _ in range(2)]
    other = checkpoint_bytes(trained(graphs(), {**SHAPE, "seed": 2}, epochs=2).checkpoint)
    assert same[0] == same[1] != other


def test_training_leaves_the_global_generator_as_found():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    trained(graphs(32), SHAPE, epochs=1)
    assert torch.equal(torch.rand(1), expected)


def test_a_checkpoint_passes_the_border_and_its_family(tmp_path):
    subject = loaded(gat, trained(graphs(32), SHAPE, epochs=1).checkpoint, tmp_path)
    assert len(subject.layers(graphs().batch())) == 2


def test_a_gatv2_learns_and_reads_edge_features(tmp_path):
    result = trained(graphs(), {**SHAPE, "conv_type": "gatv2"}, epochs=10)
    assert result.losses[-1] < 0.6 * result.losses[0]
    subject, batch = loaded(gat, result.checkpoint, tmp_path), graphs().batch()
    other = replace(batch, edge_attr=batch.edge_attr + 1)
    assert (subject.predict(batch) - subject.predict(other)).abs().max() > 0.01


def test_rare_identities_share_the_vector_of_the_unknown_one():
    split = graphs()
    split.node_id[5:24:6] = 6  # in four graphs
    split.node_id[29:54:6] = 7  # in five
    vectors = embedding(trained(split, MORE_IDS, epochs=1).checkpoint)
    assert [torch.equal(vectors[0], vector) for vector in vectors[1:]] == [*5 * [False], True, False, True]


def test_the_unknown_identity_learns_from_rare_ones():
    without, rare = graphs(), graphs()
    without.node_id[::6] = 8  # so that no graph has the unknown one
    rare.node_id[::6] = 8
    rare.node_id[5:24:6] = 6
    vectors = [embedding(trained(split, MORE_IDS, epochs=1).checkpoint)[0] for split in (without, rare)]
    assert (vectors[1] - vectors[0]).abs().max() > 1e-3


def test_a_student_is_pulled_towards_its_teacher(tmp_path):
    split = graphs()
    contrary = 20.0 * torch.nn.functional.one_hot(torch.from_numpy(1 - split.y), 2)
    alone = trained(split, SHAPE, epochs=6)
    taught = trained(split, SHAPE, epochs=6, taught=contrary)
    losses = [
        torch.nn.functional.cross_entropy(
            loaded(gat, result.checkpoint, tmp_path).predict(split.batch()), split.batch().y
        )
        for result in (alone, taught)
    ]
    assert losses[1] > losses[0] + 0.1


def test_distillation_from_a_teacher_that_agrees_leaves_half_the_cross_entropy():
    logits = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1] * 4)
    told = torch.nn.functional.cross_entropy(logits, labels)
    assert distillation_loss(logits, labels, logits).item() == pytest.approx(told.item() / 2, abs=1e-6)


def test_distillation_is_the_divergence_of_softened_probabilities():
    draw = np.random.default_rng(4)
    logits, taught = draw.normal(size=(2, 8, 2))
    labels = np.array([0, 1] * 4)
    student, teacher = softmax(logits / 2, axis=1), softmax(taught / 2, axis=1)
    divergence = (teacher * np.log(teacher / student)).sum(1).mean()
    told = -np.log(softmax(logits, axis=1)[np.arange(8), labels]).mean()
    found = distillation_loss(torch.tensor(logits), torch.tensor(labels), torch.tensor(taught))
    assert found.item() == pytest.approx(0.5 * told + 0.5 * 4 * divergence, rel=1e-9)
