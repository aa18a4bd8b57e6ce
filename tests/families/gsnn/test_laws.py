"""What a trace must obey: batches and order decide nothing, and the subject is left as it was found."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from families.gsnn.examples import random_subject, random_table

from assay.errors import AssayError, ResultWarning
from assay.families.gsnn import GsnnSubject
from assay.protocols import TableBatch


def rows(batch: TableBatch, index: list[int]) -> TableBatch:
    return replace(batch, x=batch.x[index], y=batch.y[index])


def named(batch: TableBatch, subject: GsnnSubject) -> TableBatch:
    return replace(batch, x_names=subject.inputs, y_names=subject.outputs)


def state_of(subject: GsnnSubject) -> list[Any]:
    modules = list(subject.network.modules())
    return [
        [tensor.clone() for tensor in subject.network.state_dict().values()],
        [module.training for module in modules],
        [(len(module._forward_hooks), len(module._backward_hooks)) for module in modules],
        [parameter.requires_grad for parameter in subject.network.parameters()],
    ]


def assert_untouched(subject: GsnnSubject, before: list[Any]) -> None:
    after = state_of(subject)
    for one, other in zip(after.pop(0), before.pop(0), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)
    assert after == before


@pytest.mark.parametrize("norm", ["layer", "batch", "groupbatch", "softmax"])
@pytest.mark.parametrize("prenorm", [True, False])
def test_batches_of_any_size_give_the_trace_of_the_whole(norm, prenorm):
    subject, batch = random_subject(0, norm=norm), random_table(0, n=9)
    whole = subject.trace(batch, criterion="mse", prenorm=prenorm)
    parts = [
        subject.trace(rows(batch, part), criterion="mse", prenorm=prenorm)
        for part in ([0, 1, 2, 3], [4], [5, 6, 7, 8])
    ]
    for name in ("activation", "gradient"):
        joined = torch.cat([getattr(part, name) for part in parts], dim=1)
        torch.testing.assert_close(joined, getattr(whole, name), atol=1e-6, rtol=1e-5)


def test_samples_in_another_order_have_the_same_trace_in_that_order():
    subject, batch, order = random_subject(1), random_table(1), [3, 0, 5, 1, 4, 2]
    whole = subject.trace(batch, criterion="mse", prenorm=True)
    other = subject.trace(rows(batch, order), criterion="mse", prenorm=True)
    torch.testing.assert_close(other.gradient, whole.gradient[:, order], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("norm", ["layer", "batch", "batch++", "groupbatch", "channelema"])
def test_a_network_in_training_answers_as_in_eval_mode_and_trains_on(norm):
    subject, batch = random_subject(2, norm=norm, dropout=0.5), random_table(2)
    evaluated = [subject.trace(batch, criterion="mse", prenorm=True), subject.regress(batch)]
    layers = subject.layers(batch)
    subject.network.train()
    subject.network.ResBlocks[1].eval()
    before = state_of(subject)
    trained = [subject.trace(batch, criterion="mse", prenorm=True), subject.regress(batch)]
    assert torch.equal(trained[0].activation, evaluated[0].activation)
    assert torch.equal(trained[0].gradient, evaluated[0].gradient)
    assert torch.equal(trained[1], evaluated[1])
    assert all(map(torch.equal, subject.layers(batch), layers))
    assert_untouched(subject, before)


def test_gradients_of_the_parameters_stay_as_they_were():
    subject, batch = random_subject(3), random_table(3)
    parameters = list(subject.network.parameters())
    for parameter in parameters[:-1]:
        parameter.requires_grad_(True)
        parameter.grad = torch.full_like(parameter, 7.0)
    before = state_of(subject)
    subject.trace(batch, criterion="mse", prenorm=True)
    assert all((parameter.grad == 7).all() for parameter in parameters[:-1])
    assert parameters[-1].grad is None
    assert_untouched(subject, before)


def test_a_trace_that_fails_leaves_the_network_as_it_was():
    subject, batch = random_subject(4), random_table(4)
    subject.network.train()
    before = state_of(subject)
    with pytest.raises(AssayError, match="criterion 'rmse' is unknown; allowed: mse, mae, huber, bce"):
        subject.trace(batch, criterion="rmse", prenorm=True)
    with pytest.raises(AssayError, match="criterion bce takes targets from 0 to 1"):
        subject.trace(replace(batch, y=batch.y + 1), criterion="bce", prenorm=True)
    assert_untouched(subject, before)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_trace_is_the_same_where_gradients_are_off(mode):
    subject, batch = random_subject(5), random_table(5)
    whole = subject.trace(batch, criterion="mse", prenorm=True)
    with mode():
        again = subject.trace(
            replace(batch, x=batch.x.clone(), y=batch.y.clone()), criterion="mse", prenorm=True
        )
    assert torch.equal(again.gradient, whole.gradient)


def test_columns_are_found_by_name():
    subject, batch = random_subject(6), random_table(6)
    wanted, names = subject.regress(batch), subject.inputs
    order, extra = [2, 0, 3, 1], torch.ones(len(batch.x), 1)
    mixed = replace(
        batch, x=batch.x[:, order], x_names=tuple(names[i] for i in order), y=batch.y[:, [1, 2, 0]]
    )
    mixed = replace(mixed, y_names=tuple(subject.outputs[i] for i in (1, 2, 0)))
    assert torch.equal(subject.regress(mixed), wanted)
    assert torch.equal(subject.targets(mixed), batch.y)
    more = replace(mixed, x=torch.cat([extra, mixed.x], 1), x_names=("other", *mixed.x_names))
    with pytest.warns(ResultWarning, match="table x has 1 columns that are no inputs of the network"):
        assert torch.equal(subject.regress(more), wanted)


def test_a_table_without_the_networks_columns_is_refused_by_what_it_lacks():
    subject, batch = random_subject(7), random_table(7)
    with pytest.raises(AssayError, match="table x has 3 columns without names, the network has 4 inputs"):
        subject.regress(replace(batch, x=batch.x[:, :3]))
    renamed = replace(named(batch, subject), x_names=("in0", "in1", "in2", "inX"))
    with pytest.raises(AssayError, match="table x lacks inputs of the network: in3"):
        subject.regress(renamed)
    with pytest.raises(AssayError, match="table y lacks outputs of the network: ou0"):
        subject.targets(replace(named(batch, subject), y_names=("a", "ou1", "ou2")))
