"""Pixels as a network was trained on them: less their mean, over their standard deviation."""

import warnings
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay.errors import ResultWarning
from assay.families.hyperparameters import HyperParameters

WHERE = (
    "{n} numbers, or one for all; in hyper_parameters, preprocessor_config.json or, between commas, the sheet's "
    "column hparams"
)
UNKNOWN = (
    "the checkpoint says neither image_mean nor image_std; its pixels are not normalised. Where it was trained on "
    "normalised ones, what is made of it is wrong: name both in hyper_parameters, preprocessor_config.json or the "
    "sheet's column hparams, those of ImageNet as image_mean=0.485,0.456,0.406 image_std=0.229,0.224,0.225; "
    "image_mean=0 image_std=1 says that pixels are right as they are"
)


class PixelScale(nn.Module):
    """(x - mean) / std, a channel at a time."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Float[Tensor, " channels"], std: Float[Tensor, " channels"]):
        super().__init__()
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(
        self, x: Float[Tensor, "samples channels *space"]
    ) -> Float[Tensor, "samples channels *space"]:
        """The images of a batch, scaled."""
        one_a_channel = (-1, *[1] * (x.ndim - 2))
        return (x - self.mean.view(one_a_channel)) / self.std.view(one_a_channel)


def pixel_scale(values: HyperParameters, *, channels: int) -> nn.Module:
    """The scale that `image_mean` and `image_std` say, for pixels from 0 to 1; where neither is known, none.

    As in preprocessor_config.json: `do_normalize` false is none, and `rescale_factor` is what a pixel of 0 to 255
    was multiplied by before. timm's `pretrained_cfg` is read too.
    """
    means = _numbers(values, "image_mean", "mean", channels)
    stds = _numbers(values, "image_std", "std", channels)
    if bool(means) != bool(stds):
        values.problem("image_mean", means, "given with image_std, or neither")
    if any(std <= 0 for std in stds):
        values.problem("image_std", stds, "numbers above 0")
    brightest = _brightest(values)
    normalised = means and stds and values.flag("do_normalize", default=True)
    if not normalised and brightest == 1:
        return nn.Identity()
    mean, std = (means, stds) if normalised else ([0.0], [1.0])
    return PixelScale(torch.tensor(mean) / brightest, torch.tensor(std) / brightest)


def say_unknown_scale(values: HyperParameters) -> None:
    """Warns where nothing says how pixels were normalised, nor that they were not (`do_normalize` false)."""
    known = (values.raw("image_mean"), values.below("pretrained_cfg").raw("mean"))
    if known == (None, None) and values.flag("do_normalize", default=True):
        warnings.warn(UNKNOWN, ResultWarning, stacklevel=3)


def _numbers(values: HyperParameters, key: str, timms: str, channels: int) -> list[float]:
    """One number a channel; one number alone is that of all."""
    found = values.listed(key)
    if found is None:
        found = values.below("pretrained_cfg").raw(timms)
    if found is None:
        return []
    numbers = found if isinstance(found, list | tuple) else [found]
    sound = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    if sound and len(numbers) in {1, channels}:
        return [float(n) for n in numbers]
    values.problem(key, str(found), WHERE.format(n=channels))
    return []


def _brightest(values: HyperParameters) -> float:
    """What the brightest pixel was before it was normalised."""
    if not values.flag("do_rescale", default=True):
        return 255.0
    factor = values.raw("rescale_factor")
    if factor is None:
        return 1.0
    if isinstance(factor, bool) or not isinstance(factor, int | float) or factor <= 0:
        values.problem("rescale_factor", factor, "a number above 0, such as 1/255")
        return 1.0
    scaled = 255 * float(factor)
    return 1.0 if abs(scaled - 1) < 1e-6 else scaled


def class_names(values: HyperParameters, n_classes: int) -> tuple[str, ...]:
    """The classes by name, in the order of the logits: `class_names`, or `id2label`; else their numbers.

    `class_names` is a list or, in the sheet, text separated by commas.
    """
    named = values.raw("class_names")
    if isinstance(named, str):
        named = [word.strip() for word in named.split(",")]
    labels = values.raw("id2label")
    if named is None and isinstance(labels, Mapping):
        named = [labels.get(str(number)) for number in range(len(labels))]
    if named is None or n_classes == 0:
        return tuple(str(number) for number in range(n_classes))
    sound = isinstance(named, list) and all(isinstance(name, str) and name for name in named)
    if not sound or len(named) != n_classes or len(set(named)) != n_classes:
        got = f"{len(named)} names" if isinstance(named, list) else named
        key = "class_names" if values.raw("class_names") is not None else "id2label"
        values.problem(key, got, f"{n_classes} different names, as the head has {n_classes} classes")
        return tuple(str(number) for number in range(n_classes))
    return tuple(named)
