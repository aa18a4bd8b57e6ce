"""The model of a record, as torch.save writes it."""

import warnings
from pathlib import Path
from typing import Any

from assay.errors import ResultWarning
from assay.files import sync
from assay.record.documents import FILES
from assay.record.naming import checked_name
from assay.record.publishing import staged_folder


def save_model_checkpoint(
    artifact_dir: Path | str, checkpoint: Any, *, filename: str = FILES["model_checkpoint"]
) -> Path:
    """Write a checkpoint; of a module its state dict, as a module can only be read by running its code.

    What torch.load(weights_only=True) will refuse is written and warned of.
    """
    path = Path(artifact_dir, checked_name(filename, "filename"))
    with staged_folder(path) as folder:
        staged = (
            folder / filename
        )  # torch writes the stem into the file: under its own name the bytes are the same
        write_checkpoint(staged, checkpoint)
        staged.replace(path)
    sync(path.parent)
    return path


def write_checkpoint(path: Path, checkpoint: Any) -> None:
    """Write a checkpoint to a new file and flush it to disk; see `save_model_checkpoint`."""
    import torch

    module = isinstance(checkpoint, torch.nn.Module)
    torch.save(checkpoint.state_dict() if module else checkpoint, path)
    if unsafe := torch.serialization.get_unsafe_globals_in_checkpoint(path):
        warnings.warn(
            f"{path.name} holds {', '.join(sorted(unsafe))}, which torch.load(weights_only=True) refuses: nothing "
            "that does not trust it can read it. Give a state dict of tensors.",
            ResultWarning,
            stacklevel=3,
        )
    sync(path)


def device_of(checkpoint: Any) -> str | None:
    """The device of the tensors of a module or of a state dict; None where there is no tensor."""
    import torch

    values = checkpoint.state_dict() if isinstance(checkpoint, torch.nn.Module) else checkpoint
    tensors = values.values() if isinstance(values, dict) else ()
    return next((str(value.device) for value in tensors if isinstance(value, torch.Tensor)), None)
