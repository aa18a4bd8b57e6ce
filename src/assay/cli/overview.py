"""What `assay list` prints: counts, what is open and why; or every pair."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from assay import catalog
from assay.provenance.status import State, Word

SYMBOLS: Mapping[Word, str] = {
    "done": "+",
    "failed": "!",
    "stale": "~",
    "missing": ".",
    "n/a": "-",
    "off": " ",
}
OPEN = ("failed", "stale", "missing")  # the most urgent first
MOST_NAMES = 3  # checkpoints on a line
MOST_LINES = 20  # of a kind


def overview(states: Sequence[State], expected: Callable[[State], bool]) -> list[str]:
    """Counts by artifact and state, then what is open and why, then what does not apply by reason; each kind capped.

    Of what does not apply the reasons that are `expected`, of the table alone, are left out: nobody can do anything.
    """
    reasons = Counter(state.reasons[0] for state in states if state.word == "n/a")
    example = {state.reasons[0]: state for state in states if state.word == "n/a"}
    found = [f"{n} n/a: {why}" for why, n in reasons.most_common() if not expected(example[why])]
    return [
        *_counts(states),
        *_capped([line for word in OPEN for line in _told(states, (word,))]),
        *_capped(found),
    ]


def matrix(states: Sequence[State]) -> list[str]:
    """A line for each checkpoint, a column for each artifact, and every reason but those of what is off."""
    artifacts = list(catalog.artifacts())
    rows: dict[str, dict[str, str]] = {state.checkpoint: {} for state in states}
    for state in states:
        rows[state.checkpoint][state.artifact] = f"{SYMBOLS[state.word]} {state.word}"
    width = max((len(name) for name in rows), default=0)
    cell = max(map(len, [*artifacts, "missing "])) + 2
    lines = [" " * width + "  " + "".join(name.ljust(cell) for name in artifacts)]
    for name, words in rows.items():
        lines.append(f"{name:<{width}}  " + "".join(words[artifact].ljust(cell) for artifact in artifacts))
    lines.append(", ".join(f"{n} {word}" for word, n in Counter(state.word for state in states).items()))
    return [line.rstrip() for line in [*lines, *_told(states, (*OPEN, "n/a"), most_names=len(rows))]]


def _counts(states: Sequence[State]) -> list[str]:
    counts = Counter((state.artifact, state.word) for state in states)
    of_all = Counter[str]()
    for (_, word), n in counts.items():
        of_all[word] += n
    words = [word for word in SYMBOLS if of_all[word]]
    rows = [["", *words]]
    for artifact in catalog.artifacts():
        rows.append([artifact, *(str(counts[artifact, word]) for word in words)])
    rows.append(["all", *(str(of_all[word]) for word in words)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [f"{name:<{widths[0]}}", *(f"{n:>{width}}" for n, width in zip(cells, widths[1:], strict=True))]
        )
        for name, *cells in rows
    ]


def _told(states: Iterable[State], words: Sequence[str], *, most_names: int = MOST_NAMES) -> Iterator[str]:
    """A line for each reason, with the checkpoints that share it."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for state in states:
        if state.word in words:
            told.setdefault((state.artifact, state.word, state.reasons[0]), []).append(state.checkpoint)
    for (artifact, word, why), names in told.items():
        yield f"{_names(names, most_names)} {artifact}: {word}: {why}"


def _names(checkpoints: Sequence[str], most: int) -> str:
    shown, n_others = ", ".join(checkpoints[:most]), len(checkpoints) - most
    return shown if n_others <= 0 else f"{shown} and {n_others} more"


def _capped(lines: Sequence[str]) -> list[str]:
    n_others = len(lines) - MOST_LINES
    more = [f"and {n_others} more (assay list --all)"] if n_others > 0 else []
    return [*lines[:MOST_LINES], *more]
