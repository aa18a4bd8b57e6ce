"""Trains the small image networks of the demo: a vision transformer and a convolutional network."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from assay.demo.training import Trained, checkpoint, fit, seeded
from assay.families.cnn.network import CnnNetwork
from assay.families.cnn.plain import Convolution, plain_trunk
from assay.families.vit.network import VitNetwork
from assay.families.vit.settings import VitSettings
from assay.protocols import ImageBatch

SIDE, PATCH, CLASSES = 8, 2, 10  # of the digits
HEADS, KERNEL = 4, 3
LEARNING_RATE = 3e-3


def digits_at(path: Path) -> ImageBatch:
    """All images of a file that `write_digits` wrote."""
    with np.load(path) as arrays:
        return ImageBatch(torch.from_numpy(arrays["images"])[:, None], torch.from_numpy(arrays["labels"]))


def trained_vit(images: ImageBatch, *, width: int, layers: int, epochs: int, seed: int) -> Trained:
    """A ViT by timm's names, fitted to the labels.

    The same seed gives the same bits on one thread of the same machine; the global random state is left as found.
    """
    header = {"hyper_parameters": {"num_heads": HEADS, "image_size": SIDE, "seed": seed}}
    return _trained(partial(_vit, width, layers), images, header, epochs=epochs, seed=seed)


def trained_cnn(images: ImageBatch, *, width: int, layers: int, epochs: int, seed: int) -> Trained:
    """A plain stack of convolutions, its modules named `f` and `h`; otherwise as `trained_vit`."""
    header = {"hyper_parameters": {"stride": 1, "seed": seed}}
    result = _trained(partial(_cnn, width, layers), images, header, epochs=epochs, seed=seed)
    state = {_plain_name(name): tensor for name, tensor in result.checkpoint["state_dict"].items()}
    return Trained({**result.checkpoint, "state_dict": state}, result.losses)


TRAINED: Mapping[str, Callable[..., Trained]] = {"vit": trained_vit, "cnn": trained_cnn}


def _trained(
    made: Callable[[], nn.Module], images: ImageBatch, header: Mapping[str, Any], *, epochs: int, seed: int
) -> Trained:
    n = len(images.y)
    with seeded(seed):
        network = made().train()
        losses = fit(
            network, partial(_loss, network, images), n=n, epochs=epochs, peak_learning_rate=LEARNING_RATE
        )
    return Trained(checkpoint(network, header, n=n, epochs=epochs), losses)


def _vit(width: int, layers: int) -> VitNetwork:
    n_patches = (SIDE // PATCH) ** 2
    network = VitNetwork(
        VitSettings(
            width=width,
            depth=layers,
            heads=HEADS,
            hidden=2 * width,
            gated=False,
            channels=1,
            patch=(PATCH, PATCH),
            class_token=True,
            registers=0,
            positions=n_patches + 1,
            grid=(SIDE // PATCH, SIDE // PATCH),
            interpolates=False,
            qkv_bias=True,
            layer_scale=False,
            pooling="cls",
            norm_after_pooling=False,
            classes=CLASSES,
            epsilon=1e-6,
        )
    )
    for name in ("cls_token", "pos_embed"):
        nn.init.trunc_normal_(network.get_parameter(name), std=0.02)
    return network


def _cnn(width: int, layers: int) -> CnnNetwork:
    kernel = (KERNEL, KERNEL)
    channels = [1, *[width] * layers]
    convolutions = tuple(
        Convolution(entering, width, kernel, stride=1, bias=True, norm=False) for entering in channels[:-1]
    )
    return CnnNetwork(plain_trunk(convolutions), channels=1, width=width, classes=CLASSES)


def _plain_name(name: str) -> str:
    """The published name of a plain network's tensor."""
    return name.removeprefix("trunk.").replace("head.", "h.")


def _loss(network: nn.Module, images: ImageBatch, index: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    batch = ImageBatch(images.x[index], images.y[index])
    logits: Float32[Tensor, "batch classes"] = network(batch)
    return cross_entropy(logits, batch.y)
