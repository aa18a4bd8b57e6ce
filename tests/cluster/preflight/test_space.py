"""The bytes that a plan will add, against the file system and the quota."""

import json
from pathlib import Path

import pytest

from assay.cluster.preflight.listing import Listing
from assay.cluster.preflight.space import MARGIN, Expected, expected, quota_left, size, space_findings
from assay.plan import requests

QUOTA = """Disk quotas for user ada (uid 1000):
     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace
              {mount}   {used}    {soft}    {hard}       0       5       0       0       0
"""


def needs(bench) -> Expected:
    plan = bench.plan()
    return expected(plan, requests(plan), Listing())


def put_record(artifact: str, checkpoint: str, n_bytes: int, **also: int) -> None:
    """A record, and the file that it is of."""
    record = Path("results", checkpoint, "records", f"{artifact}.json")
    record.parent.mkdir(parents=True, exist_ok=True)
    beside = {name: {"bytes": n, "sha256": ""} for name, n in also.items()}
    record.write_text(json.dumps({"bytes": n_bytes, "also": beside}))


def test_before_anything_is_made_sources_and_checkpoints_are_the_measure(bench):
    sizes = {name: Path("runs", f"{name}.ckpt").stat().st_size for name in ("big", "small")}
    data = sum(Path("runs", f"{split}.npz").stat().st_size for split in ("val", "test"))
    artifacts = sum(sizes[request.row.checkpoint] for request in requests(bench.plan()))
    assert needs(bench).n_bytes == int(MARGIN * (artifacts + sum(sizes.values()) + data))
    assert "no record yet of attention_weights, cka, embeddings, evaluation" in needs(bench).how


def test_a_record_of_the_same_artifact_is_the_measure_where_there_is_one(bench):
    before = needs(bench).n_bytes
    put_record("embeddings", "big", 7_000_000, table=1_000_000)
    checkpoints = sum(Path("runs", f"{name}.ckpt").stat().st_size for name in ("big", "small"))
    assert needs(bench).n_bytes == pytest.approx(before + MARGIN * (16_000_000 - checkpoints), abs=2)
    assert "no record yet of attention_weights, cka, evaluation" in needs(bench).how


def test_what_is_there_adds_nothing(made):
    assert needs(made) == Expected(0, 0, needs(made).how)
    Path("results/small/cka.json").unlink()
    record = json.loads(Path("results/small/records/cka.json").read_text())
    assert needs(made).n_bytes == int(MARGIN * record["bytes"])
    assert needs(made).n_files == 4


def test_a_damaged_record_is_no_measure(bench):
    before = needs(bench).n_bytes
    put_record("embeddings", "big", 7)
    Path("results/big/records/embeddings.json").write_text("{")
    assert needs(bench).n_bytes == before


def test_too_little_space_is_a_problem_that_says_how_it_was_estimated(tmp_path):
    (problem,) = space_findings(tmp_path, Expected(10**18, 1, "a guess"))
    assert f"{tmp_path}: disk space: got " in problem.line
    assert "needed 1000000.0 TB. Make room or set `results` elsewhere. Estimated: a guess." in problem.line
    assert list(space_findings(tmp_path, Expected(1000, 1, ""))) == []


def test_too_few_inodes_are_a_problem(monkeypatch, tmp_path):
    from assay.cluster.preflight import space

    there = type("There", (), {"f_bavail": 10, "f_frsize": 4096, "f_files": 100, "f_favail": 3})
    monkeypatch.setattr(space.os, "statvfs", lambda folder: there)
    (problem,) = space_findings(tmp_path, Expected(1, 4, ""))
    assert "inodes: got 3 free, needed 4" in problem.line


@pytest.mark.parametrize(
    ("used", "soft", "hard", "left"),
    [(100, 0, 300, 200 * 1024), ("400*", 300, 500, 100 * 1024), (100, 150, 0, 50 * 1024), (9, 0, 0, None)],
)
def test_the_quota_that_is_left_is_that_of_the_file_system(slurm, tmp_path, used, soft, hard, left):
    mount = tmp_path.resolve()
    while not mount.is_mount():
        mount = mount.parent
    slurm.prints("quota", QUOTA.format(mount=mount, used=used, soft=soft, hard=hard))
    assert quota_left(tmp_path) == left


def test_another_file_systems_quota_is_not_ours(slurm, tmp_path):
    slurm.prints("quota", QUOTA.format(mount="/elsewhere", used=1, soft=1, hard=1))
    assert quota_left(tmp_path) is None


def test_a_quota_below_what_is_expected_is_a_problem(slurm, tmp_path):
    mount = tmp_path.resolve()
    while not mount.is_mount():
        mount = mount.parent
    slurm.prints("quota", QUOTA.format(mount=mount, used=100, soft=0, hard=101), code=1)
    (problem,) = space_findings(tmp_path, Expected(1025, 1, ""))
    assert "quota: got 1.0 kB left, needed 1.0 kB" in problem.line
    assert list(space_findings(tmp_path, Expected(1024, 1, ""))) == []


def test_sizes_are_told_in_a_readable_unit():
    assert [size(n) for n in (0, 999, 1000, 2_500_000, 3 * 10**12, 10**16)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "2.5 MB",
        "3.0 TB",
        "10000.0 TB",
    ]


def test_checkpoints_that_a_rule_has_still_to_make_are_said_to_count_as_nothing(bench):
    bench.add_row("made\tgat\tresults/demo/made.ckpt\tcan\t")
    assert "1 checkpoints are not made yet: counted as nothing" in needs(bench).how
