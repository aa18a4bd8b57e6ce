"""Gradients of many logits at one layer, each of which passes through the rest of the network alone."""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

NUMBERS_AT_ONCE = 2**25  # of gradients; more classes are taken in turns


def logits_and_gradients(
    tail: Callable[[Tensor], Tensor],
    activation: Float[Tensor, "n *layer"],
    classes: Int64[Tensor, "n c"],
) -> tuple[Float[Tensor, "n k"], Iterator[Float[Tensor, "_ n *layer"]]]:
    """The logits of all classes, and the gradients of the wanted ones at the activation, some classes at a time.

    `classes` are those wanted of each sample; samples must not interact in `tail`. The tail runs once, and its
    backward pass takes many classes side by side. Gradients of parameters are not touched.
    """
    start = activation.detach().requires_grad_()
    with torch.enable_grad():
        logits = tail(start.clone())  # the tail may overwrite what it is given
    cotangents = torch.zeros(classes.shape[1], *logits.shape, dtype=logits.dtype, device=logits.device)
    cotangents.scatter_(2, classes.T[:, :, None], 1)  # (wanted, samples, classes)
    at_once = max(1, NUMBERS_AT_ONCE // activation.numel())
    gradients = (
        torch.autograd.grad(logits, start, part, retain_graph=True, is_grads_batched=True)[0]
        for part in cotangents.split(at_once)
    )
    return logits.detach(), gradients
