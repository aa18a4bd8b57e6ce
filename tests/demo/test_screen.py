import numpy as np
import pytest

from assay.data import network
from assay.demo.screen import DRIVERS, N_GENES, N_SAMPLES, simulated, write_screen


@pytest.fixture(scope="module")
def screen():
    return simulated(n=3000, seed=0)


def test_every_gene_has_its_drivers_none_of_which_is_itself(screen):
    edges = np.concatenate([screen.known, screen.held_out], axis=1)
    assert (edges[0] != edges[1]).all()
    assert len(set(map(tuple, edges.T))) == DRIVERS * N_GENES
    np.testing.assert_array_equal(np.bincount(edges[1], minlength=N_GENES), DRIVERS)


def test_a_third_of_the_edges_is_held_out_and_not_among_the_known_ones(screen):
    assert screen.held_out.shape[1] == DRIVERS * N_GENES / 3
    assert not set(map(tuple, screen.known.T)) & set(map(tuple, screen.held_out.T))


def test_a_level_follows_the_dose_of_its_gene_most_then_those_of_its_drivers(screen):
    doses, levels = (
        (table - table.mean(0)) / table.std(0) for table in (screen.doses.astype(float), screen.levels)
    )
    strength = np.abs(doses.T @ levels) / len(doses)  # [dose, level]
    drivers = np.zeros((N_GENES, N_GENES), bool)
    drivers[tuple(np.concatenate([screen.known, screen.held_out], axis=1))] = True
    others = ~drivers & ~np.eye(N_GENES, dtype=bool)
    assert np.diag(strength).mean() > strength[drivers].mean() > 3 * strength[others].mean()


def test_levels_are_standardised_but_for_the_noise(screen):
    np.testing.assert_allclose(screen.levels.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(screen.levels.std(0), np.sqrt(1.01), atol=0.02)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert write_screen(tmp_path / folder, seed) == sum(N_SAMPLES.values())
    for name in ("train.npz", "val.npz", "known_edges.npz"):
        one, same, other = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert one == same != other


def test_the_source_reads_both_splits_and_what_was_held_out(tmp_path):
    write_screen(tmp_path, 0)
    files = {split: (tmp_path / f"{split}.npz",) for split in N_SAMPLES}
    splits = network.prepare(files).splits
    assert {split: len(table) for split, table in splits.items()} == N_SAMPLES
    screen = simulated(n=sum(N_SAMPLES.values()), seed=0)
    named = [(screen.genes[source], screen.genes[target]) for source, target in screen.held_out.T]
    assert list(splits["val"].held_out) == named
    np.testing.assert_array_equal(np.concatenate([t.x for t in splits.values()]), screen.doses)
