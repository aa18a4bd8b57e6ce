"""A survey says what an inspection says, and reads no record where nothing changed."""

import json
import os
import time
from pathlib import Path

import pytest
from cli.bench import Bench, save_checkpoint, save_graphs
from provenance.test_status import DONE, STALE

from assay.files import publish_json
from assay.provenance import seals
from assay.provenance.memory import read_sealed, read_sights
from assay.provenance.status import Inspection
from assay.provenance.survey import Survey

TICK_SECONDS = 0.02  # longer than the clock of the file system stands still
SIGHTS = Path("results/.sights.json")
CKA, RECORD = Path("results/small/cka.json"), Path("results/small/records/cka.json")


def surveyed(bench: Bench) -> list[tuple[str, ...]]:
    survey = Survey(bench.plan())
    found = [(s.checkpoint, s.artifact, s.word, *s.reasons, s.file) for s in survey.states()]
    survey.remember()
    return found


def inspected(bench: Bench) -> list[tuple[str, ...]]:
    states = Inspection(bench.plan()).states()
    return [(s.checkpoint, s.artifact, s.word, *s.reasons, s.file) for s in states]


def is_read(bench: Bench, checkpoint: str) -> bool:
    """Whether a survey reads the records of a checkpoint."""
    survey = Survey(bench.plan())
    return any(state.record for state in survey.states_of(checkpoint))


@pytest.fixture
def remembered(made) -> Bench:
    """A finished bench of which everything is remembered."""
    inspected(made)  # hashes the sources once, since they were copied
    time.sleep(TICK_SECONDS)
    surveyed(made)
    assert read_sights(SIGHTS).keys() == {"big", "small"}
    return made


def test_what_did_not_change_is_not_read_again_and_stands_as_before(remembered):
    assert surveyed(remembered) == inspected(remembered)
    assert not is_read(remembered, "big")
    assert not is_read(remembered, "small")


@pytest.mark.parametrize("change", [*STALE.values(), *DONE.values()], ids=[*STALE, *DONE])
def test_after_any_change_it_says_what_an_inspection_says(remembered, change):
    (change[0] if isinstance(change, tuple) else change)(remembered)
    assert surveyed(remembered) == inspected(remembered)
    assert surveyed(remembered) == inspected(remembered)  # also when that was remembered


def same_size_and_mtime(path: Path, old: bytes, new: bytes) -> None:
    stat, content = path.stat(), path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def fail(bench: Bench) -> None:
    publish_json(Path("results/small/records/cka.failed.json"), {"error": "planted"})
    CKA.unlink()


CHANGES = {
    "a record edited in place": lambda bench: same_size_and_mtime(
        RECORD, b'"split": "val"', b'"split": "vax"'
    ),
    "an intake edited in place": lambda bench: same_size_and_mtime(
        Path("results/big/intake.json"), b'"family": "gat"', b'"family": "tag"'
    ),
    "data.json edited in place": lambda bench: same_size_and_mtime(
        Path("results/data/can/data.json"), b'"source": "graphs"', b'"source": "graphz"'
    ),
    "an artifact cut short": lambda bench: os.truncate(CKA, 3),
    "an artifact that is gone": lambda bench: CKA.unlink(),
    "a record that is gone": lambda bench: RECORD.unlink(),
    "a failure": fail,
    "the teacher's checkpoint": lambda bench: save_checkpoint(Path("runs/big.ckpt"), seed=9),
    "a file more of raw data": lambda bench: save_graphs(Path("runs/val.npz"), seed=9),
    "a row that wants less": lambda bench: bench.sheet(
        "big gat runs/big.ckpt can", "small gat runs/small.ckpt can big embeddings", more="artifacts"
    ),
    "a row of another family": lambda bench: bench.sheet(
        "big gat runs/big.ckpt can", "small vgae runs/small.ckpt can big"
    ),
    "a toggle": lambda bench: bench.configure(artifacts__cka=False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_never_listed_as_it_was(remembered, change):
    before = inspected(remembered)
    change(remembered)
    found = surveyed(remembered)
    assert found == inspected(remembered) != before


def test_a_job_that_failed_since_is_seen(remembered):
    CKA.unlink()
    time.sleep(TICK_SECONDS)
    surveyed(remembered)
    publish_json(Path("results/small/records/cka.failed.json"), {"error": "planted"})
    assert ("small", "cka", "failed", "planted", str(CKA)) in surveyed(remembered)


def test_another_reason_of_a_failure_is_seen(remembered):
    note = Path("results/small/records/cka.failed.json")
    CKA.unlink()
    publish_json(note, {"error": "planted"})
    time.sleep(TICK_SECONDS)
    surveyed(remembered)
    note.write_bytes(note.read_bytes().replace(b"planted", b"watered"))
    assert ("small", "cka", "failed", "watered", str(CKA)) in surveyed(remembered)


def test_changed_code_is_seen(remembered, monkeypatch):
    monkeypatch.setattr(seals, "_code", lambda artifacts, families: "other")
    assert is_read(remembered, "small")


def test_one_change_reads_one_checkpoint(remembered):
    os.utime(RECORD)
    assert is_read(remembered, "small")
    assert not is_read(remembered, "big")


def test_what_partners_share_reads_all_of_them(remembered):
    os.utime("results/big/intake.json")
    assert is_read(remembered, "small")
    assert is_read(remembered, "big")


def test_a_change_of_a_teachers_artifact_does_not_read_its_students(remembered):
    os.utime("results/big/records/embeddings.json")
    assert is_read(remembered, "big")
    assert not is_read(remembered, "small")


def test_what_changes_while_it_is_looked_at_is_not_remembered(made):
    SIGHTS.unlink(missing_ok=True)
    time.sleep(TICK_SECONDS)
    survey = Survey(made.plan())
    os.utime(RECORD)
    list(survey.states())
    survey.remember()
    assert read_sights(SIGHTS).keys() == {"big"}


def test_a_file_that_only_a_record_names_is_looked_at_every_time(made):
    beside = Path("results/small/cka.parquet")
    beside.write_bytes(b"rows")
    content = json.loads(RECORD.read_bytes())
    RECORD.write_text(json.dumps({**content, "also": {"small/cka.parquet": {"sha256": "", "bytes": 4}}}))
    time.sleep(TICK_SECONDS)
    surveyed(made)
    assert read_sights(SIGHTS).keys() == {"big"}
    beside.unlink()
    assert surveyed(made) == inspected(made)


@pytest.mark.parametrize("damage", [b"", b"{", b"0" * 64 + b"\n{}"])
def test_a_damaged_memory_is_none(remembered, damage):
    SIGHTS.write_bytes(damage)
    assert read_sealed(SIGHTS) == {}
    assert surveyed(remembered) == inspected(remembered)
    assert read_sights(SIGHTS).keys() == {"big", "small"}


def test_results_that_cannot_be_written_are_listed_all_the_same(made, monkeypatch):
    SIGHTS.unlink(missing_ok=True)
    monkeypatch.setattr(seals, "file_system_now_ns", lambda folder: 0)
    monkeypatch.setattr("assay.provenance.survey.file_system_now_ns", lambda folder: 0)
    assert surveyed(made) == inspected(made)
    assert not SIGHTS.exists()


def test_list_recalls_and_list_under_check_reads(remembered, monkeypatch):
    looks = []
    look = Inspection.state
    monkeypatch.setattr(Inspection, "state", lambda *given, **how: looks.append(given) or look(*given, **how))
    recalled = remembered.assay("list", "--json").out
    assert looks == []
    assert remembered.assay("list", "--json", "--check").out == recalled
    assert looks
