"""What was recorded at the channels of a network's functions, as one number a function and sample."""

import numpy as np
from jaxtyping import Float, Float64, Int64


def function_values(
    recorded: Float[np.ndarray, "layers samples channels"],
    channel_function: Int64[np.ndarray, " channels"],
    n_functions: int,
    *,
    norm: str,
    agg: str,
) -> Float64[np.ndarray, "layers samples n"]:
    """Of |T| (l1), T² (l2) or T (none) the sum, mean or max over the channels of each function.

    `channel_function` ascends. A function without a channel has 0.
    """
    channels = recorded.astype(np.float64)
    if norm != "none":
        channels = np.abs(channels) if norm == "l1" else np.square(channels)
    present, starts, counts = np.unique(channel_function, return_index=True, return_counts=True)
    values = np.zeros((*recorded.shape[:2], n_functions))
    if len(present):
        reduced = (np.maximum if agg == "max" else np.add).reduceat(channels, starts, axis=2)
        values[..., present] = reduced / counts if agg == "mean" else reduced
    return values
