"""What the functions of a network did on samples, and how the loss of each sample answers to it."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, huber_loss, l1_loss, mse_loss

from assay.errors import AssayError
from assay.families.gsnn.network import GsnnNetwork
from assay.protocols import TableBatch, Trace

Criterion = Callable[..., Tensor]
CRITERIA: Mapping[str, Criterion] = {
    "mse": mse_loss,
    "mae": l1_loss,
    "huber": huber_loss,  # quadratic up to an error of 1
    "bce": binary_cross_entropy_with_logits,
}


def traced(network: GsnnNetwork, batch: TableBatch, *, criterion: str, prenorm: bool) -> Trace:
    """The activations of all blocks, and the gradients at them of the sum over samples of each one's mean loss.

    A channel that reaches no output in the blocks that follow has gradients of exactly 0. The network has to
    be in eval mode; nothing of it is written to, `grad` of its parameters neither.

    Raises:
        AssayError: an unknown criterion, or targets that it cannot take.
    """
    loss_of = _criterion(criterion, batch.y)
    with torch.inference_mode(False), torch.enable_grad():
        edges = network.entered(batch.x.clone()).requires_grad_()
        states = list(network.states(edges))
        recorded = [state.pre if prenorm else state.post for state in states]
        outputs = network.outputs(states[-1].edges)
        loss = loss_of(outputs, batch.y.clone(), reduction="none").mean(1).sum()
        gradients = torch.autograd.grad(loss, recorded, allow_unused=True, materialize_grads=True)
    activation = torch.stack([each.detach() for each in recorded])
    return Trace(activation, torch.stack(gradients))


def _criterion(name: str, targets: Float[Tensor, "samples outputs"]) -> Criterion:
    if name not in CRITERIA:
        raise AssayError(f"criterion {name!r} is unknown; allowed: {', '.join(CRITERIA)}")
    if name == "bce" and ((targets < 0) | (targets > 1)).any():
        raise AssayError(
            f"criterion bce takes targets from 0 to 1, which outputs are the logits of; "
            f"the data go from {float(targets.min()):.4g} to {float(targets.max()):.4g}"
        )
    return CRITERIA[name]
