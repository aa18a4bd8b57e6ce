"""A manifest that takes over what did not change has the bytes of one that is written whole."""

import json
import os
import time
from pathlib import Path

import pytest
from cli.bench import Bench
from provenance.test_status import DONE, STALE

from assay.files import publish_json, sha256_bytes
from assay.provenance import manifest
from assay.provenance.manifest import write
from assay.provenance.sections import ManifestText, Section, elements, members
from assay.provenance.verify import verify

TICK_SECONDS = 0.02  # longer than the clock of the file system stands still
MANIFEST = Path("results/manifest.json")
MEMORIES = (Path("results/.sights.json"), Path("results/.manifest.json.sections"))
OWN = Path("results/small/analysis_manifest.json")
BIG, SMALL = "big gat runs/big.ckpt can", "small gat runs/small.ckpt can big"


def written(bench: Bench) -> dict[str, bytes]:
    write(bench.plan())
    return {str(path): path.read_bytes() for path in Path("results").rglob("*manifest.json")}


def written_whole(bench: Bench) -> dict[str, bytes]:
    own = [Path("results", name, "analysis_manifest.json") for name in bench.plan().rows]
    for path in (*MEMORIES, *own):
        path.unlink(missing_ok=True)
    return written(bench)


@pytest.fixture
def bound(made) -> Bench:
    """A finished bench whose manifest is written, and all of it remembered."""
    written(made)  # hashes the sources once, since they were copied
    time.sleep(TICK_SECONDS)
    written_whole(made)
    return made


def read_anew(bench: Bench, monkeypatch) -> list[str]:
    """The checkpoints of which a manifest written now reads the records."""
    names = []
    whole = manifest._checkpoint_manifest
    monkeypatch.setattr(
        manifest, "_checkpoint_manifest", lambda *given: names.append(given[2]) or whole(*given)
    )
    write(bench.plan())
    return names


def draw(bench: Bench) -> None:
    bench.configure(figures=True)
    write(bench.plan())
    assert bench.assay("draw", "small", "cka", "embeddings").code == 0


CHANGES = {
    "another description": lambda bench: bench.sheet(BIG, f"{SMALL} seventh", more="meta.run"),
    "rows in another order": lambda bench: bench.sheet(SMALL, BIG),
    "names that sort around a folder": lambda bench: bench.sheet("big-a gat runs/big.ckpt can", BIG, SMALL),
    "a row less": lambda bench: bench.sheet(BIG),
    "figures": draw,
    "a manifest of a checkpoint that is gone": lambda bench: OWN.unlink(),
    "a manifest of a checkpoint that was edited": lambda bench: OWN.write_text("{}"),
    "a manifest that was edited": lambda bench: MANIFEST.write_bytes(
        MANIFEST.read_bytes().replace(b"a", b"b")
    ),
    "a manifest that is gone": lambda bench: MANIFEST.unlink(),
    "nothing": lambda bench: None,
    "a failure": lambda bench: publish_json(Path("results/small/records/cka.failed.json"), {"error": "x"}),
    "an artifact that is gone": lambda bench: Path("results/small/cka.json").unlink(),
}


ALL = {
    **CHANGES,
    **{name: change for name, (change, _) in STALE.items() if name != "a damaged intake"},  # which is refused
    **DONE,
}


@pytest.mark.parametrize("change", ALL.values(), ids=ALL)
def test_after_any_change_it_has_the_bytes_of_a_whole_one(bound, change):
    change(bound)
    taken_over = written(bound)
    assert taken_over == written(bound)  # also from what that one remembered
    assert taken_over == written_whole(bound)


def test_nothing_is_read_where_nothing_changed(bound, monkeypatch):
    assert read_anew(bound, monkeypatch) == []


@pytest.mark.parametrize(
    "path", ["results/small/records/cka.json", "results/small/analysis_manifest.json", "runs/small.ckpt"]
)
def test_one_change_reads_one_checkpoint(bound, monkeypatch, path):
    os.utime(path)
    assert read_anew(bound, monkeypatch) == ["small"]


def test_a_lost_picture_is_seen(bound, monkeypatch):
    draw(bound)
    time.sleep(TICK_SECONDS)
    assert "small/figures/cka.png" not in write(bound.plan()).undrawn
    assert read_anew(bound, monkeypatch) == []
    Path("results/small/figures/cka.png").unlink()
    assert "small/figures/cka.png" in write(bound.plan()).undrawn


def test_a_damaged_memory_is_none(bound, monkeypatch):
    before = MANIFEST.read_bytes()
    MEMORIES[1].write_bytes(b"x")
    assert read_anew(bound, monkeypatch) == ["big", "small"]
    assert MANIFEST.read_bytes() == before


def test_what_is_taken_over_verifies(bound):
    os.utime("results/small/records/cka.json")
    write(bound.plan())
    assert verify("results").wrong == ()


def test_a_record_that_speaks_of_another_checkpoint_names_none_of_its_files(bound):
    record = Path("results/small/records/cka.json")
    edited = {**json.loads(record.read_bytes()), "file": "big/embeddings.npz", "sha256": "wrong"}
    record.write_text(json.dumps(edited))
    write(bound.plan())
    files = json.loads(MANIFEST.read_bytes())["files"]
    assert files["big/embeddings.npz"]["sha256"] == sha256_bytes(
        Path("results/big/embeddings.npz").read_bytes()
    )


@pytest.mark.parametrize("folders", [(), ("a",), ("b", "a-b", "a", "a.b"), ("empty", "a"), ("a", "empty")])
def test_the_text_of_sections_is_the_json_of_the_whole(tmp_path, folders):
    files = {
        name: {f"{name}/x": {"bytes": 1, "sha256": "0"}, f"{name}/y\n": "é"}
        for name in folders
        if name != "empty"
    }
    targets = {name: [{"file": "x", "reasons": []}, {"file": "y", "reasons": ["no"]}] for name in files}
    sections = {
        name: Section(members(files.get(name, {})), elements(targets.get(name, []))) for name in folders
    }
    head = {"assay": "1", "sources": {"b": "c"}, "undrawn": [], "schema": 1}
    text = ManifestText(head, sections)
    path = tmp_path / "text.json"
    text.publish(path)
    whole = {
        **head,
        "files": {path: held for of_folder in files.values() for path, held in of_folder.items()},
        "targets": [target for of_folder in targets.values() for target in of_folder],
    }
    sealed = {**whole, "sha256": sha256_bytes(dumped(whole))}
    assert path.read_bytes() == dumped(sealed)
    assert text.sha256 == sha256_bytes(dumped(sealed))


def dumped(value: object) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()
