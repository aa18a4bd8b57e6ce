"""Handwritten digits that scikit-learn ships, 8 x 8 pixels: the demo's images."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from assay.demo.npz import publish_npz

BRIGHTEST = 16
N_VAL = 450


def write_digits(folder: Path, seed: int) -> int:
    """Writes `train.npz` and `val.npz`, as the source `images` reads them; returns the number of images.

    A record's id is its place in scikit-learn's data set; `seed` decides which are of `val`.
    """
    digits = load_digits()
    images = (digits.images / BRIGHTEST).astype(np.float32)
    record_id = np.array([f"digit_{place:04}" for place in range(len(images))])
    order = np.random.default_rng(seed).permutation(len(images))
    for split, places in (("train", order[N_VAL:]), ("val", order[:N_VAL])):
        chosen = np.sort(places)
        columns = {"images": images, "labels": digits.target.astype(np.int64), "record_id": record_id}
        publish_npz(folder / f"{split}.npz", {name: column[chosen] for name, column in columns.items()})
    return len(images)
