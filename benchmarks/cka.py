"""All-pairs debiased CKA with its intervals, beside a per-pair one with n x n matrices: CPU seconds, one thread.

python benchmarks/cka.py [samples] [layers] [width]
"""

import sys
import time

import torch
from torch import Tensor

from assay.numerics.similarity import cka_tables


def main(n: int = 2000, layers: int = 6, width: int = 96) -> None:
    torch.set_num_threads(1)
    draw = torch.Generator().manual_seed(0)
    xs = [torch.randn(n, width, generator=draw) for _ in range(layers)]
    ys = [x @ torch.randn(width, width, generator=draw) + torch.randn(n, width, generator=draw) for x in xs]
    ours, tables = min((timed(lambda: cka_tables(xs, ys)) for _ in range(3)), key=lambda run: run[0])
    theirs, table = timed(
        lambda: torch.tensor([[per_pair(x, y) for y in ys] for x in xs], dtype=torch.float64)
    )
    error = (tables.debiased - table).abs().max()
    print(f"n {n}, {layers}x{layers} layers of width {width}")
    print(f"per pair, float64        {theirs:8.3f} s")
    print(f"ours, with intervals     {ours:8.3f} s   1/{theirs / ours:.0f}   largest difference {error:.1e}")


def per_pair(x: Tensor, y: Tensor) -> float:
    kx, ky = (side.double() @ side.double().T for side in (x, y))
    kx.fill_diagonal_(0), ky.fill_diagonal_(0)
    return float(hsic(kx, ky) / (hsic(kx, kx) * hsic(ky, ky)).sqrt())


def hsic(kx: Tensor, ky: Tensor) -> Tensor:
    n, one = len(kx), torch.ones(len(kx), dtype=torch.float64)
    sums = (one @ kx @ one) * (one @ ky @ one) / ((n - 1) * (n - 2))
    return ((kx * ky).sum() + sums - 2 / (n - 2) * (one @ kx) @ (ky @ one)) / (n * (n - 3))


def timed(compute):
    start = time.process_time()
    result = compute()
    return time.process_time() - start, result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
