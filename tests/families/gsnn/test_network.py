"""The network against the published numbers, and against its equations on random graphs, option by option."""

import numpy as np
import pytest
import torch
from families.gsnn.examples import (
    REFERENCE,
    random_checkpoint,
    random_subject,
    random_table,
    reference_checkpoint,
)
from families.gsnn.oracle import Oracle

from assay.families import gsnn
from assay.families.gsnn.norms import NORMS
from assay.protocols import TableBatch

OPTIONS = [
    *({"norm": norm} for norm in NORMS),
    *({"norm": norm, "norm_first": False} for norm in ("layer", "softmax", "batch")),
    {"norm": "softmax", "channels": [3, 1, 4, 0, 2, *7 * [0]], "node_mlp": False},
    {"norm": "rms", "channels": [3, 1, 4, 1, 0, *7 * [0]], "node_mlp": False},
    {"norm": "layer", "channels": [3, 2, 4, 2, 5, *7 * [0]], "node_mlp": False},
    {"norm": "groupbatch", "channels": [3, 1, 4, 1, 2, *7 * [0]], "node_mlp": False},
    {"norm": "layer", "channels": 2, "nonlin": "Tanh"},
    {"nonlin": "ReLU"},
    {"node_mlp": False},
    {"node_attn": True},
    {"node_attn": True, "node_mlp": False},
    {"node_attn": True, "weighted": True, "add_function_self_edges": False},
    {"residual": False},
    {"add_function_self_edges": False},
    {"edge_channels": 2},
    {"bias": False},
    {"share_layers": False},
    {"share_layers": False, "pruned": 0.4},
    {"pruned": 0.4},
    {"pruned": 1.0},
    {"init": "zeros"},
    {"layers": 5},
]


def told(options):
    return ", ".join(f"{name} {value}" for name, value in options.items())


@pytest.mark.parametrize("options", OPTIONS, ids=told)
@pytest.mark.parametrize("seed", [0, 1])
def test_predictions_activations_and_gradients_are_those_of_the_equations(options, seed):
    tensors, hparams = random_checkpoint(seed, **options)
    subject, batch = gsnn.load(tensors, hparams), random_table(seed)
    oracle = Oracle(tensors, hparams, batch.x)
    torch.testing.assert_close(subject.regress(batch).double(), oracle.outputs.detach(), atol=2e-5, rtol=2e-5)
    for prenorm, recorded in ((True, oracle.pre), (False, oracle.post)):
        trace = subject.trace(batch, criterion="mse", prenorm=prenorm)
        wanted = torch.stack(recorded).detach()
        torch.testing.assert_close(trace.activation.double(), wanted, atol=2e-5, rtol=2e-5)
        gradients = torch.stack(oracle.gradients(batch.y, "mse", prenorm=prenorm))
        largest = float(gradients.abs().max())
        torch.testing.assert_close(trace.gradient.double(), gradients, atol=2e-5 * max(largest, 1), rtol=1e-4)


@pytest.mark.parametrize("criterion", ["mse", "mae", "huber", "bce"])
def test_gradients_are_those_of_the_criterion(criterion):
    tensors, hparams = random_checkpoint(2)
    batch = random_table(3)
    trace = gsnn.load(tensors, hparams).trace(batch, criterion=criterion, prenorm=True)
    wanted = torch.stack(Oracle(tensors, hparams, batch.x).gradients(batch.y, criterion, prenorm=True))
    torch.testing.assert_close(trace.gradient.double(), wanted, atol=1e-5, rtol=1e-4)


def test_the_published_model_gives_the_published_numbers():
    subject, published = gsnn.load(*reference_checkpoint()), np.load(REFERENCE / "trace.npz")
    batch = TableBatch(torch.tensor(published["x"]), torch.tensor(published["y"]))
    np.testing.assert_allclose(subject.regress(batch), published["yhat"], atol=2e-6)
    np.testing.assert_array_equal(subject.channel_function, published["channel_groups"])
    np.testing.assert_array_equal(subject.network.edge_index, published["homo_edge_index"])
    for name, prenorm in (("pre", True), ("post", False)):
        trace = subject.trace(batch, criterion="mse", prenorm=prenorm)
        np.testing.assert_allclose(trace.activation, published[f"act_{name}"], atol=1e-5)
        of_mean_loss = trace.gradient / len(batch.x)
        np.testing.assert_allclose(of_mean_loss, published[f"grad_{name}"], atol=1e-7)


def test_a_block_that_no_output_hears_of_has_gradients_of_exactly_zero():
    subject = random_subject(0, share_layers=False)
    last = subject.trace(random_table(0), criterion="mse", prenorm=True).gradient[-1]
    heard = set(subject.network.graph.into_outputs[0].tolist())
    silent = [k for k, function in enumerate(subject.channel_function) if int(function) not in heard]
    assert silent
    assert (last[:, silent] == 0).all()
    assert (last[:, [k for k in range(last.shape[1]) if k not in silent]] != 0).any()


def test_layers_are_the_channels_after_the_last_step_of_every_block():
    subject, batch = random_subject(5), random_table(5)
    layers = subject.layers(batch)
    trace = subject.trace(batch, criterion="mse", prenorm=False)
    assert len(layers) == 3
    torch.testing.assert_close(torch.stack(layers), trace.activation, atol=0, rtol=0)
