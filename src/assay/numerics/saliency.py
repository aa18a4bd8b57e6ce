"""Class activation maps: where a layer holds evidence for a class, from its activations and their gradients."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

Method = Callable[[Float[Tensor, "n c p"], Float[Tensor, "n c p"]], Float[Tensor, "n p"]]
EPSILON = 1e-7  # of the published scaling, and of xgradcam
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def raw_maps(
    activation: Float[Tensor, "n c *grid"], gradient: Float[Tensor, "n c *grid"], *, method: str
) -> Float[Tensor, "n *grid"]:
    """One map a sample, before clipping and scaling, in units of the logit times those of the method.

    `gradient` is that of the class's logit at the activation; `METHODS` names the methods. No sample touches another.
    """
    maps = METHODS[method](activation.flatten(2), gradient.flatten(2))
    return maps.reshape(len(activation), *activation.shape[2:])


def scaled_maps(raw: Float[Tensor, "n *grid"], size: Sequence[int]) -> Float[Tensor, "n *size"]:
    """Positive evidence from 0 to 1 in each map, as published: clipped, scaled, resized to `size`, scaled again.

    Linear interpolation between the centres of positions, edges clamped. A map without positive evidence is 0.
    """
    grid = _scaled(raw.clamp(min=0))
    resized = interpolate(grid[:, None], tuple(size), mode=MODES[raw.ndim - 1], align_corners=False)
    return _scaled(resized[:, 0])


def _scaled(maps: Float[Tensor, "n *grid"]) -> Float[Tensor, "n *grid"]:
    each = (slice(None), *[None] * (maps.ndim - 1))  # one number a map, beside its positions
    rows = maps.flatten(1)
    lifted = maps - rows.amin(1)[each]
    return lifted / (EPSILON + lifted.flatten(1).amax(1)[each])


def _gradcam(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2."""
    return _weighted(g.mean(2), a)


def _gradcam_plus_plus(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """Chattopadhay et al. 2018, arXiv:1710.11063, with the powers of one gradient in place of its derivatives."""
    shares = g**2 / (2 * g**2 + a.sum(2, keepdim=True) * g**3 + 1e-6)
    return _weighted((g.clamp(min=0) * shares.where(g != 0, 0)).sum(2), a)


def _xgradcam(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """Fu et al. 2020, arXiv:2008.02312."""
    return _weighted((g * a).sum(2) / (a.sum(2) + EPSILON), a)


def _hirescam(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """Draelos and Carin 2020, arXiv:2011.08891."""
    return (g * a).sum(1)


def _elementwise(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    return (g * a).clamp(min=0).sum(1)


def _layercam(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """Jiang et al. 2021, doi:10.1109/TIP.2021.3089943."""
    return (g.clamp(min=0) * a).sum(1)


def _eigencam(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """Muhammad and Yeasin 2020, arXiv:2008.00299; the gradient is not used."""
    return _principal(a)


def _eigengradcam(a: Float[Tensor, "n c p"], g: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    return _principal(g * a)


METHODS: Mapping[str, Method] = {
    "gradcam": _gradcam,
    "gradcam++": _gradcam_plus_plus,
    "xgradcam": _xgradcam,
    "hirescam": _hirescam,
    "layercam": _layercam,
    "elementwise": _elementwise,
    "eigencam": _eigencam,
    "eigengradcam": _eigengradcam,
}
CLASSLESS = ("eigencam",)  # look at no class, and need no gradient


def _weighted(w: Float[Tensor, "n c"], a: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    return torch.einsum("nc,ncp->np", w, a)


def _principal(values: Float[Tensor, "n c p"]) -> Float[Tensor, "n p"]:
    """The values centred over positions, along the direction of channels in which they vary most.

    A direction has no sign. Here the number furthest from 0 is positive. Values that are not finite give NaN.
    """
    centred = (values - values.mean(2, keepdim=True)).mT  # (n, positions, channels)
    finite = centred.isfinite().flatten(1).all(1)[:, None, None]
    direction = torch.linalg.svd(centred.where(finite, 0), full_matrices=False).Vh[:, 0]
    along = torch.einsum("npc,nc->np", centred, direction)
    flipped = along.amin(1).abs() > along.amax(1).abs()
    return along.where(~flipped[:, None], -along)
