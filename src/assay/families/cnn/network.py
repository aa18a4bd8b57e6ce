"""A convolutional network: a trunk of named steps, the mean over positions, a linear head."""

from collections.abc import Iterator

from jaxtyping import Float, Float32
from torch import Tensor, nn

from assay.errors import AssayError
from assay.families.cnn.residual import ResidualBlock
from assay.families.image_subject import ImageNetwork
from assay.protocols import ImageBatch

Maps = Float[Tensor, "samples channels y x"]


class CnnNetwork(ImageNetwork):
    """The network of a state dict."""

    def __init__(self, trunk: nn.Sequential, *, channels: int, width: int, classes: int):
        super().__init__()
        self.channels, self.classes = channels, classes
        self.scale = nn.Identity()
        self.trunk = trunk
        self.head = nn.Linear(width, classes) if classes else nn.Identity()

    def forward(self, batch: ImageBatch) -> Float32[Tensor, "samples classes"]:
        """Logits."""
        return self.logits(self.through(self.entered(batch)))

    def steps(self) -> dict[str, nn.Module]:
        """The modules that follow each other, by name: convolutions, norms, ReLUs, pools, residual blocks."""
        return dict(_flat(self.trunk, ""))

    def entered(self, batch: ImageBatch) -> Maps:
        """The images as the trunk takes them.

        Raises:
            AssayError: signals, or images of another number of channels.
        """
        if batch.x.ndim != 4 or batch.x.shape[1] != self.channels:
            raise AssayError(
                f"samples of {' x '.join(map(str, batch.x.shape[1:]))} for a network of {self.channels} channels; "
                f"allowed: images [samples, {self.channels}, rows, columns]"
            )
        return self.scale(batch.x)

    def through(
        self, x: Maps, *, after: str = "", to: str = ""
    ) -> Float[Tensor, "samples width rows columns"]:
        """What the steps behind `after`, up to and with `to`, make of maps; all steps where neither is named."""
        steps = self.steps()
        names = list(steps)
        first = names.index(after) + 1 if after else 0
        for name in names[first : names.index(to) + 1 if to else None]:
            x = steps[name](x)
        return x

    def logits(self, maps: Maps) -> Float32[Tensor, "samples classes"]:
        """The logits of the last step's maps."""
        return self.head(averaged(maps))

    def stages(self) -> list[list[str]]:
        """Names of parameters in groups, from the head back: a convolution with its norm, or a stage of blocks."""
        groups: list[list[str]] = [["head." + name for name, _ in self.head.named_parameters()]]
        waiting: list[str] = []
        for step, module in reversed(self.steps().items()):
            parameters = dict(module.named_parameters())
            waiting += [f"trunk.{step}.{name}" for name in parameters]
            follows = isinstance(module, ResidualBlock) and not step.endswith(".0")
            if any(parameter.ndim > 1 for parameter in parameters.values()) and not follows:
                groups.append(waiting)
                waiting = []
        return groups


def averaged(maps: Maps) -> Float32[Tensor, "samples channels"]:
    """The mean over positions."""
    return maps.mean((2, 3))


def _flat(modules: nn.Sequential, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    for name, module in modules.named_children():
        if isinstance(module, nn.Sequential):
            yield from _flat(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module
