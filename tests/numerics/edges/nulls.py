"""Columns of several layers that have nothing to do with those of another side, of the shapes that magnitudes have."""

from collections.abc import Callable, Mapping

import numpy as np


def gaussian(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return noise


def half_normal(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.abs(noise)


def lognormal(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.exp(noise)


def relu(noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """62 to 93 % zeros, another share in each column."""
    return np.maximum(noise - rng.uniform(0.3, 1.48, noise.shape[2]), 0)


SHAPES: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "gaussian": gaussian,
    "half-normal": half_normal,
    "lognormal": lognormal,
    "relu": relu,
}


def null_columns(shape: str, rng: np.random.Generator, *, layers: int, n: int, k: int, rho: float):
    """Independent columns whose layers have correlation rho before they take their shape."""
    common, own = rng.standard_normal((1, n, k)), rng.standard_normal((layers, n, k))
    return SHAPES[shape](np.sqrt(rho) * common + np.sqrt(1 - rho) * own, rng)


def together(n: int) -> np.ndarray:
    """One group of n samples."""
    return np.zeros(n, dtype=np.int64)
