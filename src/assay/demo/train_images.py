"""Trains the small image networks of the demo: a vision transformer and a convolutional network."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64
from safetensors.numpy import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from assay.data.image_splits import Images
from assay.demo.training import Trained, checkpoint, fit, seeded
from assay.families.cnn.network import CnnNetwork
from assay.families.cnn.plain import Convolution, plain_trunk
from assay.families.vit.network import VitNetwork
from assay.families.vit.settings import VitSettings
from assay.protocols import ImageBatch

HEADS, KERNEL = 4, 3
AS_THEY_ARE = {"image_mean": 0.0, "image_std": 1.0}  # pixels of 0 to 1 are trained on
LEARNING_RATE = 3e-3


def images_at(path: Path) -> Images:
    """All images of a prepared split, or of a file that `write_digits` wrote."""
    if path.suffix != ".npz":
        return Images.from_arrays(load_file(path), str(path))
    with np.load(path) as arrays:
        names = np.array([str(digit) for digit in range(10)])
        return Images(arrays["images"][:, None], arrays["labels"], arrays["record_id"], names)


def trained_vit(images: Images, *, width: int, layers: int, stride: int, epochs: int, seed: int) -> Trained:
    """A ViT by timm's names, with patches of `stride` by `stride` pixels, fitted to the labels.

    The same seed gives the same bits on one thread of the same machine; the global random state is left as found.
    """
    size = images.x.shape[2:]
    header = {
        "num_heads": HEADS,
        **AS_THEY_ARE,
        "image_size": list(size),
        "class_names": images.class_names.tolist(),
        "seed": seed,
    }
    return _trained(partial(_vit, images, width, layers, stride), images, header, epochs=epochs, seed=seed)


def trained_cnn(images: Images, *, width: int, layers: int, stride: int, epochs: int, seed: int) -> Trained:
    """A plain stack of convolutions, its modules named `f` and `h`; otherwise as `trained_vit`."""
    header = {"stride": stride, **AS_THEY_ARE, "class_names": images.class_names.tolist(), "seed": seed}
    result = _trained(partial(_cnn, images, width, layers, stride), images, header, epochs=epochs, seed=seed)
    state = {_plain_name(name): tensor for name, tensor in result.checkpoint["state_dict"].items()}
    return Trained({**result.checkpoint, "state_dict": state}, result.losses)


TRAINED: Mapping[str, Callable[..., Trained]] = {"vit": trained_vit, "cnn": trained_cnn}


def _trained(
    made: Callable[[], nn.Module], images: Images, header: Mapping[str, Any], *, epochs: int, seed: int
) -> Trained:
    n, batch = len(images), images.batch("cpu")
    with seeded(seed):
        network = made().train()
        losses = fit(
            network, partial(_loss, network, batch), n=n, epochs=epochs, peak_learning_rate=LEARNING_RATE
        )
    return Trained(checkpoint(network, {"hyper_parameters": header}, n=n, epochs=epochs), losses)


def _vit(images: Images, width: int, layers: int, stride: int) -> VitNetwork:
    grid = (images.x.shape[2] // stride, images.x.shape[3] // stride)
    network = VitNetwork(
        VitSettings(
            width=width,
            depth=layers,
            heads=HEADS,
            hidden=2 * width,
            gated=False,
            channels=images.x.shape[1],
            patch=(stride, stride),
            class_token=True,
            registers=0,
            positions=grid[0] * grid[1] + 1,
            grid=grid,
            interpolates=False,
            qkv_bias=True,
            layer_scale=False,
            pooling="cls",
            norm_after_pooling=False,
            classes=len(images.class_names),
            epsilon=1e-6,
        )
    )
    for name in ("cls_token", "pos_embed"):
        nn.init.trunc_normal_(network.get_parameter(name), std=0.02)
    return network


def _cnn(images: Images, width: int, layers: int, stride: int) -> CnnNetwork:
    kernel = (KERNEL, KERNEL)
    channels = [images.x.shape[1], *[width] * layers]
    convolutions = tuple(
        Convolution(entering, width, kernel, stride, bias=True, norm=False) for entering in channels[:-1]
    )
    classes = len(images.class_names)
    return CnnNetwork(plain_trunk(convolutions), channels=channels[0], width=width, classes=classes)


def _plain_name(name: str) -> str:
    """The published name of a plain network's tensor."""
    return name.removeprefix("trunk.").replace("head.", "h.")


def _loss(network: nn.Module, images: ImageBatch, index: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    batch = ImageBatch(images.x[index], images.y[index])
    logits: Float32[Tensor, "batch classes"] = network(batch)
    return cross_entropy(logits, batch.y)
