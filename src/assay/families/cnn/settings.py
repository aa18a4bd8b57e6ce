"""The network that a state dict with canonical names is of: a ResNet, or a plain Sequential."""

from collections.abc import Mapping

from torch import Tensor, nn

from assay.errors import Refused
from assay.families.cnn.network import CnnNetwork
from assay.families.cnn.plain import plain_sizes, plain_trunk
from assay.families.cnn.residual import residual_sizes, residual_trunk
from assay.families.hyperparameters import HyperParameters
from assay.families.state_names import extent


def network_of(tensors: Mapping[str, Tensor], values: HyperParameters) -> CnnNetwork:
    """The network without its numbers; its sizes are those of the tensors.

    Raises:
        Refused: names by which neither kind is known; or every problem of the hyper-parameters at once.
    """
    trunk, channels, width = _trunk(tensors, values)
    classes = extent(tensors, "head.weight", 0)
    sizes = {"num_channels": channels, "in_chans": channels}
    if classes:
        sizes |= {"num_labels": classes, "num_classes": classes}
    values.refuse_other(sizes)
    values.refuse_problems()
    return CnnNetwork(trunk, channels=channels, width=width, classes=classes)


def _trunk(tensors: Mapping[str, Tensor], values: HyperParameters) -> tuple[nn.Sequential, int, int]:
    """The trunk, the channels that go in, and those that come out."""
    if "trunk.layer1.0.conv1.weight" in tensors:
        sizes = residual_sizes(tensors, values)
        return residual_trunk(sizes), sizes.channels, sizes.outer[-1]
    if "trunk.f.0.weight" in tensors:
        plain = plain_sizes(tensors, values)
        return plain_trunk(plain), plain[0].channels, plain[-1].width
    found = ", ".join(ascii(name) for name in list(tensors)[:8])
    raise Refused(
        "the state dict has neither layer1.0.conv1.weight, as a ResNet, nor f.0.weight, as a plain network; "
        f"it has {found}, ... Read are the names of torchvision, timm and transformers."
    )
