"""Convolutional networks of images: ResNets, and plain stacks of convolutions."""

from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from assay.errors import AssayError
from assay.families.cnn.naming import canonical
from assay.families.cnn.network import CnnNetwork, averaged
from assay.families.cnn.residual import ResidualBlock
from assay.families.cnn.settings import network_of
from assay.families.detection import by_classes
from assay.families.image_checkpoint import (
    NO_HEAD,
    hyper_parameters,
    refuse_unknown,
    say_left_out,
    without_head,
)
from assay.families.labelled import labelled_objective
from assay.families.pixels import class_names, pixel_scale
from assay.families.randomisation import with_random_weights
from assay.families.state import load_state
from assay.families.state_names import reading
from assay.protocols import Cut, Detection, ImageBatch, Objective, Samples

CLASS_PATHS = ("transformers.ResNetForImageClassification", "transformers.ResNetModel")
NEED_A_HEAD = ("detect", "explain", "loss", "predict")
AUTO = "auto"
POOLINGS = ("mean", "gap")  # two names of the mean over positions


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "CnnSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    Its sizes are those of its tensors, whose names are torchvision's, timm's or transformers' of a ResNet, or `f`
    and `h` of a plain network, whose `stride` is a hyper-parameter. Pixels are taken as they are where no
    `image_mean` and `image_std` are known.

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
    return CnnSubject(network, names)


def lacks(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> dict[str, str]:
    """Capability -> why this checkpoint does not answer it: an encoder has no logits."""
    return without_head("head.weight" in canonical(tensors).tensors, NEED_A_HEAD)


@final
class CnnSubject:
    """A loaded convolutional network. Its embedding is the mean over the positions of its last maps."""

    family = "cnn"
    noise_width = 0

    def __init__(self, network: CnnNetwork, class_names: tuple[str, ...], *, layer: str = AUTO):
        self.network = network.eval().requires_grad_(False)
        self.class_names = class_names
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

    @torch.inference_mode()
    def predict(self, batch: ImageBatch) -> Float32[Tensor, "samples classes"]:
        """Logits.

        Raises:
            AssayError: the checkpoint has no head.
        """
        self._refuse_without_head()
        return self.network(batch)

    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """The class of the largest logit, in which nothing is random; none is benign.

        Raises:
            AssayError: the checkpoint has no head.
        """
        logits = torch.cat([self.predict(batch) for batch in samples.batches(batch_size)])
        return by_classes(logits, self.class_names)

    def parameters(self) -> Mapping[str, Tensor]:
        """By torchvision's names below `trunk`, in the order of the network."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The cross entropy of the labelled samples, in which nothing is random; norms keep their statistics.

        Raises:
            AssayError: the checkpoint has no head, or see `labelled_objective`.
        """
        self._refuse_without_head()
        return labelled_objective(self.network, samples, classes=self.network.classes)

    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        """The network behind a step of its trunk.

        Raises:
            AssayError: the checkpoint has no head or no such layer.
        """
        self._refuse_without_head()
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

    def _refuse_without_head(self) -> None:
        if not self.network.classes:
            raise AssayError(f"{NO_HEAD}; it has embeddings, but no logits")
