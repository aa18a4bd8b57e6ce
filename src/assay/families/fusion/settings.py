"""Hyper-parameters that several fusion policies share."""

from assay.families.hyperparameters import HyperParameters
from assay.numerics.fusion_states import STATE_DIM

PUBLISHED_ALPHAS = 21  # also of policies that choose none
MOST_WIDTH = 4096
MOST_LAYERS = 64


def check_state_dim(values: HyperParameters) -> None:
    """Keeps a problem where the policy was built for other states than the published ones."""
    values.integer("state_dim", default=STATE_DIM, least=STATE_DIM, most=STATE_DIM)


def widths(values: HyperParameters, key: str, *, default: tuple[int, ...]) -> tuple[int, ...]:
    """The widths of hidden layers; an empty list is a network without any."""
    value = values.raw(key)
    if value is None:
        return default
    if isinstance(value, list | tuple) and len(value) <= MOST_LAYERS and all(map(_is_width, value)):
        return tuple(value)
    values.problem(key, value, f"a list of at most {MOST_LAYERS} integers from 1 to {MOST_WIDTH}")
    return default


def _is_width(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_WIDTH
