"""Records written in one call."""

import io
import os
import re
import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest
import torch
from record.examples import (
    CONDENSED,
    JSON_FILES,
    PUBLISHED,
    REFERENCE_CONFIGS,
    FitConfig,
    bytes_of,
    names_in,
    strictly,
)

from assay.errors import Refused, ResultWarning
from assay.files import sha256_file
from assay.record import Normalizer, load_normalizers, load_record, save_artifact, save_record, verify_record

NETWORK = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
RESULTS = {
    "history": strictly(PUBLISHED / "results.json")["history"],
    "metrics": {"arr": np.arange(3), "path": PUBLISHED.parent.parent.anchor, "val_loss": np.float32(0.3)},
}


def whole(root, name="baseline_four_param", **more):
    return save_record(
        name,
        root,
        dataset_path=CONDENSED,
        **REFERENCE_CONFIGS,
        **RESULTS,
        normalizers={**load_normalizers(PUBLISHED / "normalizers.npz"), "Y": None},
        checkpoint=torch.load(PUBLISHED / "model.pt", weights_only=True),
        description="d",
        **more,
    )


def test_a_record_has_the_published_files_byte_for_byte_but_for_times_and_paths(tmp_path):
    path = whole(tmp_path)
    assert path == tmp_path / "baseline_four_param"
    assert names_in(path) == names_in(PUBLISHED) | {"provenance.json"}
    for name in ("configs.json", "normalizers.npz", "model.pt"):
        assert bytes_of(path / name) == bytes_of(PUBLISHED / name), name
    results, theirs = strictly(path / "results.json"), strictly(PUBLISHED / "results.json")
    assert results | {"created_at": 0} == theirs | {"created_at": 0} | {
        "metrics": theirs["metrics"] | {"path": "/"}
    }
    info, theirs = strictly(path / "info.json"), strictly(PUBLISHED / "info.json")
    for document in (info, theirs):
        document["created_at"] = document["dataset"]["path"] = document["dataset"]["fingerprint"] = 0
    assert info == theirs


def test_times_are_utc_with_microseconds(tmp_path):
    path = save_record("a", tmp_path)
    for name in ("info.json", "results.json", "provenance.json"):
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", strictly(path / name)["created_at"]
        )


def test_what_is_not_given_is_null_or_empty_and_no_file_is_listed_that_was_not_written(tmp_path):
    path = save_record("a", tmp_path, normalizers={"Y": None})
    assert names_in(path) == {*JSON_FILES, "provenance.json"}
    info, results, configs = (strictly(path / f"{name}.json") for name in ("info", "results", "configs"))
    assert info["artifacts"] == {"configs": "configs.json", "results": "results.json"}
    assert (info["dataset"], info["description"], info["run_id"], info["experiment_name"]) == (
        None,
        None,
        "a",
        "a",
    )
    assert (
        results["summary"] == results["metrics"] == results["history"] == results["dataset_prep_stats"] == {}
    )
    assert configs == {
        "data_loading": {"dataloader": None},
        "dataset_prep": {"build_xy": None, "cl": None, "condense": None},
        **dict.fromkeys(("kfold", "model", "optimizer", "training", "tuning")),
        "schema_version": 1,
    }


def test_save_artifact_is_the_same_function():
    assert save_artifact is save_record


def test_a_metric_that_is_not_finite_is_null_and_provenance_says_where(tmp_path):
    path = save_record("a", tmp_path, metrics={"best": float("nan")}, tuning_config={"max": np.inf})
    assert strictly(path / "results.json")["metrics"] == {"best": None}
    assert strictly(path / "provenance.json")["replaced"] == {
        "results.json": {"/metrics/best": "NaN"},
        "configs.json": {"/tuning/max": "Infinity"},
    }


def test_tensors_become_numbers_and_lists(tmp_path):
    path = save_record("a", tmp_path, metrics={"loss": torch.tensor(0.5), "each": torch.arange(2)})
    assert strictly(path / "results.json")["metrics"] == {"loss": 0.5, "each": [0, 1]}


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"metrics": {"labels": {1, 2}}}, TypeError, "results.json: /metrics/labels is a set"),
        ({"fit_config": FitConfig}, TypeError, "dataclass FitConfig itself, not an instance"),
        ({"history": [1, 2]}, TypeError, "history is of type list; allowed: a mapping or a dataclass"),
        ({"model_config": "mlp"}, TypeError, "model_config is of type str"),
        ({"dataset_path": "/nowhere/x.h5"}, FileNotFoundError, "/nowhere/x.h5 does not exist"),
        ({"dataset_path": "."}, IsADirectoryError, "is a folder"),
        ({"normalizers": {"X": 1}}, TypeError, "X is of type int; allowed: None, or what has mean and std"),
        ({"status": "done"}, ValueError, "status is 'done'; allowed: queued, running, failed, completed"),
        ({"status": "failed"}, ValueError, "a failed run has an error"),
        ({"error": "no memory"}, ValueError, "a failed run has an error, and no other"),
        ({"seeds": {"mine": object()}}, TypeError, "provenance.json: /seeds/mine is a object"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is(tmp_path, wrong, error, text):
    with pytest.raises(error, match=re.escape(text)):
        save_record("a", tmp_path, **{"checkpoint": {"w": torch.ones(2)}, **wrong})
    assert names_in(tmp_path) == set()


def test_a_checkpoint_that_cannot_be_pickled_leaves_nothing(tmp_path):
    with pytest.raises(Exception, match="pickle"):
        save_record("a", tmp_path, checkpoint={"f": lambda: 0})
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../x",
        "a/b",
        "/etc/x",
        "a\\b",
        ".hidden",
        "a..b",
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "\ud800",
        "a\u2028b",
        "x" * 201,
        "é" * 101,
    ],
)
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path, name):
    root = tmp_path / "root"
    with pytest.raises(ValueError, match=r"Allowed: a plain file name"):
        save_record(name, root)
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("name", ["a", "A b", "émile", "x" * 200, "v1.2", "-"])
def test_a_plain_name_is_taken(tmp_path, name):
    assert names_in(save_record(name, str(tmp_path / "new" / "root")).parent) == {name}


def test_a_name_that_is_taken_is_refused_and_the_record_stays(tmp_path):
    before = (save_record("a", tmp_path, description="first") / "info.json").read_bytes()
    with pytest.raises(FileExistsError, match=r"holds a record already.*overwrite=True"):
        save_record("a", tmp_path)
    assert (tmp_path / "a" / "info.json").read_bytes() == before
    assert names_in(tmp_path) == {"a"}


def test_an_overwrite_leaves_no_file_of_the_old_record(tmp_path):
    whole(tmp_path, "a")
    path = save_record("a", tmp_path, description="second", overwrite=True)
    assert names_in(path) == {*JSON_FILES, "provenance.json"}
    assert load_record(path).info["description"] == "second"
    assert verify_record(path) == ()
    assert names_in(tmp_path) == {"a"}


def test_an_overwrite_that_fails_leaves_the_old_record(tmp_path):
    path = whole(tmp_path, "a")
    with pytest.raises(TypeError):
        save_record("a", tmp_path, metrics={"x": set()}, overwrite=True)
    with pytest.raises(Exception, match="pickle"):
        save_record("a", tmp_path, checkpoint={"f": lambda: 0}, overwrite=True)
    assert verify_record(path) == ()
    assert load_record(path).info["description"] == "d"
    assert names_in(tmp_path) == {"a"}


def test_an_overwrite_where_nothing_stands_just_writes(tmp_path):
    assert verify_record(save_record("a", tmp_path, overwrite=True)) == ()


def test_an_overwrite_never_deletes_what_is_no_record(tmp_path):
    path = save_record("a", tmp_path)
    (path / "figure.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"holds figure\.png, which no record has"):
        save_record("a", tmp_path, overwrite=True)
    assert (path / "figure.png").read_bytes() == b"mine"


def test_a_file_and_a_link_in_the_way_are_never_replaced(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError, match="is no folder"):
            save_record(name, tmp_path, overwrite=True)
    assert (tmp_path / "file").read_text() == "mine"
    assert names_in(tmp_path / "elsewhere") == set()


def test_an_empty_folder_of_create_artifact_dir_is_filled(tmp_path):
    (tmp_path / "a").mkdir()
    assert verify_record(save_record("a", tmp_path)) == ()


def test_two_that_write_one_name_at_once_do_not_mix(tmp_path, monkeypatch):
    from assay.record import saving

    def meanwhile(*arguments, **keywords):
        monkeypatch.undo()
        save_record("a", tmp_path, description="the other")
        return saving.publish_folder(*arguments, **keywords)

    monkeypatch.setattr(saving, "publish_folder", meanwhile)
    with pytest.raises(FileExistsError, match="holds a record already"):
        save_record("a", tmp_path, description="ours")
    assert load_record(tmp_path / "a").info["description"] == "the other"
    assert names_in(tmp_path) == {"a"}


def test_a_file_system_without_exchange_still_swaps(tmp_path, monkeypatch):
    from assay.record import publishing

    whole(tmp_path, "a")
    monkeypatch.setattr(publishing, "_exchanged_at_once", lambda folder, target: False)
    path = save_record("a", tmp_path, overwrite=True)
    assert names_in(path) == {*JSON_FILES, "provenance.json"}
    assert names_in(tmp_path) == {"a"}


def test_of_a_module_the_state_dict_is_kept(tmp_path):
    path = save_record("a", tmp_path, checkpoint=NETWORK)
    state = torch.load(path / "model.pt", weights_only=True)
    NETWORK.load_state_dict(state, strict=True)
    assert list(state) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_the_kept_reference_model_gives_the_recorded_loss(tmp_path):
    path = whole(tmp_path)
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 20),
        torch.nn.ReLU(),
        torch.nn.Linear(20, 20),
        torch.nn.ReLU(),
        torch.nn.Linear(20, 5),
    )
    state = torch.load(path / "model.pt", weights_only=True)
    network.load_state_dict({key.removeprefix("network."): value for key, value in state.items()})
    with h5py.File(CONDENSED) as file:
        x, y = (file[f"training/{name}"][:].astype(np.float32) for name in "XY")
    rows = np.random.default_rng(42).permutation(100)[80:]
    inputs = load_normalizers(path / "normalizers.npz")["X"].transform(x[rows])
    with torch.no_grad():
        loss = torch.nn.functional.mse_loss(network(torch.from_numpy(inputs)), torch.from_numpy(y[rows]))
    assert loss.item() == load_record(path).results["history"]["val_loss"][-1] == 0.8992586731910706


def test_a_checkpoint_that_only_its_own_code_can_read_is_written_and_warned_of(tmp_path):
    with pytest.warns(ResultWarning, match=r"model\.pt holds .*StringIO.*weights_only=True\) refuses"):
        path = save_record("a", tmp_path, checkpoint={"w": torch.ones(1), "log": io.StringIO()})
    assert verify_record(path) == ()


def test_the_home_folder_does_not_leak(tmp_path, monkeypatch):
    home = tmp_path / "home" / "lovelace"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (home / "data.csv").write_text("a\n")
    path = save_record("a", tmp_path, dataset_path=home / "data.csv")
    dataset = load_record(path).info["dataset"]
    assert dataset["path"] == dataset["fingerprint"]["path"] == "~/data.csv"
    assert all(b"lovelace" not in file.read_bytes() for file in path.iterdir())


def test_the_path_of_a_data_set_is_absolute_without_links_or_relative_to_a_base(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_text("a\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "data" / "x.csv")
    plain = save_record("a", tmp_path / "runs", dataset_path=tmp_path / "link.csv")
    based = save_record("b", tmp_path / "runs", dataset_path=tmp_path / "link.csv", dataset_base=tmp_path)
    assert load_record(plain).info["dataset"]["path"] == str(tmp_path.resolve() / "data" / "x.csv")
    assert load_record(based).info["dataset"]["path"] == os.path.join("data", "x.csv")  # noqa: PTH118


def test_the_data_set_is_known_by_its_content(tmp_path):
    path = whole(tmp_path)
    assert strictly(path / "provenance.json")["dataset"] == {
        "sha256": sha256_file(CONDENSED),
        "bytes": CONDENSED.stat().st_size,
    }


def test_a_hostile_data_set_is_refused_and_nothing_written(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["training"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(Refused, match="ExternalLink"):
        save_record("a", tmp_path / "runs", dataset_path=tmp_path / "x.h5")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("status", ["queued", "running", "completed"])
def test_the_status_stands_in_both(tmp_path, status):
    path = save_record("a", tmp_path, status=status)
    assert strictly(path / "results.json")["status"] == strictly(path / "provenance.json")["status"] == status
    assert strictly(path / "provenance.json")["error"] is None


@pytest.mark.parametrize(
    ("error", "text"),
    [("out of memory", "out of memory"), (ValueError("loss is nan"), "ValueError: loss is nan")],
)
def test_a_failed_run_keeps_its_error(tmp_path, error, text):
    path = save_record("a", tmp_path, status="failed", error=error)
    assert load_record(path).results["status"] == "failed"
    assert load_record(path).provenance["error"] == text


def test_a_record_that_holds_no_tensor_imports_no_torch_no_numpy_and_no_h5py(tmp_path):
    script = (
        "import sys\n"
        "from assay.record import load_record, save_record, verify_record\n"
        "(open('data.csv', 'w')).write('a')\n"
        "path = save_record('a', '.', metrics={'x': 1.5}, fit_config={'seed': 1}, dataset_path='data.csv')\n"
        "assert not verify_record(path), verify_record(path)\n"
        "print(sorted({'torch', 'numpy', 'h5py', 'jaxtyping', 'pandas'} & sys.modules.keys()))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_normalisers_and_a_condensed_file_import_no_torch(tmp_path):
    script = (
        "import sys\n"
        "from assay.record import Normalizer, load_normalizers, save_record\n"
        f"normalizers = load_normalizers({str(PUBLISHED / 'normalizers.npz')!r})\n"
        f"save_record('a', '.', normalizers=normalizers, dataset_path={str(CONDENSED)!r})\n"
        "print('torch' in sys.modules)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout == "False\n"


def test_nothing_is_warned_of_where_nothing_is_wrong(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_record(
            "a",
            tmp_path,
            checkpoint={"w": torch.ones(1)},
            normalizers={"X": Normalizer(np.zeros(2), np.ones(2))},
        )
