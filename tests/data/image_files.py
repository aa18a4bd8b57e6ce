"""Image files of the tests, and `prepare` with the defaults of its options."""

import numpy as np
import pydicom
from PIL import Image

from assay.catalog import SOURCES
from assay.data.images import prepare
from assay.data.prepared import Prepared

DEFAULTS = {name: option.default for name, option in SOURCES["images"].options.items()}


def prepared(*files, **options) -> Prepared:
    """The files as the split `val`."""
    return prepare({"val": list(files)}, **DEFAULTS | options)


def pixels(*files, **options) -> np.ndarray:
    """The pixels of all files."""
    return prepared(*files, **options).splits["val"].x


def noise(*shape, seed=0) -> np.ndarray:
    """8-bit pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def smooth(*shape, seed=0) -> np.ndarray:
    """8-bit pixels that are alike beside each other."""
    steps = np.random.default_rng(seed).integers(0, 3, shape)
    return np.minimum(np.cumsum(steps, axis=0), 255).astype(np.uint8)


def save(path, array, **more):
    """A file of the suffix's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **more)
    return path


def save_many(folder, n, *, shape=(6, 5)):
    """Files 00.png, 01.png, ..."""
    return [save(folder / f"{i:02}.png", noise(*shape, seed=i)) for i in range(n)]


def table(folder, *lines, name="labels.csv"):
    """A table in the folder."""
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder / name


def dicom(path, array, *, kind="MONOCHROME2", drop=(), **tags):
    """A DICOM file of one picture [h, w], or of colours [h, w, 3], or of frames."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    colours = 3 if kind.startswith(("RGB", "YBR")) else 1
    frames = array.ndim == (4 if colours == 3 else 3)
    dataset.Rows, dataset.Columns = array.shape[1:3] if frames else array.shape[:2]
    if frames:
        dataset.NumberOfFrames = len(array)
    dataset.SamplesPerPixel = colours
    if colours == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = kind
    dataset.BitsAllocated = dataset.BitsStored = 8 * array.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(array.dtype.kind == "i")
    dataset.Modality = "MR"
    dataset.PixelData = array.tobytes()
    for name, value in tags.items():
        setattr(dataset, name, value)
    for name in drop:
        delattr(dataset, name)
    dataset.save_as(path, enforce_file_format=True)
    return path
