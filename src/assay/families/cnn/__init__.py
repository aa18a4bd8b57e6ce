"""Convolutional networks of images: ResNets, and plain stacks of convolutions."""

from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from assay.families.cnn.naming import canonical
from assay.families.cnn.network import CnnNetwork, averaged
from assay.families.cnn.residual import ResidualBlock
from assay.families.cnn.settings import network_of
from assay.families.image_checkpoint import hyper_parameters, refuse_unknown, say_left_out, without_head
from assay.families.image_subject import AUTO, NEED_A_HEAD, ImageSubject
from assay.families.pixels import class_names, pixel_scale, say_unknown_scale
from assay.families.randomisation import with_random_weights
from assay.families.state import load_state
from assay.families.state_names import reading
from assay.protocols import Cut, ImageBatch

CLASS_PATHS = ("transformers.ResNetForImageClassification", "transformers.ResNetModel")
POOLINGS = ("mean", "gap")  # two names of the mean over positions


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "CnnSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    Its sizes are those of its tensors, whose names are torchvision's, timm's or transformers' of a ResNet, or `f`
    and `h` of a plain network, whose `stride` is a hyper-parameter. Where no `image_mean` and
    `image_std` are known, pixels are taken as they are, with a ResultWarning.

    Raises:
        Refused: tensors that are missing, unexpected or of another shape, all of them listed; a stride that is not
            known; hyper-parameters that say another size than the tensors.
    """
    values = hyper_parameters(hparams, family="cnn", class_paths=CLASS_PATHS)
    named = canonical(tensors)
    with reading(named):
        with torch.device("meta"):
            network = network_of(named.tensors, values)
        names = class_names(values, network.classes)
        scale = pixel_scale(values, channels=network.channels)
        values.refuse_problems()
        load_state(network, named.tensors)
    network.scale = scale
    say_left_out(named.left_out)
    say_unknown_scale(values)
    return CnnSubject(network, names)


def lacks(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> dict[str, str]:
    """Capability -> why this checkpoint does not answer it: an encoder has no logits."""
    return without_head("head.weight" in canonical(tensors).tensors, NEED_A_HEAD)


@final
class CnnSubject(ImageSubject[CnnNetwork]):
    """A loaded convolutional network. Its embedding is the mean over the positions of its last maps."""

    family = "cnn"

    def __init__(self, network: CnnNetwork, class_names: tuple[str, ...], *, layer: str = AUTO):
        super().__init__(network, class_names)
        self.layer_names = tuple(network.steps())
        self.default_layer = self.layer_names[-1]
        self.n_stages = len(network.stages())
        self._layer = layer

    def to(self, device: str) -> "CnnSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    def pooled(self, *, pooling: str, layer: str) -> "CnnSubject":
        """The subject that embeds by the mean over the positions of a layer's maps.

        Raises:
            AssayError: a pooling or a layer that the network does not have.
        """
        refuse_unknown("pooling", pooling, (AUTO, *POOLINGS))
        refuse_unknown("layer", layer, (AUTO, *self.layer_names))
        return CnnSubject(self.network, self.class_names, layer=layer)

    @torch.inference_mode()
    def embed(
        self, batch: ImageBatch, noise: Float32[Tensor, "samples k"] | None = None
    ) -> Float32[Tensor, "samples d"]:
        """One vector a sample, in which nothing is random."""
        layer = self.default_layer if self._layer == AUTO else self._layer
        return averaged(self.network.through(self.network.entered(batch), to=layer))

    @torch.inference_mode()
    def layers(self, batch: ImageBatch) -> list[Float32[Tensor, "samples d"]]:
        """The mean over positions after every ReLU of the trunk and every residual block."""
        outputs, maps = [], self.network.entered(batch)
        for step in self.network.steps().values():
            maps = step(maps)
            if isinstance(step, nn.ReLU | ResidualBlock):
                outputs.append(averaged(maps))
        return outputs

    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        """The network behind a step of its trunk.

        Raises:
            AssayError: the checkpoint has no head or no such layer.
        """
        self.refuse_without_head()
        refuse_unknown("layer", layer, self.layer_names)
        with torch.no_grad():
            maps = self.network.through(self.network.entered(batch), to=layer)
        return Cut(
            activation=maps,
            tail=lambda x: self.network.logits(self.network.through(x, after=layer)),
            on_grid=lambda x: x,
        )

    def randomised(self, stages: int, *, seed: int) -> "CnnSubject":
        """New weights in the head, then in the last convolutions or blocks, at last in the first."""
        changed = with_random_weights(self.network, self.network.stages()[:stages], seed=seed)
        return CnnSubject(changed, self.class_names, layer=self._layer)
