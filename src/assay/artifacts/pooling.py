"""A subject that embeds as the options `pooling` and `layer` say."""

from assay.errors import AssayError
from assay.protocols import Embeds, Pools

AUTO = "auto"


def pooled(subject: Embeds, *, pooling: str, layer: str) -> Embeds:
    """The subject itself where both are `auto`.

    Raises:
        AssayError: the family has one embedding alone, or the network no such pooling or layer.
    """
    if pooling == layer == AUTO:
        return subject
    if not isinstance(subject, Pools):
        raise AssayError(
            f"pooling is {pooling!r} and layer {layer!r}; family {subject.family} has one embedding alone. "
            f"Allowed: {AUTO} for both"
        )
    return subject.pooled(pooling=pooling, layer=layer)
