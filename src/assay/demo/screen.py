"""A simulated perturbation screen: genes that drive each other, doses that push some of them, levels read of all.

Made to be learnt by a GSNN that is told only part of the edges: what it is not told is known, and can be looked for.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64

from assay.demo.npz import publish_npz

N_SAMPLES = {"train": 1000, "val": 400}
N_GENES, DRIVERS = 60, 2  # of each gene
STEPS = 3  # that a push travels
SHARE_PUSHED = 0.15  # of the genes of a sample
NOISE = 0.1  # of a level whose standard deviation is 1
SHARE_HELD_OUT = 1 / 3


@dataclass(frozen=True, slots=True)
class Screen:
    """Doses and levels of samples, and the edges from gene to gene by position: those told, and those held out."""

    genes: tuple[str, ...]
    known: Int64[np.ndarray, "2 known"]
    held_out: Int64[np.ndarray, "2 held_out"]
    doses: Float32[np.ndarray, "samples genes"]
    levels: Float32[np.ndarray, "samples genes"]


def write_screen(folder: Path, seed: int) -> int:
    """Writes `train.npz` and `val.npz`, as the source `network` reads them, and `known_edges.npz`.

    Returns the number of samples.
    """
    n = sum(N_SAMPLES.values())
    screen, first = simulated(n=n, seed=seed), 0
    held_out = np.array(screen.genes)[screen.held_out.T]
    for split, size in N_SAMPLES.items():
        rows = slice(first, first + size)
        tables = {"x": screen.doses[rows], "y": screen.levels[rows]}
        names = {"x_names": _named("dose", screen.genes), "y_names": _named("level", screen.genes)}
        publish_npz(folder / f"{split}.npz", {**tables, **names, "held_out": held_out})
        first += size
    publish_npz(folder / "known_edges.npz", {"genes": np.array(screen.genes), "edges": screen.known})
    return n


def simulated(*, n: int, seed: int) -> Screen:
    """A screen of n samples; gene by gene the level has mean 0 and standard deviation 1, but for the noise."""
    draw = np.random.default_rng(seed)
    edges = _edges(draw)
    strength = np.zeros((N_GENES, N_GENES))
    strength[edges[0], edges[1]] = _signed(draw, edges.shape[1], 0.6, 1.2)
    response = np.diag(_signed(draw, N_GENES, 1.2, 2.4))
    doses = draw.random((n, N_GENES)) * (draw.random((n, N_GENES)) < SHARE_PUSHED)
    state = np.zeros_like(doses)
    for _ in range(STEPS):
        state = np.tanh(state @ strength + doses @ response)
    levels = (state - state.mean(0)) / state.std(0) + NOISE * draw.standard_normal(state.shape)
    held_out = draw.permutation(edges.shape[1]) < round(SHARE_HELD_OUT * edges.shape[1])
    return Screen(
        genes=tuple(f"G{gene:02}" for gene in range(N_GENES)),
        known=edges[:, ~held_out],
        held_out=edges[:, held_out],
        doses=doses.astype(np.float32),
        levels=levels.astype(np.float32),
    )


def _named(what: str, genes: tuple[str, ...]) -> np.ndarray:
    return np.array([f"{what}_{gene}" for gene in genes])


def _edges(draw: np.random.Generator) -> Int64[np.ndarray, "2 edges"]:
    """As many drivers of each gene, none of which is itself; by driver, then by gene."""
    others = np.array([draw.choice(N_GENES - 1, DRIVERS, replace=False) for _ in range(N_GENES)])
    gene = np.arange(N_GENES)[:, None]
    driver = others + (others >= gene)
    return np.array(sorted(zip(driver.ravel(), np.repeat(gene, DRIVERS), strict=True))).T


def _signed(draw: np.random.Generator, n: int, least: float, most: float) -> Float64[np.ndarray, " n"]:
    return draw.choice([-1, 1], n) * draw.uniform(least, most, n)
