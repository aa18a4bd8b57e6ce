"""What all trainings of the demo share: batches and schedule, and the file as Lightning writes the published ones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

BATCH = 16  # samples
PEAK_LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-4

Loss = Callable[[Int64[Tensor, " batch"]], Float[Tensor, ""]]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network: its checkpoint's content, and the mean loss of every epoch."""

    checkpoint: Mapping[str, Any]  # as torch.save takes it
    losses: list[float]
    val_losses: list[float] = field(default_factory=list)  # where validation data were looked at


def fit(
    network: nn.Module,
    loss: Loss,
    *,
    n: int,
    epochs: int,
    peak_learning_rate: float = PEAK_LEARNING_RATE,
    after_epoch: Callable[[], object] = lambda: None,
) -> list[float]:
    """Fits the network, which is in train mode, and returns the mean loss of every epoch.

    The learning rate rises and falls once (Smith and Topin 2018, arXiv:1708.07120).

    Args:
        network: whose parameters are learnt.
        loss: the mean loss of the samples at an index.
        n: how many samples there are.
        epochs: passes over them, each in an order of its own.
        peak_learning_rate: the highest.
        after_epoch: called when an epoch is over; it draws nothing.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=peak_learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak_learning_rate, total_steps=_n_steps(n, epochs)
    )
    losses = []
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(n).split(BATCH):
            of_batch = loss(index)
            optimizer.zero_grad()
            of_batch.backward()
            optimizer.step()
            schedule.step()
            total += of_batch.item() * len(index)
        losses.append(total / n)
        after_epoch()
    return losses


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """The global random state begins at `seed`, and is afterwards as it was found."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def checkpoint(
    network: nn.Module, header: Mapping[str, Any], *, n: int, epochs: int, **more: Any
) -> dict[str, Any]:
    """What Lightning keeps of a network that saw n samples in each epoch; the header is its class and arguments."""
    progress = {"epoch": epochs, "global_step": _n_steps(n, epochs)}
    return {**progress, "state_dict": network.state_dict(), **header, **more}


def checkpoint_bytes(checkpoint: Mapping[str, Any]) -> bytes:
    """The file that torch.save writes; through memory, as it writes a file's own name into it."""
    buffer = BytesIO()
    torch.save(dict(checkpoint), buffer)
    return buffer.getvalue()


def _n_steps(n: int, epochs: int) -> int:
    return epochs * -(-n // BATCH)
