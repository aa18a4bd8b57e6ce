"""Labels as they are written -> classes: names or numbers, the same over all splits."""

import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Int64

from assay.data.image_problems import Problem, refuse_all
from assay.errors import Refused

UNKNOWN = ("", "-1")
NUMBER = r"[0-9]{1,9}(\.0*)?"  # a column with gaps is often saved as 3.0
MOST_CLASSES = 10_000


def class_names_of(labels: Collection[str], given: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes by number.

    They are the `given` ones; else, where all labels are numbers, 0 to the largest; else the labels, sorted.

    Raises:
        Refused: labels that are not among the given names, or more classes than there can be.
    """
    known = set(labels) - set(UNKNOWN)
    if given:
        wrong = sorted(label for label in known if _number(label, given) is None)
        refuse_all(Problem(f"labels that are none of {', '.join(given)}", repr(label)) for label in wrong)
        return given
    numeric = all(re.fullmatch(NUMBER, label) for label in known)
    n = 1 + max((int(float(label)) for label in known), default=-1) if numeric else len(known)
    if n > MOST_CLASSES:
        raise Refused(f"labels make {n:,} classes; allowed: {MOST_CLASSES:,}.")
    return tuple(map(str, range(n))) if numeric else tuple(sorted(known))


def class_numbers(labels: Sequence[str], names: tuple[str, ...]) -> Int64[np.ndarray, " n"]:
    """The number of the class of each label; -1 where it is not known."""
    numbers = {label: _number(label, names) for label in set(labels)}
    return np.array([-1 if (n := numbers[label]) is None else n for label in labels], np.int64)


def label_warnings(splits: Mapping[str, Int64[np.ndarray, " n"]]) -> list[str]:
    """A sentence for every split of one class, or of none that is known."""
    warnings = []
    for split, y in splits.items():
        if y.max() == -1:
            warnings.append(f"split {split}: no sample has a label")
        elif y.min() == y.max():
            warnings.append(f"split {split}: all {len(y)} samples have label {y[0]}")
    return warnings


def _number(label: str, names: tuple[str, ...]) -> int | None:
    if label in names:
        return names.index(label)
    if re.fullmatch(NUMBER, label) and int(float(label)) < len(names):
        return int(float(label))
    return None
