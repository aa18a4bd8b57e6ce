"""Emulators: what is loaded computes what its tensors say, and what does not fit is refused."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from families.mlp.examples import ORACLES, oracle, random_state

from assay.data.table import prepare
from assay.data.tables import open_data
from assay.errors import AssayError, Refused, ResultWarning
from assay.families.mlp import load
from assay.intake import checkpoint as border
from assay.protocols import TableBatch

REFERENCE = Path(__file__).parents[2] / "reference" / "reionemu"
WIDTHS = (4, 7, 6, 5)


def hparams(**values):
    return {"class_path": None, "hyper_parameters": {"activation": "relu", **values}}


def table(n=9, seed=1, inputs=4, outputs=5):
    draw = torch.Generator().manual_seed(seed)
    return TableBatch(torch.randn(n, inputs, generator=draw), torch.randn(n, outputs, generator=draw))


def prepared(**options):
    defaults = {"val_fraction": 0.2, "test_fraction": 0.0, "split_seed": 42, "normalize_x": True}
    found = prepare({"train": [REFERENCE / "condensed.h5"]}, **{**defaults, "normalize_y": False, **options})
    arrays = {split: part.arrays() for split, part in found.splits.items()}
    return open_data("sims", arrays.__getitem__, splits=tuple(arrays), attack_names={}, device="cpu")


def test_the_published_emulator_gives_the_recorded_loss_on_its_own_split():
    found = border.read(REFERENCE / "baseline_four_param" / "model.pt")
    with pytest.warns(ResultWarning, match="does not say its activation; relu, the published default"):
        subject = load(found.tensors, found.hparams)
    samples = prepared().draw("val", max_samples=None, seed=0)
    (batch,) = samples.batches(100)
    error = torch.nn.functional.mse_loss(subject.regress(batch), subject.targets(batch))
    assert error.item() == 0.8992586731910706
    objective = subject.objective(samples, seed=0)
    assert objective(list(subject.parameters().values())) == pytest.approx(0.8992586731910706, rel=1e-6)


@pytest.mark.parametrize("style", ["plain", "dropout", "older"])
@pytest.mark.parametrize("activation", ORACLES)
def test_layers_and_outputs_are_those_of_an_independent_forward_pass(style, activation):
    state = random_state(WIDTHS, style=style)
    subject, batch = load(state, hparams(activation=activation)), table()
    *hidden, outputs = oracle(state, batch.x, activation)
    for found, expected in zip(subject.layers(batch), hidden, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(subject.embed(batch), hidden[-1], atol=2e-6)
    np.testing.assert_allclose(subject.regress(batch), outputs, atol=5e-6)


def test_a_deep_emulator_has_its_layers_in_the_order_of_their_numbers():
    state, batch = random_state((4, *[6] * 8, 5)), table()
    subject = load(dict(sorted(state.items())), hparams())
    assert list(subject.parameters()) == list(state)
    np.testing.assert_allclose(subject.regress(batch), oracle(state, batch.x, "relu")[-1], atol=5e-5)


def test_a_single_layer_embeds_its_inputs():
    state, batch = random_state((4, 5)), table()
    subject = load(state, hparams())
    torch.testing.assert_close(subject.embed(batch), batch.x)
    assert len(subject.layers(batch)) == 1


@pytest.mark.parametrize(
    ("widths", "style", "activation"),
    [((4, 6, 5), "older", "gelu"), ((4, 6, 6, 5), "older", "relu"), ((4, 6, 5), "dropout", "relu")],
)
def test_without_a_word_the_activation_is_that_of_the_published_class(widths, style, activation):
    state, batch = random_state(widths, style=style), table()
    with pytest.warns(ResultWarning, match=f"{activation}, the published default"):
        subject = load(state, {"class_path": None, "hyper_parameters": {}})
    np.testing.assert_allclose(subject.regress(batch), oracle(state, batch.x, activation)[-1], atol=5e-6)


def test_the_loss_is_the_mean_squared_error_of_other_weights_too():
    state = random_state(WIDTHS)
    subject = load(state, hparams())
    samples = prepared().draw("train", max_samples=None, seed=0)
    (batch,) = samples.batches(1000)
    other = random_state(WIDTHS, seed=7)
    error = (oracle(other, batch.x, "relu")[-1] - batch.y.double().numpy()) ** 2
    assert subject.objective(samples, seed=0)(list(other.values())) == pytest.approx(error.mean(), rel=1e-5)
    assert list(subject.parameters()) == list(state)
    torch.testing.assert_close(dict(subject.parameters()), state)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.pop("network.2.bias"), "missing: network.2.bias [6]"),
        (lambda s: s.update(extra=torch.ones(2)), "unexpected: 'extra' [2]"),
        (
            lambda s: s.update({"network.2.bias": torch.ones(3)}),
            "wrong shape: network.2.bias is [3], expected [6]",
        ),
        (
            lambda s: s.update({"network.2.weight": torch.ones(6, 8)}),
            "gives 7 values, network.2.weight takes 8",
        ),
        (lambda s: s.update({"network.0.weight": torch.ones(7)}), "network.0.weight is [7]; allowed: [out"),
        (lambda s: s.update({"network.7.weight": torch.ones(5, 5)}), "allowed: network.0, network.2"),
        (lambda s: s.update({"head.weight": torch.ones(5, 5)}), "allowed: network.0, network.2"),
        (lambda s: s.clear(), "the weights are none"),
    ],
)
def test_tensors_of_another_network_are_refused(change, text):
    state = random_state(WIDTHS)
    change(state)
    with pytest.raises(Refused, match=re.escape(text)):
        load(state, hparams())


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"activation": "elu"}, "activation is 'elu'; allowed: one of relu, gelu, silu, tanh, sigmoid"),
        ({"input_dim": 3}, "input_dim is 3 (int); allowed: 4, as the tensors have"),
        ({"output_dim": 4}, "output_dim is 4 (int); allowed: 5"),
        ({"hidden_dim": 20}, "hidden_dim is 20 (int); allowed: 7"),
        ({"num_hidden_layers": 3}, "num_hidden_layers is 3 (int); allowed: 2"),
        ({"output_names": ["a", "b"]}, "output_names is a list; allowed: 5 different texts"),
        ({"output_names": "a,b,c,d,"}, "output_names is a list; allowed: 5 different texts"),
        ({"output_names": ["a"] * 5}, "output_names is a list; allowed: 5 different texts"),
    ],
)
def test_hyper_parameters_that_do_not_fit_are_refused(values, text):
    with pytest.raises(Refused, match=re.escape(text)):
        load(random_state(WIDTHS), hparams(**values))


def test_another_class_is_refused():
    with pytest.raises(Refused, match=r"class_path is 'x\.Y'; family mlp reads"):
        load(random_state(WIDTHS), {**hparams(), "class_path": "x.Y"})


def test_outputs_have_the_names_that_are_said_else_numbers():
    assert load(random_state((4, 2)), hparams(output_names=["a", "b"])).outputs == ("a", "b")
    assert load(random_state((4, 2)), hparams(output_names="a,b")).outputs == ("a", "b")
    assert load(random_state((4, 2)), hparams()).outputs == ("output_0", "output_1")


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (4, 6)])
def test_a_table_of_other_columns_stops_the_artifact(inputs, outputs):
    with pytest.raises(AssayError, match=r"table [xy] has \d columns, the network \d"):
        load(random_state(WIDTHS), hparams()).regress(table(inputs=inputs, outputs=outputs))


def test_the_reference_file_is_the_one_that_the_record_names():
    with h5py.File(REFERENCE / "condensed.h5") as file:
        assert file["training/X"].shape == (100, 4)
