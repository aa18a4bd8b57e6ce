"""GradCAM of 10 classes of 16 records from one pass, beside captum's, one by one: CPU seconds, one thread, in turns.

python benchmarks/gradcam.py [rounds]

The gain is that of a tail which is cheaper than the trunk: captum runs the whole network once for every class.
"""

import sys
import time
from functools import partial

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from assay.allocator import keep_freed_memory
from assay.artifacts.class_maps import class_maps
from assay.protocols import Cut

RECORDS, SIDE, CLASSES = 16, 96, 10


def main(rounds: int = 5) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    torch.manual_seed(0)
    network = SmallResNet().eval()
    x = torch.rand(RECORDS, 3, SIDE, SIDE)
    print(f"{RECORDS} records of {SIDE} x {SIDE}, {CLASSES} classes")
    for place, at in (("the last block", 8), ("the block before it", 7)):
        runs = [
            (timed(partial(ours, network, x, at)), timed(partial(theirs, network, x, at)))
            for _ in range(rounds)
        ]
        seconds, peer = (min(seconds for seconds, _ in side) for side in zip(*runs, strict=True))
        difference = (runs[0][0][1] - runs[0][1][1]).abs().max()
        print(
            f"at {place:20} captum {1e3 * peer:7.1f} ms, ours {1e3 * seconds:6.1f} ms   1/{peer / seconds:.1f}   "
            f"largest difference {difference:.1e}"
        )


class SmallResNet(nn.Module):
    """A stem, four stages of two blocks, the mean over positions and a linear head."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)):
        super().__init__()
        stages = [
            block
            for narrow, wide in zip(widths[:1] + widths[:-1], widths, strict=True)
            for block in (Block(narrow, wide, wide // narrow), Block(wide, wide, 1))
        ]
        stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.trunk = nn.Sequential(stem, *stages)
        self.head = nn.Linear(widths[-1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.read(self.trunk(x))

    def read(self, a: Tensor) -> Tensor:
        """Logits of what the trunk gives."""
        return self.head(a.mean((2, 3)))


class Block(nn.Module):
    """Two convolutions beside a skip connection."""

    def __init__(self, narrow: int, wide: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(narrow, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide)
        self.conv2, self.bn2 = nn.Conv2d(wide, wide, 3, 1, 1, bias=False), nn.BatchNorm2d(wide)
        self.skip = nn.Conv2d(narrow, wide, 1, stride, bias=False) if narrow != wide else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """What the block gives."""
        return (self.skip(x) + self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))).relu()


def ours(network: SmallResNet, x: Tensor, at: int) -> Tensor:
    with torch.no_grad():
        activation = network.trunk[: at + 1](x)
    cut = Cut(activation, lambda a: network.read(network.trunk[at + 1 :](a)), lambda a: a)
    classes = torch.arange(CLASSES).repeat(RECORDS, 1)
    return class_maps(cut, classes, method="gradcam").raw


def theirs(network: SmallResNet, x: Tensor, at: int) -> Tensor:
    oracle = LayerGradCam(network, network.trunk[at])
    return torch.cat([oracle.attribute(x, target=k).detach() for k in range(CLASSES)], dim=1)


def timed(compute):
    start = time.process_time()
    result = compute()
    return time.process_time() - start, result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
