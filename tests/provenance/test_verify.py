"""A verification reads every byte again: damage is wrong, what is only worth knowing is a note."""

import json
import shutil
from pathlib import Path

import pytest

from assay.errors import Refused
from assay.provenance.verify import verify
from assay.store.stage import owned

FILES = ("small/cka.json", "small/embeddings.npz", "small/weights.safetensors", "data/can/val.safetensors")


def flip(path: Path) -> None:
    """Another bit in the middle; the same length."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_was_made_verifies(made):
    verdict = verify("results")
    assert (verdict.wrong, verdict.notes) == ((), ())
    visible = [name for name in made.files() if not Path(name).name.startswith(".")]
    assert verdict.n_files == len(visible) + 4  # the sources


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_a_cut_and_a_missing_file_are_wrong(made, name):
    path = Path("results", name)
    flip(path)
    (wrong,) = verify("results").wrong
    assert wrong.startswith(f"{path}: sha256 is ")
    path.write_bytes(path.read_bytes()[:-1])
    (wrong,) = verify("results").wrong
    assert wrong.startswith(f"{path}: has {path.stat().st_size} bytes, the manifest says ")
    path.unlink()
    assert verify("results").wrong == (f"{path}: is missing",)


def test_everything_that_is_wrong_is_said_at_once(made):
    for name in FILES:
        flip(Path("results", name))
    assert len(verify("results").wrong) == len(FILES)


def test_a_source_that_changed_is_wrong_and_one_that_is_gone_a_note(made):
    Path("runs/small.ckpt").unlink()
    verdict = verify("results")
    assert verdict.wrong == ()
    assert verdict.notes == ("runs/small.ckpt: source is gone; its intake and data stand",)
    flip(Path("runs/val.npz"))
    (wrong,) = verify("results").wrong
    assert wrong.startswith("runs/val.npz: sha256 is ")


def test_a_file_that_is_not_ours_is_a_note(made):
    Path("results/small/notes.txt").write_text("mine")
    verdict = verify("results")
    assert (verdict.wrong, verdict.notes) == ((), ("results/small/notes.txt: is not in the manifest",))


def test_a_target_that_was_not_done_is_a_note(made):
    Path("results/small/cka.json").rename("aside")
    Path("results/small/records/cka.json").unlink()
    assert made.assay("manifest", "--partial").code == 0
    verdict = verify("results")
    assert verdict.wrong == ()
    assert verdict.notes == ("small cka: missing when the manifest was written",)


def test_a_copy_verifies_elsewhere_without_its_sources(made, tmp_path, monkeypatch):
    shutil.copytree("results", tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    verdict = verify("copy")
    assert verdict.wrong == ()
    assert len(verdict.notes) == 4


def test_a_manifest_that_is_missing_or_was_edited_is_refused(made):
    manifest = Path("results/manifest.json")
    content = json.loads(manifest.read_bytes())
    content["files"].pop("small/cka.json")
    manifest.write_text(json.dumps(content))
    with pytest.raises(Refused, match="is not the manifest that was written: its own sha256 does not match"):
        verify("results")
    del content["sha256"]
    manifest.write_text(json.dumps(content))
    with pytest.raises(Refused, match="its own sha256 does not match"):
        verify("results")
    manifest.unlink()
    with pytest.raises(Refused, match=r"manifest\.json is missing"):
        verify("results")


def test_what_jobs_that_still_run_keep_beside_their_targets_is_not_worth_a_word(made):
    with owned(Path("results/small/cka.json")) as stage:
        stage.path(Path("results/small/cka.json")).write_text("half")
        verdict = verify("results")
    assert (verdict.wrong, verdict.notes) == ((), ())
