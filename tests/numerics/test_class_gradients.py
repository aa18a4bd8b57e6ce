"""Gradients of many classes side by side: those of a loop over the classes, and nothing else is touched."""

import pytest
import torch
from artifacts.vision import random_cnn, random_vit
from torch import nn

from assay.numerics import class_gradients
from assay.numerics.class_gradients import logits_and_gradients


def in_a_loop(tail, activation: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """One backward pass a class and sample."""
    rows = []
    for column in classes.T:
        start = activation.clone().requires_grad_()
        picked = tail(start)[torch.arange(len(start)), column].sum()
        rows.append(torch.autograd.grad(picked, start)[0])
    return torch.stack(rows)


def cnn_tail(seed: int = 0):
    network = random_cnn(seed=seed).network
    activation = network.f[:3](torch.rand(4, 3, 24, 32)).detach()
    return network, lambda a: network.tail(network.f[3:](a)), activation


CLASSES = torch.tensor([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 2, 0, 1, 3], [0, 4, 1, 3, 2]])


def test_gradients_are_those_of_a_loop_over_the_classes_of_each_sample():
    _, tail, activation = cnn_tail()
    logits, parts = logits_and_gradients(tail, activation, CLASSES)
    torch.testing.assert_close(
        torch.cat(list(parts)), in_a_loop(tail, activation, CLASSES), rtol=0, atol=1e-6
    )
    torch.testing.assert_close(logits, tail(activation).detach())


def test_gradients_through_attention_are_those_of_a_loop():
    network = random_vit().network
    x = network.tokens(torch.rand(4, 3, 32, 48)).detach()

    def tail(a: torch.Tensor) -> torch.Tensor:
        return network.read(network.blocks[2](network.blocks[1](a)))

    _, parts = logits_and_gradients(tail, x, CLASSES)
    torch.testing.assert_close(torch.cat(list(parts)), in_a_loop(tail, x, CLASSES), rtol=0, atol=1e-6)


def test_classes_taken_in_turns_are_those_taken_at_once(monkeypatch):
    _, tail, activation = cnn_tail()
    whole = torch.cat(list(logits_and_gradients(tail, activation, CLASSES)[1]))
    monkeypatch.setattr(class_gradients, "NUMBERS_AT_ONCE", 2 * activation.numel())
    parts = list(logits_and_gradients(tail, activation, CLASSES)[1])
    assert [len(part) for part in parts] == [2, 2, 1]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-7)


def test_one_class_is_taken_where_not_even_one_fits(monkeypatch):
    _, tail, activation = cnn_tail()
    monkeypatch.setattr(class_gradients, "NUMBERS_AT_ONCE", 1)
    assert [len(part) for part in logits_and_gradients(tail, activation, CLASSES)[1]] == [1] * 5


@pytest.mark.parametrize("frozen", [False, True])
def test_parameters_keep_their_gradients_and_frozen_ones_are_no_hindrance(frozen):
    network, tail, activation = cnn_tail()
    network.requires_grad_(not frozen)
    with torch.no_grad():
        _, parts = logits_and_gradients(tail, activation, CLASSES)
        gradients = torch.cat(list(parts))
    assert gradients.any()
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_tail_that_overwrites_its_input_changes_neither_activation_nor_gradient():
    network, tail, activation = cnn_tail()
    before = activation.clone()
    overwriting = nn.Sequential(nn.ReLU(inplace=True), *network.f[3:])
    _, parts = logits_and_gradients(lambda a: network.tail(overwriting(a)), activation - 0.1, CLASSES)
    expected = in_a_loop(lambda a: tail(a.clamp(min=0)), activation - 0.1, CLASSES)
    torch.testing.assert_close(torch.cat(list(parts)), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(activation, before)
