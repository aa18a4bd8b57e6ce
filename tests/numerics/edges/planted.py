"""Networks of which some edges were left out, and what their functions would then do: no training, only its traces."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Planted:
    """A network with hubs; `held_out` were removed, so that the gradients of their targets follow their sources."""

    activation: np.ndarray  # [layers, samples, n]
    gradient: np.ndarray
    network: np.ndarray  # bool [source, target], without what was held out
    held_out: np.ndarray  # [2, edges]

    @property
    def closed(self) -> np.ndarray:
        return self.network | np.eye(len(self.network), dtype=bool)


def planted(seed: int, *, n: int = 80, samples: int = 150, layers: int = 3, effect: float = 0.15) -> Planted:
    rng = np.random.default_rng(seed)
    network = hubs(rng, n, edges=4 * n)
    edges = np.stack(np.nonzero(network))
    held_out = edges[:, np.sort(rng.choice(edges.shape[1], edges.shape[1] // 3, replace=False))]
    network[held_out[0], held_out[1]] = False
    activation = np.abs(rng.standard_normal((layers, samples, n)))
    gradient = np.abs(rng.standard_normal((layers, samples, n)))
    for source, target in held_out.T:
        gradient[1:, :, target] += effect * activation[:-1, :, source]
    return Planted(activation, gradient, network, held_out)


def hubs(rng: np.random.Generator, n: int, *, edges: int) -> np.ndarray:
    """Edges without loops whose sources are a few hubs more often than others."""
    popularity = rng.pareto(1.5, n) + 0.2
    weights = np.tile(popularity[:, None], (1, n))
    np.fill_diagonal(weights, 0)
    chosen = rng.choice(n * n, edges, replace=False, p=weights.ravel() / weights.sum())
    network = np.zeros(n * n, dtype=bool)
    network[chosen] = True
    return network.reshape(n, n)
