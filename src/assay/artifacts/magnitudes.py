"""How much each function of a network does, and is pulled, on each sample: the two sides of its inferred edges."""

import numpy as np
from jaxtyping import Float64

from assay.artifacts.traced import LEAST_LAYERS, named
from assay.errors import AssayError
from assay.numerics.edges.function_values import function_values
from assay.protocols import Samples, Traces

POST_NORMS = ("batch", "groupbatch", "none")  # that leave the magnitude of a function in what follows them

Magnitudes = Float64[np.ndarray, "pairs samples functions"]


def magnitudes(
    subject: Traces, samples: Samples, *, batch_size: int, criterion: str, prenorm: bool, reduction: str
) -> tuple[Magnitudes, Magnitudes]:
    """Activations of all blocks but the last, and gradients of all but the first, so that row p of both is a pair.

    A magnitude is the l1 or l2 length of a function's channels. Values that are not finite stay.

    Raises:
        AssayError: no sample, fewer than 2 blocks, a function without channels, or activations after a norm that
            takes the magnitude of each function and sample out.
    """
    _refuse_bare_functions(subject)
    refuse_levelling_norms(subject, prenorm=prenorm, option="use_pre_norm")
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for batch in samples.batches(batch_size):
        trace = subject.trace(batch, criterion=criterion, prenorm=prenorm)
        _refuse_one_block(len(trace.activation))
        sides[0].append(_lengths(trace.activation[:-1].cpu().numpy(), subject, reduction))
        sides[1].append(_lengths(trace.gradient[1:].cpu().numpy(), subject, reduction))
    if not sides[0]:
        raise AssayError(f"split {samples.split!r}: there is no sample")
    return np.concatenate(sides[0], axis=1), np.concatenate(sides[1], axis=1)


def refuse_levelling_norms(subject: Traces, *, prenorm: bool, option: str) -> None:
    """Refuse activations after a norm that takes the magnitude of each function and sample out.

    `option` is the name under which the artifact has `prenorm`.

    Raises:
        AssayError: such a norm.
    """
    if not prenorm and subject.norm not in POST_NORMS:
        raise AssayError(
            f"option {option} is false, and the blocks have norm {subject.norm}, after which the channels of a "
            f"function have one magnitude in all samples; allowed then: {', '.join(POST_NORMS)}. Set it to true."
        )


def _lengths(channels: np.ndarray, subject: Traces, reduction: str) -> Magnitudes:
    n = len(subject.functions)
    sums = function_values(channels, subject.channel_function, n, norm=reduction, agg="sum")
    return np.sqrt(sums) if reduction == "l2" else sums


def _refuse_bare_functions(subject: Traces) -> None:
    bare = np.setdiff1d(np.arange(len(subject.functions)), subject.channel_function)
    if len(bare):
        names = named([subject.functions[i] for i in bare])
        raise AssayError(f"{len(bare)} functions have no channel, and so nothing to test: {names}")


def _refuse_one_block(n_layers: int) -> None:
    if n_layers < LEAST_LAYERS:
        raise AssayError(
            f"edges are inferred from one block to the next: a network needs {LEAST_LAYERS} blocks or more "
            f"(constructor argument layers); this one has {n_layers}"
        )
