"""Whether the classes of data are those of a checkpoint, number by number."""

import warnings
from collections.abc import Sequence

from assay.errors import AssayError, ResultWarning

SHOWN = 5
ADVICE = "name those of the checkpoint, in its order, in class_names of the data set"


def refuse_other_classes(of_checkpoint: Sequence[str], of_data: Sequence[str]) -> None:
    """Refuses labels whose numbers are not those of a checkpoint's classes; warns where the names alone differ.

    Raises:
        AssayError: both, and what to do.
    """
    if not same_numbers(of_checkpoint, of_data):
        raise AssayError(f"{classes_that_differ(of_checkpoint, of_data)}: {ADVICE}")
    warn_of_other_names(of_checkpoint, of_data)


def same_numbers(of_checkpoint: Sequence[str], of_data: Sequence[str]) -> bool:
    """Whether a number can mean one class on both sides: named classes are as many, and not the same in another order.

    Data that call their classes by number, or have none, are numbered as the checkpoint is.
    """
    if _unnamed(of_data):
        return True
    reordered = set(of_checkpoint) == set(of_data) and list(of_checkpoint) != list(of_data)
    return len(of_checkpoint) == len(of_data) and not reordered


def warn_of_other_names(of_checkpoint: Sequence[str], of_data: Sequence[str]) -> None:
    """Warns where both sides have names, and these differ."""
    if not (_unnamed(of_checkpoint) or _unnamed(of_data)) and list(of_checkpoint) != list(of_data):
        warnings.warn(
            f"{classes_that_differ(of_checkpoint, of_data)}; labels are compared by number", ResultWarning, 4
        )


def classes_that_differ(of_checkpoint: Sequence[str], of_data: Sequence[str]) -> str:
    """Both sides in words: all names where their numbers differ, else the classes that are called otherwise."""
    if len(of_checkpoint) != len(of_data):
        return f"the checkpoint has the classes {_listed(of_checkpoint)}, the data have {_listed(of_data)}"
    pairs = enumerate(zip(of_checkpoint, of_data, strict=True))
    others = [f"{number} is {one!r} there, {other!r} here" for number, (one, other) in pairs if one != other]
    return f"the classes of checkpoint and data differ: {_listed(others)}"


def _unnamed(names: Sequence[str]) -> bool:
    """Whether classes are numbers, or what transformers calls those of a config without names."""
    return any(list(names) == [f"{word}{number}" for number in range(len(names))] for word in ("", "LABEL_"))


def _listed(names: Sequence[str]) -> str:
    more = f"; ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return f"{'; '.join(names[:SHOWN])}{more}"
