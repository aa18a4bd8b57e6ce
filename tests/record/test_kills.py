"""SIGKILL at every step that touches the disk leaves the whole old record or the whole new one."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from record.examples import JSON_FILES, names_in

from assay.record import load_record, save_record, verify_record

DRIVER = Path(__file__).with_name("killed.py")
SAVE = (
    "import sys; from assay.record import save_record; "
    "save_record('a', sys.argv[1], metrics={'which': 'new'}, overwrite=True)"
)
SAVE_MODEL = (
    "import sys, torch; from assay.record import save_record; "
    "save_record('a', sys.argv[1], checkpoint={'w': torch.arange(6.0)})"
)
HAS_STRACE = pytest.mark.skipif(
    not shutil.which("strace"), reason="needs strace (apt install strace); the other tests here need none"
)


def kills(folder, *ways):
    run = subprocess.run(
        [sys.executable, str(DRIVER), str(folder), *ways], capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert found[-1] == {"call": "", "found": "new", "aside": []}
    return found[:-1]


def test_a_kill_at_any_step_leaves_no_record_or_a_whole_one(tmp_path):
    found = kills(tmp_path)
    assert {kill["found"] for kill in found} == {"nothing", "new"}
    calls = Counter(kill["call"] for kill in found)
    assert calls["write"] >= 5
    assert calls["fsync"] >= 8
    assert calls["rename"] == 1


def test_a_kill_at_any_step_of_an_overwrite_leaves_the_old_record_or_the_new_one(tmp_path):
    found = kills(tmp_path, "overwrite")
    assert {kill["found"] for kill in found} == {"old", "new"}
    assert [kill["call"] for kill in found].count("exchange") == 1


def test_where_names_cannot_be_exchanged_a_kill_between_the_renames_leaves_the_old_record_beside(tmp_path):
    found = kills(tmp_path, "overwrite", "no-exchange")
    assert {kill["found"] for kill in found} == {"old", "new", "nothing"}
    assert [kill["aside"] for kill in found if kill["found"] == "nothing"] == [["old"]]


@HAS_STRACE
@pytest.mark.slow
@pytest.mark.parametrize("standing", ["nothing", "old"])
def test_sigkill_at_every_system_call_leaves_all_or_nothing(tmp_path, standing):
    seen = {
        syscall: set(_outcomes(tmp_path, syscall, standing))
        for syscall in ("write", "fsync", "rename", "/renameat2")
    }
    assert seen["write"] == seen["rename"] == {standing}
    assert seen["fsync"] == {standing, "new"}
    assert seen["/renameat2"] <= {standing}


def _outcomes(folder, syscall, standing):
    """What stands under the name after a kill at the first, second, ... of these system calls."""
    for n in range(1, 100):
        root = folder / f"{syscall.strip('/')}{n}"
        if standing == "old":
            save_record("a", root, metrics={"which": "old"})
        if _killed_at(syscall, n, SAVE, root) == 0:
            return
        yield "nothing" if not (root / "a").exists() else _whole(root / "a")


def _killed_at(syscall, n, script, root):
    """The exit status of a script that is killed at its n-th such system call, or ends before it."""
    inject = ["-e", f"trace={syscall}", "-e", f"inject={syscall}:signal=KILL:when={n}"]
    command = ["strace", "-qq", "-o", "/dev/null", *inject, sys.executable, "-c", script, root]
    return subprocess.run(command, capture_output=True).returncode


@HAS_STRACE
@pytest.mark.slow
@pytest.mark.parametrize("syscall", ["write", "fsync"])
def test_sigkill_while_torch_writes_the_model_leaves_no_record(tmp_path, syscall):
    assert _killed_at(syscall, 4, SAVE_MODEL, tmp_path) != 0  # after those of the three JSON files
    assert len(list(tmp_path.glob(".a.*.tmp/model.pt"))) == 1
    assert not (tmp_path / "a").exists()


def _whole(path):
    assert verify_record(path) == ()
    return load_record(path).results["metrics"]["which"]


def test_every_file_and_its_folder_are_on_disk_before_the_name_and_the_name_before_the_return(
    tmp_path, monkeypatch
):
    steps = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor):
        steps.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def noted_rename(source, target):
        steps.append(("rename", Path(source)))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", noted_rename)
    path = save_record("a", tmp_path, checkpoint={"w": torch.ones(1)})
    monkeypatch.undo()
    at = steps.index(next(step for step in steps if step[0] == "rename"))
    staged = steps[at][1]
    before = {name for call, name in steps[:at] if call == "fsync"}
    assert {name.name for name in before if name.parent == staged} == {
        *JSON_FILES,
        "provenance.json",
        "model.pt",
    }
    assert steps[at - 1] == ("fsync", staged)
    assert steps[at + 1 :] == [("fsync", tmp_path)]
    assert path.is_dir()


def test_what_a_kill_leaves_is_hidden_and_does_not_stop_the_next_record(tmp_path):
    litter = tmp_path / ".a.1234.0badf00d.tmp"
    litter.mkdir()
    (litter / "info.json").write_text("{")
    save_record("a", tmp_path)
    assert names_in(tmp_path) == {"a", litter.name}
