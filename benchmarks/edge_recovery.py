"""Recovery of held-out edges among N functions whose scores are noise: CPU seconds, one thread, and the peak of memory.

OMP_NUM_THREADS=1 python benchmarks/edge_recovery.py [functions] [edges a function] [share held out, percent]
"""

import resource
import sys
import time

import numpy as np

from assay.numerics.edges.recovery import recovery


def main(functions: int = 3000, edges: int = 5, percent: int = 10) -> None:
    draw = np.random.default_rng(0)
    known = np.unique(draw.integers(0, functions, (2, edges * functions)), axis=1)
    known = draw.permutation(known[:, known[0] != known[1]], axis=1)
    held_out, kept = np.split(known, [known.shape[1] * percent // 100], axis=1)
    network = np.zeros((functions, functions), dtype=np.bool_)
    network[tuple(kept)] = True
    scores, closed = draw.standard_normal(network.shape), network | np.eye(functions, dtype=np.bool_)
    before, start = peak_mib(), time.process_time()
    found = recovery(scores, held_out, closed, network=network, top_k=[1, 3, 5], seed=0)
    seconds = time.process_time() - start
    print(f"{functions} functions, {held_out.shape[1]} of {known.shape[1]} edges held out: {seconds:.1f} s")
    print(f"peak {peak_mib()} MiB, {before} MiB before; AUROC {found.metrics['auroc'].value:.3f}")


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
