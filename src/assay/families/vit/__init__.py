"""Vision transformers, of images and of signals: ViT, MAE encoders, DINOv2 with registers."""

from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.families.image_checkpoint import hyper_parameters, refuse_unknown, say_left_out, without_head
from assay.families.image_subject import AUTO, NEED_A_HEAD, ImageSubject
from assay.families.pixels import class_names, pixel_scale, say_unknown_scale
from assay.families.randomisation import with_random_weights
from assay.families.state import load_state
from assay.families.state_names import reading
from assay.families.vit.layers import layer_names, split_at
from assay.families.vit.naming import canonical
from assay.families.vit.network import Tokens, VitNetwork, pooled
from assay.families.vit.settings import settings_of
from assay.protocols import Cut, ImageBatch, TokenAttention

CLASS_PATHS = (
    "transformers.ViTForImageClassification",
    "transformers.ViTModel",
    "transformers.ViTMAEForPreTraining",
    "transformers.ViTMAEModel",
    "transformers.Dinov2WithRegistersForImageClassification",
    "transformers.Dinov2WithRegistersModel",
)


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "VitSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    Its sizes are those of its tensors, whose names are timm's, the MAE paper's, transformers' or torchvision's; the
    number of heads is a hyper-parameter. Where no `image_mean` and `image_std` are known, pixels are taken as they
    are, with a ResultWarning; signals without.

    Raises:
        Refused: tensors that are missing, unexpected or of another shape, all of them listed; an unknown number
            of heads; hyper-parameters that say another size than the tensors.
    """
    values = hyper_parameters(hparams, family="vit", class_paths=CLASS_PATHS)
    named = canonical(tensors)
    with reading(named):
        settings = settings_of(named.tensors, values, hparams.get("class_path"))
        names = class_names(values, settings.classes)
        scale = pixel_scale(values, channels=settings.channels)
        values.refuse_problems()
        with torch.device("meta"):
            network = VitNetwork(settings)
        load_state(network, named.tensors)
    network.scale = scale
    say_left_out(named.left_out)
    if not settings.of_signals:
        say_unknown_scale(values)
    return VitSubject(network, names)


def lacks(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> dict[str, str]:
    """Capability -> why this checkpoint does not answer it: an encoder has no logits."""
    return without_head("head.weight" in canonical(tensors).tensors, NEED_A_HEAD)


@final
class VitSubject(ImageSubject[VitNetwork]):
    """A loaded vision transformer. Its embedding is what the head reads, or would: the class token by default."""

    family = "vit"

    def __init__(
        self, network: VitNetwork, class_names: tuple[str, ...], *, pooling: str = AUTO, layer: str = AUTO
    ):
        super().__init__(network, class_names)
        self.layer_names = layer_names(network.settings.depth)
        self.default_layer = f"blocks.{network.settings.depth - 1}.norm1"
        self.n_stages = len(network.stages())
        self._pooling, self._layer = pooling, layer

    def to(self, device: str) -> "VitSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    def pooled(self, *, pooling: str, layer: str) -> "VitSubject":
        """The subject that embeds by the class token, or by the mean of the patches, after a layer.

        Raises:
            AssayError: a pooling or a layer that the network does not have.
        """
        refuse_unknown("pooling", pooling, (AUTO, *self.network.settings.poolings))
        refuse_unknown("layer", layer, (AUTO, *self.layer_names))
        return VitSubject(self.network, self.class_names, pooling=pooling, layer=layer)

    @torch.inference_mode()
    def embed(
        self, batch: ImageBatch, noise: Float32[Tensor, "samples k"] | None = None
    ) -> Float32[Tensor, "samples d"]:
        """One vector a sample, in which nothing is random."""
        settings = self.network.settings
        pooling = settings.pooling if self._pooling == AUTO else self._pooling
        tokens, _ = self.network.entered(batch)
        if self._layer == AUTO:
            return self.network.features(self.network.through(tokens), pooling)
        return pooled(split_at(self.network, tokens, self._layer)[0], pooling, settings)

    @torch.inference_mode()
    def layers(self, batch: ImageBatch) -> list[Float32[Tensor, "samples d"]]:
        """The class token after every block; the mean of the patches where there is none."""
        outputs, (tokens, _) = [], self.network.entered(batch)
        pooling = "cls" if self.network.settings.class_token else "mean"
        for block in self.network.depths():
            tokens = block(tokens)
            outputs.append(pooled(tokens, pooling, self.network.settings))
        return outputs

    @torch.inference_mode()
    def attend_tokens(self, batch: ImageBatch) -> TokenAttention:
        """Every layer's weights, recomputed from the queries and keys that the layer itself has."""
        weights, (tokens, grid) = [], self.network.entered(batch)
        for block in self.network.depths():
            weights.append(block.attn.weights(block.norm1(tokens)))
            tokens = block(tokens)
        sizes = self.network.settings
        return TokenAttention(torch.stack(weights), sizes.prefix, grid, sizes.class_token)

    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        """The network behind a norm or a block; what passes a norm by is held fixed.

        Raises:
            AssayError: the checkpoint has no head or no such layer.
        """
        self.refuse_without_head()
        refuse_unknown("layer", layer, self.layer_names)
        with torch.no_grad():
            tokens, grid = self.network.entered(batch)
            activation, rest = split_at(self.network, tokens, layer)

        def on_grid(x: Tokens) -> Float32[Tensor, "samples width y x"]:
            patches = x[:, self.network.settings.prefix :].transpose(1, 2)
            return patches.unflatten(2, grid)

        return Cut(activation, lambda x: self.network.logits(rest(x)), on_grid)

    def randomised(self, stages: int, *, seed: int) -> "VitSubject":
        """New weights in the head with its norm, then in the last blocks, at last in the tokens and patches."""
        changed = with_random_weights(self.network, self.network.stages()[:stages], seed=seed)
        return VitSubject(changed, self.class_names, pooling=self._pooling, layer=self._layer)
