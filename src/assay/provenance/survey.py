"""How all checkpoints of a plan stand: as they stood where nothing changed since, else as they are found now."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from assay import catalog
from assay.config import Plan
from assay.layout import Layout
from assay.provenance.memory import Sight, read_sights, write_sights
from assay.provenance.seals import Seal, Seals, file_system_now_ns
from assay.provenance.status import Inspection, State


class Survey:
    """One look at all checkpoints. What changes while it is taken is not remembered.

    A file that changed before it began has an older ctime than one that changes later: so a sight is remembered
    only where all of its files are older than the survey.
    """

    def __init__(self, over: Plan):
        self.began_ns = file_system_now_ns(over.results)
        self.seals: dict[str, Seal] = {}  # of the checkpoints that were looked at
        self._plan, self._layout = over, Layout(over.results)
        self._seals = Seals(over, judged_by=__name__)
        self._inspection = Inspection(over)
        self._remembered = read_sights(Path(self._layout.sights))
        self._sights: dict[str, Sight] = {}
        self._without_records: set[str] = set()

    def states(self) -> Iterator[State]:
        """Every checkpoint x artifact of the table, in the order of sheet and table, without records."""
        for checkpoint in self._plan.rows:
            states = self.states_of(checkpoint)
            read = checkpoint not in self._without_records
            yield from (replace(state, record={}) for state in states) if read else states

    def states_of(self, checkpoint: str) -> list[State]:
        """How the artifacts of a checkpoint stand; without their records where they stand as remembered."""
        if sight := self._remembered.get(checkpoint):
            self.seals[checkpoint] = self._seals.seal(checkpoint, sight.watched)
            if self.seals[checkpoint].sha256 == sight.seal:
                self._sights[checkpoint] = sight
                self._without_records.add(checkpoint)
                return list(self._recalled(checkpoint, sight))
        watched = self._seals.watched(checkpoint)
        seal = self._seals.seal(checkpoint, watched)  # before the look, so that what changes meanwhile shows
        self.seals[checkpoint] = seal
        states = [self._inspection.state(checkpoint, artifact) for artifact in catalog.artifacts()]
        if seal.changed_ns < self.began_ns and all(map(self._sealed, states)):
            verdicts = [(state.word, state.reasons) for state in states]
            self._sights[checkpoint] = Sight(seal.sha256, watched, verdicts)
        return states

    def with_records(self, states: Sequence[State]) -> Sequence[State]:
        """These states of a checkpoint with their records, which are read where they were recalled without."""
        if states[0].checkpoint not in self._without_records:
            return states
        return [self._inspection.state(state.checkpoint, state.artifact) for state in states]

    def remember(self) -> None:
        """Keep what was seen for the next survey."""
        if self._sights != self._remembered:
            write_sights(Path(self._layout.sights), self._sights)

    def _recalled(self, checkpoint: str, sight: Sight) -> Iterator[State]:
        folder = f"{self._layout.results}/{checkpoint}"
        for (artifact, row), (word, reasons) in zip(catalog.artifacts().items(), sight.verdicts, strict=True):
            yield State(checkpoint, artifact, word, reasons, f"{folder}/{row.file}")

    def _sealed(self, state: State) -> bool:
        """Whether the files that the record speaks of are those that the seal is over."""
        own = (
            self._layout.target(state.checkpoint, state.artifact),
            *self._layout.also(state.checkpoint, state.artifact),
        )
        named = {state.record[key] for key in ("file",) if key in state.record} | set(
            state.record.get("also", ())
        )
        return named <= {path.removeprefix(f"{self._layout.results}/") for path in own}
