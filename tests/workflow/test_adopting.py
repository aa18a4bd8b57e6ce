"""Results that a real Snakemake has no memory of are adopted after a look at them, never blindly."""

import base64
import json
import shutil

import pytest
from lab import ROOT, Lab

SNAKEMAKE = ("--", "-s", str(ROOT / "Snakefile"), "-c", "2")


@pytest.fixture
def copied(finished, tmp_path) -> Lab:
    """The finished lab in another folder: new times, and no .snakemake."""
    folder = tmp_path / "copied"
    shutil.copytree(finished.folder, folder, copy_function=shutil.copy, ignore=lambda *_: [".snakemake"])
    return Lab(folder)


def test_fresh_results_from_elsewhere_leave_nothing_to_do_and_are_watched_from_then_on(copied):
    run = copied.assay("adopt", *SNAKEMAKE)
    assert run.code == 0, run.text
    assert "Nothing to be done" in copied.snakemake("-n").text
    assert copied.assay("verify").code == 0
    copied.configure(options__cka__max_samples=10)
    assert copied.planned() == {"cka": 1}


@pytest.mark.parametrize("stale", [False, True])
def test_what_a_killed_snakemake_left_marked_as_incomplete_is_taken_or_made_by_its_record(copied, stale):
    mark = copied.folder / ".snakemake/incomplete" / base64.b64encode(b"results/small/cka.json").decode()
    mark.parent.mkdir(parents=True)
    mark.touch()
    if stale:
        copied.configure(options__cka__max_samples=10)
    run = copied.assay("adopt", "--make", *SNAKEMAKE)
    assert run.code == 0, run.text
    assert "Nothing to be done" in copied.snakemake("-n").text


def test_a_stale_artifact_is_not_blessed_and_is_made_with_the_rest(copied):
    copied.configure(options__cka__max_samples=10)
    run = copied.assay("adopt", *SNAKEMAKE)
    assert run.code == 0, run.text
    first, second = run.out.splitlines()
    assert first.endswith("--forcerun results/small/cka.json -- results/small/cka.json")
    assert "--forcerun" not in second
    run = copied.assay("adopt", "--make", *SNAKEMAKE)
    assert run.code == 0, run.text
    record = json.loads((copied.folder / "results/small/records/cka.json").read_bytes())
    assert record["options"]["max_samples"] == 10
    assert "Nothing to be done" in copied.snakemake("-n").text


def test_a_damaged_file_is_named_and_not_blessed(copied):
    path = copied.folder / "results/big/embeddings.npz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    run = copied.assay("adopt", "--make", *SNAKEMAKE)
    assert run.code == 3
    assert "results/big/embeddings.npz: sha256 is" in run.err
    assert copied.assay("verify").code == 0
    assert "Nothing to be done" in copied.snakemake("-n").text


def test_a_dry_run_prints_the_commands_and_changes_nothing(copied):
    copied.configure(options__cka__max_samples=10)
    before = _times(copied)
    run = copied.assay("adopt", "--dry-run", *SNAKEMAKE)
    assert run.code == 0, run.text
    touch, *making = run.out.splitlines()
    assert "--touch --forceall --ignore-incomplete -- " in touch
    assert "results/small/cka.json" not in touch
    assert "results/small/embeddings.npz" in touch
    assert len(making) == 2
    assert not (copied.folder / ".snakemake").exists()
    assert _times(copied) == before


def _times(lab: Lab) -> dict[str, int]:
    files = [path for path in (lab.folder / "results").rglob("[!.]*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files}
