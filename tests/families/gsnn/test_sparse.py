"""Sparse products are those of the dense matrix, and so are their gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.families.gsnn.sparse import Connections, SparseLinear


@settings(deadline=None, max_examples=30)
@given(
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5)),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 99),
)
def test_a_product_and_its_gradients_are_those_of_the_dense_matrix(sizes, share, seed):
    n_sources, n_targets, n = sizes
    draw = torch.Generator().manual_seed(seed)
    pairs = torch.cartesian_prod(torch.arange(n_sources), torch.arange(n_targets)).T
    kept = pairs[:, torch.rand(pairs.shape[1], generator=draw) < share]
    kept = kept[:, torch.randperm(kept.shape[1], generator=draw)]
    values = torch.randn(kept.shape[1], generator=draw).requires_grad_()
    x = torch.randn(n, n_sources, generator=draw).requires_grad_()
    weight = torch.randn(n, n_targets, generator=draw)
    connections = Connections()
    connections.arrange(kept, n_sources, n_targets)
    dense = torch.zeros(n_sources, n_targets).index_put((kept[0], kept[1]), values)
    wanted = torch.autograd.grad((x @ dense * weight).sum(), (x, values), allow_unused=True)
    got = torch.autograd.grad((connections(x, values) * weight).sum(), (x, values))
    torch.testing.assert_close(connections(x, values), x @ dense)
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, torch.zeros_like(one) if other is None else other)


def test_without_values_all_are_one():
    connections, x = Connections(), torch.arange(6.0).reshape(2, 3).requires_grad_()
    connections.arrange(torch.tensor([[0, 2, 2], [1, 1, 0]]), 3, 2)
    assert connections(x).tolist() == [[2.0, 2.0], [5.0, 8.0]]
    assert torch.autograd.grad(connections(x).sum(), x)[0].tolist() == [[1.0, 0.0, 2.0]] * 2


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_map_can_be_trained(bias):
    linear = SparseLinear(3, 2, 4, bias=bias, column=False)
    linear.indices = torch.tensor([[0, 1, 2, 2], [0, 1, 0, 1]])
    torch.nn.init.normal_(linear.values, generator=torch.Generator().manual_seed(0))
    if bias:
        torch.nn.init.zeros_(linear.bias)
    linear.arrange()
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    target = x[:, [0, 1]] + 2 * x[:, [2, 2]]
    optimiser = torch.optim.SGD(linear.parameters(), lr=0.3)
    for _ in range(200):
        optimiser.zero_grad()
        (linear(x) - target).square().mean().backward()
        optimiser.step()
    torch.testing.assert_close(linear.values.detach(), torch.tensor([1.0, 1, 2, 2]), atol=1e-3, rtol=0)
