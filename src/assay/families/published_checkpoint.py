"""What the border found beside the weights of a published checkpoint: its class, values and threshold."""

import math
from collections.abc import Mapping
from typing import Any

from assay.errors import Refused
from assay.families.hyperparameters import HyperParameters


def published_values(
    hparams: Mapping[str, Any], *, family: str, class_paths: tuple[str, ...]
) -> HyperParameters:
    """The hyper-parameters of a checkpoint whose class is one of `class_paths`; the class is never imported.

    Raises:
        Refused: another class, or hyper-parameters that are no mapping.
    """
    class_path = hparams.get("class_path")
    if class_path not in class_paths:
        raise Refused(
            f"class_path is {str(class_path)[:200]!a}; family {family} reads {', '.join(class_paths)}. "
            "Another family is chosen in the column `family` of the checkpoint sheet."
        )
    values = hparams.get("hyper_parameters")
    if not isinstance(values, Mapping):
        raise Refused(
            f"hyper_parameters is a {type(values).__name__}; a {family} checkpoint has a mapping there"
        )
    return HyperParameters(values)


def published_threshold(hparams: Mapping[str, Any]) -> float | None:
    """The score above which a sample is an attack; None where the checkpoint has none.

    Raises:
        Refused: `test_threshold` is no finite number.
    """
    value = hparams.get("test_threshold")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"test_threshold is {str(value)[:80]!a}; allowed: a finite number, or none at all")
    return float(value)
