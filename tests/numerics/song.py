"""HSIC_1 and CKA written again from Song et al. 2012, eq. 5, with n x n matrices in float64."""

import torch
from torch import Tensor


def cka(x: Tensor, y: Tensor) -> float:
    kx, ky = gram(x), gram(y)
    return float(hsic(kx, ky) / (hsic(kx, kx) * hsic(ky, ky)).sqrt())


def biased_cka(x: Tensor, y: Tensor) -> float:
    n = len(x)
    centring = torch.eye(n).double() - 1 / n
    kx, ky = (centring @ side.double() @ side.double().T @ centring for side in (x, y))
    return float((kx @ ky).trace() / ((kx @ kx).trace() * (ky @ ky).trace()).sqrt())


def gram(x: Tensor) -> Tensor:
    centred = x.double() - x.double().mean(0)
    return (centred @ centred.T).fill_diagonal_(0)


def hsic(kx: Tensor, ky: Tensor) -> Tensor:
    n, one = len(kx), torch.ones(len(kx)).double()
    trace = (kx @ ky).trace()
    sums = (one @ kx @ one) * (one @ ky @ one) / ((n - 1) * (n - 2))
    rows = 2 / (n - 2) * (one @ kx @ ky @ one)
    return (trace + sums - rows) / (n * (n - 3))
