"""What the families of image networks share in reading a checkpoint and in answering for it."""

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from assay.errors import AssayError, Refused, ResultWarning
from assay.families.hyperparameters import HyperParameters

NO_HEAD = "the checkpoint is an encoder without a head (no head.weight, fc.weight or classifier.weight)"


def hyper_parameters(
    hparams: Mapping[str, Any], *, family: str, class_paths: tuple[str, ...]
) -> HyperParameters:
    """The hyper-parameters of a checkpoint, which may have none: the names of its tensors say what it is.

    Raises:
        Refused: a class of transformers that is not among `class_paths`, or hyper-parameters that are no mapping.
    """
    class_path = hparams.get("class_path")
    if str(class_path).startswith("transformers.") and class_path not in class_paths:
        raise Refused(
            f"class_path is {str(class_path)[:200]!a}; of transformers, family {family} reads "
            f"{', '.join(path.removeprefix('transformers.') for path in class_paths)}"
        )
    values = hparams.get("hyper_parameters") or {}
    if not isinstance(values, Mapping):
        raise Refused(f"hyper_parameters is a {type(values).__name__}; allowed: a mapping, or none")
    return HyperParameters(values)


def say_left_out(names: Sequence[str]) -> None:
    """Warns that tensors of the file are no part of the network."""
    if names:
        kinds = sorted({".".join(name.split(".")[:2]) for name in names})
        listed = ", ".join(kinds[:8] + ["..."] * (len(kinds) > 8))
        text = f"tensors that no answer needs are left out: {listed} ({len(names)} in all)"
        warnings.warn(text, ResultWarning, stacklevel=3)


def without_head(network_has_head: bool, asks: Collection[str]) -> dict[str, str]:
    """Capability -> why an encoder does not answer it."""
    return {} if network_has_head else dict.fromkeys(asks, NO_HEAD)


def refuse_unknown(option: str, value: str, known: Sequence[str]) -> None:
    """Refuses what a network does not have.

    Raises:
        AssayError: what was asked, and what there is.
    """
    if value not in known:
        raise AssayError(f"{option} is {value!r}; this checkpoint has {', '.join(known)}")
