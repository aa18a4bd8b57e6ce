"""The action key follows what decides the bytes; a failure leaves its reason."""

import json
from contextlib import contextmanager
from dataclasses import fields, replace

import pytest

from assay.errors import AssayError, Refused
from assay.files import read_json
from assay.store.records import Record, failure, failure_recorded
from assay.store.stage import Superseded, owned

RECORD = Record(
    checkpoint="small",
    artifact="cka",
    file="small/cka.json",
    sha256="1" * 64,
    bytes=10,
    also={},
    arrays={},
    inputs={"checkpoint": {"path": "small/intake.json", "sha256": "2" * 64}},
    options={"seed": 42, "split": "val"},
    code="1-abc",
    modules={"assay.artifacts.cka": "abc"},
    meta={},
    device="cpu",
    started="2026-01-01T00:00:00+00:00",
    seconds=1.5,
    peak_mib=100,
)
DECIDING = {
    "artifact": "embeddings",
    "schema": 99,
    "options": {"seed": 43, "split": "val"},
    "code": "1-abd",
    "inputs": {"checkpoint": {"path": "small/intake.json", "sha256": "3" * 64}},
}
BESIDE = {
    "checkpoint": "other",
    "file": "other/cka.json",
    "sha256": "9" * 64,
    "bytes": 11,
    "also": {"small/cka.parquet": {"sha256": "4" * 64, "bytes": 5}},
    "arrays": {"x": {}},
    "modules": {},
    "meta": {"run": "7"},
    "device": "NVIDIA H100",
    "started": "2027-01-01T00:00:00+00:00",
    "seconds": 2.5,
    "peak_mib": 200,
    "warnings": ("few samples",),
    "host": "elsewhere",
    "slurm_job": "17",
    "versions": {"torch": "9"},
}


def test_every_field_is_known_to_decide_or_not():
    assert {field.name for field in fields(Record)} == DECIDING.keys() | BESIDE.keys()


@pytest.mark.parametrize("name", DECIDING)
def test_what_decides_the_bytes_changes_the_action_key(name):
    assert replace(RECORD, **{name: DECIDING[name]}).action != RECORD.action


@pytest.mark.parametrize("name", BESIDE)
def test_what_does_not_decide_the_bytes_leaves_the_action_key(name):
    assert replace(RECORD, **{name: BESIDE[name]}).action == RECORD.action


@pytest.mark.parametrize(
    "inputs",
    [
        {"teacher": RECORD.inputs["checkpoint"]},
        {**RECORD.inputs, "data": {"path": "d", "sha256": "3" * 64}},
        {},
    ],
    ids=["another role", "one more", "none"],
)
def test_the_roles_of_the_inputs_decide_too(inputs):
    assert replace(RECORD, inputs=inputs).action != RECORD.action


def test_neither_the_order_of_options_nor_where_an_input_lies_decides():
    moved = {"checkpoint": {"path": "elsewhere", "sha256": "2" * 64}}
    turned = dict(reversed(RECORD.options.items()))
    assert replace(RECORD, inputs=moved, options=turned).action == RECORD.action


def test_a_saved_record_holds_every_field_and_its_action_key(tmp_path):
    RECORD.save(tmp_path / "cka.json")
    saved = read_json(tmp_path / "cka.json")
    assert saved.keys() == {field.name for field in fields(Record)} | {"action"}
    assert saved["action"] == RECORD.action
    assert {"python", "torch", "numpy"} <= saved["versions"].keys()


@contextmanager
def recorded(path):
    """The block of a job that owns its target."""
    with owned(path.with_name("cka.json")) as stage, failure_recorded(path, stage):
        yield


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (Refused("a.ckpt: a web page"), "a.ckpt: a web page", 3),
        (AssayError("widths disagree"), "widths disagree", 1),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero", 1),
    ],
)
def test_a_failure_leaves_its_reason_and_goes_on(tmp_path, error, text, code):
    path = tmp_path / "records" / "cka.failed.json"
    with pytest.raises(type(error)), recorded(path):
        raise error
    assert failure(path) == text
    assert json.loads(path.read_bytes())["exit_code"] == code


def test_a_success_removes_an_older_failure(tmp_path):
    path = tmp_path / "cka.failed.json"
    with pytest.raises(AssayError), recorded(path):
        raise AssayError("once")
    with recorded(path):
        assert failure(path) == "once"
    assert failure(path) == ""
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_is_no_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), recorded(tmp_path / "cka.failed.json"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_another_process_took_over_is_no_failure(tmp_path):
    path = tmp_path / "cka.failed.json"
    with pytest.raises(Superseded), owned(tmp_path / "cka.json") as late, failure_recorded(path, late):
        with owned(tmp_path / "cka.json", by_force=True):
            pass
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_late_success_does_not_remove_the_failure_of_a_newer_attempt(tmp_path):
    target, path = tmp_path / "cka.json", tmp_path / "cka.failed.json"

    def newer() -> None:
        with owned(target, by_force=True) as stage, failure_recorded(path, stage):
            raise AssayError("newer")

    with owned(target) as late, failure_recorded(path, late), pytest.raises(AssayError):
        newer()
    assert failure(path) == "newer"
