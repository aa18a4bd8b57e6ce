"""A file that is published beside a target belongs to it: it is recorded, watched, bound and verified."""

import json
from pathlib import Path

import pytest

from assay.files import sha256_bytes
from assay.provenance.status import Inspection
from assay.provenance.verify import verify

BESIDE = Path("results/small/cka.parquet")


@pytest.fixture
def with_file_beside(made):
    """The finished bench, as if cka had made two files."""
    BESIDE.write_bytes(b"rows")
    record = Path("results/small/records/cka.json")
    content = json.loads(record.read_bytes())
    assert content["also"] == {}
    also = {"small/cka.parquet": {"sha256": sha256_bytes(b"rows"), "bytes": 4}}
    record.write_text(json.dumps({**content, "also": also}))
    return made


def state(bench):
    found = Inspection(bench.plan()).state("small", "cka")
    return found.word, found.reasons


def test_it_is_done_while_both_files_are_what_the_record_says(with_file_beside):
    assert state(with_file_beside) == ("done", ())


def test_it_is_stale_where_the_file_beside_is_gone_or_of_another_size(with_file_beside):
    BESIDE.write_bytes(b"row")
    assert state(with_file_beside) == ("stale", (f"{BESIDE} has 3 bytes, its record says 4",))
    BESIDE.unlink()
    assert state(with_file_beside) == ("stale", (f"{BESIDE} is missing",))


def test_the_manifest_binds_it_and_verify_reads_it(with_file_beside):
    assert with_file_beside.assay("manifest").code == 0
    files = json.loads(Path("results/manifest.json").read_bytes())["files"]
    assert files["small/cka.parquet"] == {"sha256": sha256_bytes(b"rows"), "bytes": 4}
    assert (verify("results").wrong, verify("results").notes) == ((), ())
    BESIDE.write_bytes(b"r0ws")
    (wrong,) = verify("results").wrong
    assert wrong.startswith(f"{BESIDE}: sha256 is ")


def test_a_record_of_before_there_were_such_files_still_stands(made):
    record = Path("results/small/records/cka.json")
    content = json.loads(record.read_bytes())
    del content["also"]
    record.write_text(json.dumps(content))
    assert state(made) == ("done", ())
    assert made.assay("manifest").code == 0
