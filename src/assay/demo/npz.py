"""Arrays as an npz file of the demo's raw data."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np

from assay.files import publish


def publish_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes the arrays under their names, compressed; the file is there whole or not at all."""
    publish(path, lambda file: np.savez_compressed(cast(str, file), allow_pickle=False, **arrays))
