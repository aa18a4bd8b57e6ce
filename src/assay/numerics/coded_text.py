"""Text that repeats: of each row a code, of each text that occurs one copy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Int32, Shaped


@dataclass(frozen=True, slots=True)
class CodedText:
    """A column of text; row i is `texts[codes[i]]`. Texts are sorted, and each occurs: equal columns are equal."""

    codes: Int32[np.ndarray, " n"]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self) -> Shaped[np.ndarray, " n"]:
        """The text of every row, 4 bytes a character of the longest."""
        return np.array(self.texts, dtype=np.str_)[self.codes]


def coded_text(texts: Sequence[str], codes: Int[np.ndarray, " n"]) -> CodedText:
    """The column whose row i is `texts[codes[i]]`."""
    known, number = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
    numbers = number[codes]
    occurs = np.bincount(numbers, minlength=len(known)) > 0
    return CodedText(
        codes=(occurs.cumsum() - 1)[numbers].astype(np.int32),
        texts=tuple(known[occurs].tolist()),
    )
