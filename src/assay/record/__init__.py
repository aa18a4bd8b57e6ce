"""Records of what was trained: written whole or not at all by a training script, read back and verified.

Imports neither numpy nor torch nor h5py; what is given decides which of them are needed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay.record.checkpoint import save_model_checkpoint
from assay.record.dataset import dataset_summary, file_fingerprint
from assay.record.reading import Record, load_record, read_json
from assay.record.saving import save_artifact, save_record
from assay.record.verifying import verify_record
from assay.record.writing import create_artifact_dir, save_configs, save_info, save_results

if TYPE_CHECKING:
    from assay.record.normalizers import Normalizer, load_normalizers, save_normalizers

__all__ = [
    "Normalizer",
    "Record",
    "create_artifact_dir",
    "dataset_summary",
    "file_fingerprint",
    "load_normalizers",
    "load_record",
    "read_json",
    "save_artifact",
    "save_configs",
    "save_info",
    "save_model_checkpoint",
    "save_normalizers",
    "save_record",
    "save_results",
    "verify_record",
]


def __getattr__(name: str) -> Any:
    if name in ("Normalizer", "load_normalizers", "save_normalizers"):  # these need numpy
        return getattr(import_module("assay.record.normalizers"), name)
    raise AttributeError(f"module 'assay.record' has no attribute {name!r}")
