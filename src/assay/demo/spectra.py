"""Toy power spectra of a reionisation simulation, in the condensed HDF5 form that emulators are trained on.

The formula is invented: smooth, not linear, and different at each multipole, so that there is something to learn.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from assay.errors import AssayError
from assay.files import publish_bytes

ELL = (500.0, 1000.0, 2000.0, 3000.0, 5000.0)
PARAMETERS = {  # name -> lowest and highest value
    "zmean_zre": (6.5, 9.5),
    "alpha_zre": (0.1, 0.9),
    "kb_zre": (0.1, 2.0),
    "b0_zre": (0.2, 0.8),
}
NOISE = 0.02  # of a spectrum, relative


def write_spectra(path: Path, *, n: int, seed: int) -> int:
    """Writes X, the parameters, and Y, the logarithm of the spectra; returns the number of simulations.

    Raises:
        AssayError: h5py is not installed.
    """
    try:
        from h5py import File
    except ModuleNotFoundError:
        raise AssayError("The demo's spectra need h5py: pip install 'assay[demo]'.") from None
    from io import BytesIO

    draw = np.random.default_rng(seed)
    low, high = np.array(list(PARAMETERS.values())).T
    x = draw.uniform(low, high, (n, len(PARAMETERS)))
    buffer = BytesIO()
    with File(buffer, "w") as file:
        group = file.create_group("training")
        group.attrs.update({"y_source": "dl_ksz", "y_transform": "ln", "eps": 1e-30})
        for name, column in _columns(x, np.log(_noisy(spectra(x), draw))).items():
            group.create_dataset(name, data=column)
    publish_bytes(path, buffer.getvalue())
    return n


def spectra(x: Float64[np.ndarray, "n 4"]) -> Float64[np.ndarray, "n ells"]:
    """The spectra of parameters, in square microkelvin or so."""
    z, alpha, kb, b0 = (column[:, None] for column in x.T)
    ell = np.array(ELL)
    peak = 1500 * kb**0.4 * (z / 8)
    shape = (ell / peak) ** alpha / (1 + (ell / peak) ** (1 + b0))
    return 2.0 * (z / 8) ** 1.5 * b0**0.5 * shape


def _noisy(values: Float64[np.ndarray, "n ells"], draw: np.random.Generator) -> Float64[np.ndarray, "n ells"]:
    return values * (1 + NOISE * draw.standard_normal(values.shape))


def _columns(x: Float64[np.ndarray, "n 4"], y: Float64[np.ndarray, "n ells"]) -> dict[str, Any]:
    ids = [f"sim{k}".encode() for k in range(len(x))]
    return {"X": x, "Y": y, "ell": ELL, "param_names": [name.encode() for name in PARAMETERS], "sim_ids": ids}
