"""What every loaded network of images answers in the same way: logits, decisions, parameters and loss."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from assay.errors import AssayError
from assay.families.detection import by_classes
from assay.families.image_checkpoint import NO_HEAD
from assay.families.labelled import labelled_objective
from assay.protocols import Cut, Detection, ImageBatch, Objective, Samples

AUTO = "auto"  # of `pooling` and `layer`: what the head reads
NEED_A_HEAD = ("detect", "explain", "loss", "predict")


class ImageNetwork(nn.Module):
    """A network whose forward pass takes a batch and gives logits; `scale` is of its pixels, no part of its state."""

    classes: int  # 0: there is no head
    scale: nn.Module


Network = TypeVar("Network", bound=ImageNetwork)


class ImageSubject(ABC, Generic[Network]):
    """A network in eval mode, whose parameters take no gradient."""

    noise_width = 0  # no embedding is random

    def __init__(self, network: Network, class_names: tuple[str, ...]):
        self.network = network.eval().requires_grad_(False)
        self.class_names = class_names

    @abstractmethod
    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        """The network cut behind a layer."""

    @torch.inference_mode()
    def predict(self, batch: ImageBatch) -> Float32[Tensor, "samples classes"]:
        """Logits.

        Raises:
            AssayError: the checkpoint has no head.
        """
        self.refuse_without_head()
        return self.network(batch)

    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """The class of the largest logit, in which nothing is random; none is benign.

        Raises:
            AssayError: the checkpoint has no head.
        """
        logits = torch.cat([self.predict(batch) for batch in samples.batches(batch_size)])
        return by_classes(logits, self.class_names)

    def parameters(self) -> Mapping[str, Tensor]:
        """By the names of the network, in its order."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The cross entropy of the labelled samples, in which nothing is random; norms keep their statistics.

        Raises:
            AssayError: the checkpoint has no head, or see `labelled_objective`.
        """
        self.refuse_without_head()
        return labelled_objective(self.network, samples, class_names=self.class_names)

    def refuse_without_head(self) -> None:
        """Refuses what needs logits.

        Raises:
            AssayError: the checkpoint is an encoder.
        """
        if not self.network.classes:
            raise AssayError(f"{NO_HEAD}; it has embeddings, but no logits")
