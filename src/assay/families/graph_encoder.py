"""The stacks of convolutions that the published autoencoders share: their widths, heads and norms."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.nn import GraphNorm

from assay.families.convolutions import CONV_TYPES, convolution, convolution_step, reads_edge_features
from assay.families.hyperparameters import HyperParameters
from assay.families.input_encoder import InputSettings, input_settings
from assay.protocols import GraphBatch

MOST_LAYERS = 64


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """The hyper-parameters that decide an encoder, and the rule of every stack of its network."""

    inputs: InputSettings
    conv_type: str  # one of CONV_TYPES
    edge_dim: int
    heads: int  # of the first layer of a stack
    widths: tuple[int, ...]  # of the layers' outputs, all heads side by side
    norms: bool
    dropout: float

    @property
    def reads_edge_features(self) -> bool:
        """Whether the convolutions take `edge_attr`."""
        return reads_edge_features(self.conv_type)


def encoder_settings(
    values: HyperParameters,
    *,
    latent: int,
    hidden_dims: tuple[int, ...],
    embedding_dim: int,
    heads: int,
    dropout: float,
    mask_ids: int = 0,
) -> EncoderSettings:
    """What the hyper-parameters say of the encoder; the keywords are the defaults of the family.

    Without `hidden_dims` there is one layer of max(128, 2 latent). A last one that is `latent` wide is left
    out where it is not the only one: the linear maps behind the encoder have that width already.
    """
    widths = _widths(values, hidden_dims) or (max(128, 2 * latent), latent)
    if len(widths) > 1 and widths[-1] == latent:
        widths = widths[:-1]
    return EncoderSettings(
        inputs=input_settings(values, embedding_dim=embedding_dim, mask_ids=mask_ids),
        conv_type=values.choice("conv_type", default="gatv2", supported=CONV_TYPES),
        edge_dim=values.integer("edge_dim", default=11, least=1, most=65536),
        heads=values.integer("heads", default=heads, least=1, most=64),
        widths=widths,
        norms=values.flag("batch_norm", default=True),
        dropout=values.fraction("dropout", default=dropout),
    )


def convolution_stack(settings: EncoderSettings, width_in: int, widths: tuple[int, ...]) -> nn.ModuleList:
    """Convolutions to these widths; the first has several heads where they divide its width, all others one."""
    layers = []
    for i, width in enumerate(widths):
        heads = settings.heads if i == 0 and width % settings.heads == 0 else 1
        layers.append(convolution(settings.conv_type, width_in, width // heads, heads, settings.edge_dim))
        width_in = width
    return nn.ModuleList(layers)


def graph_norms(settings: EncoderSettings, widths: tuple[int, ...]) -> nn.ModuleList:
    """A norm for each width; none where the checkpoint has none."""
    return nn.ModuleList([GraphNorm(width) for width in widths] if settings.norms else [])


def stack_outputs(
    layers: nn.ModuleList,
    norms: nn.ModuleList,
    x: Float[Tensor, "nodes features"],
    batch: GraphBatch,
    *,
    activation: Callable[[Tensor], Tensor],
) -> list[Float[Tensor, "nodes width"]]:
    """The output of every layer, after its norm and its activation."""
    outputs = []
    for layer, norm in zip_longest(layers, norms):
        x = convolution_step(layer, x, batch, norm=norm, activation=activation)
        outputs.append(x)
    return outputs


def _widths(values: HyperParameters, default: tuple[int, ...]) -> tuple[int, ...]:
    found = values.raw("hidden_dims")
    if found is None:
        return default
    if isinstance(found, list | tuple) and len(found) <= MOST_LAYERS and all(map(_is_width, found)):
        return tuple(found)
    values.problem("hidden_dims", found, f"None or a list of up to {MOST_LAYERS} integers from 1 to 4096")
    return default


def _is_width(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 4096
