"""What the functions of a network did on samples, gathered batch by batch: one number a function, layer and sample."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.errors import AssayError
from assay.numerics.edges.function_values import function_values
from assay.protocols import Samples, Traces

LEAST_SAMPLES, LEAST_LAYERS = 3, 2
NAMED = 5  # functions, in an error


def traced_values(
    subject: Traces, samples: Samples, *, batch_size: int, criterion: str, prenorm: bool, norm: str, agg: str
) -> tuple[Float64[np.ndarray, "layers samples n"], Float64[np.ndarray, "layers samples n"]]:
    """Activations and gradients of all samples in order, the channels of a function taken together.

    Raises:
        AssayError: fewer than 3 samples or 2 blocks, or values that are not finite.
    """
    if len(samples) < LEAST_SAMPLES:
        raise AssayError(
            f"edges are inferred from {LEAST_SAMPLES} samples or more; "
            f"split {samples.split!r} gives {len(samples)}"
        )
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for batch in samples.batches(batch_size):
        trace = subject.trace(batch, criterion=criterion, prenorm=prenorm)
        for side, recorded in zip(sides, (trace.activation, trace.gradient), strict=True):
            channels = recorded.cpu().numpy()
            n = len(subject.functions)
            side.append(function_values(channels, subject.channel_function, n, norm=norm, agg=agg))
    activation, gradient = (np.concatenate(side, axis=1) for side in sides)
    _check(activation, "activations", subject.functions)
    _check(gradient, "gradients", subject.functions)
    return activation, gradient


def edge_table(edges: Int64[np.ndarray, "2 edges"], n: int) -> Bool[np.ndarray, "n n"]:
    """Whether there is an edge, [source, target]."""
    table = np.zeros((n, n), dtype=np.bool_)
    table[edges[0], edges[1]] = True
    return table


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _check(values: Float64[np.ndarray, "layers samples n"], what: str, functions: Sequence[str]) -> None:
    if len(values) < LEAST_LAYERS:
        raise AssayError(
            f"edges are inferred from one block to the next: a network needs {LEAST_LAYERS} blocks or more "
            f"(constructor argument layers); this one has {len(values)}"
        )
    bad = np.flatnonzero(~np.isfinite(values).all((0, 1)))
    if len(bad):
        raise AssayError(
            f"the {what} of {len(bad)} of {len(functions)} functions are not finite: "
            f"{named([functions[i] for i in bad.tolist()])}"
        )
