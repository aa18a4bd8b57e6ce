"""Headers are read in one limited child; a file that ends it costs a single file."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from discover import trees
from discover.sparse import sparse_checkpoint
from families.graphs import REFERENCE

from assay.discover.headers import header
from assay.discover.reading import HeaderReader, Limits, header_reader
from assay.errors import AssayError, Refused

BAD = REFERENCE.parent / "bad_checkpoints"


@pytest.fixture(scope="module")
def reader():
    with header_reader() as reader:
        yield reader


def long_pickle(path: Path) -> Path:
    """Many values, all of them plain."""
    return trees.saved({"state_dict": {"w": torch.zeros(1)}, "n": [[i] for i in range(250_000)]}, path)


def long_header(path: Path) -> Path:
    """Many tensors without a number."""
    entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    entries = ",".join(f'"{n}":{entry}' for n in range(400_000))
    content = f"{{{entries}}}".encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content)
    return path


def test_names_shapes_class_and_values_are_those_of_the_file(reader):
    path = REFERENCE / "gat_student.ckpt"
    content, answer = torch.load(path, weights_only=True), reader.read(path)
    assert answer["tensors"] == {name: list(tensor.shape) for name, tensor in content["state_dict"].items()}
    assert answer["class_path"] == content["class_path"]
    assert answer["hyper_parameters"] == content["hyper_parameters"]


def test_safetensors_say_the_same_as_the_torch_file_of_the_same_tensors(reader, tmp_path):
    from safetensors.torch import save_file

    state = trees.STATES["resnet"]()
    save_file(state, tmp_path / "x.safetensors", {"hyper_parameters": '{"depth": 10}'})
    answer = reader.read(tmp_path / "x.safetensors")
    assert answer["tensors"] == reader.read(trees.saved(state, tmp_path / "x.pt"))["tensors"]
    assert answer["hyper_parameters"] == {"depth": 10}


def test_lightnings_counts_and_what_it_watched_are_read(reader, tmp_path):
    watched = {
        "monitor": "val_loss",
        "best_model_path": "/old/epoch=1.ckpt",
        "best_model_score": torch.ones(1),
    }
    callbacks = {"ModelCheckpoint{'monitor': 'val_loss'}": watched}
    path = trees.gat(tmp_path / "x.ckpt", epoch=3, global_step=40, callbacks=callbacks, loops={"a": {}})
    answer = reader.read(path)
    assert answer["counts"] == {"epoch": 3, "global_step": 40}
    assert answer["monitored"] == {"monitor": "val_loss", "best": "/old/epoch=1.ckpt"}


def test_of_a_large_checkpoint_only_the_header_is_read(tmp_path):
    paths = [sparse_checkpoint(tmp_path / f"{n}.ckpt", n_bytes=20 * 2**20) for n in range(5)]
    with header_reader() as reader:
        reader.read(paths[0])
        before = bytes_read(reader)
        for path in paths:
            assert reader.read(path)["tensors"]["network.0.weight"] == [2**20 * 20 // 4 // 4, 4]
        assert bytes_read(reader) - before < sum(path.stat().st_size for path in paths) / 100
        assert reader.n_children == 1


def test_no_hostile_file_is_a_checkpoint_and_none_ends_the_child(reader, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile = [path for path in sorted(BAD.iterdir()) if path.name.startswith(("rce", "inst", "hash_bomb"))]
    assert len(hostile) > 5
    for path in hostile:
        with pytest.raises(Refused):
            reader.read(path)
    assert reader.n_children == 1
    assert not list(tmp_path.iterdir())


def test_the_child_refuses_what_the_function_refuses(reader):
    for path in sorted(BAD.glob("*.ckpt")):
        try:
            header(path)
        except Refused as refusal:
            with pytest.raises(Refused) as refused:
                reader.read(path)
            assert str(refused.value) == str(refusal)


@pytest.mark.parametrize(
    ("name", "reason"), [("rce_00_posix_system", "posix.system"), ("claim_1TiB", "claims")]
)
def test_the_gate_stands_before_the_pickle_is_read(name, reason):
    with pytest.raises(Refused, match=reason):
        header(BAD / f"{name}.ckpt")


def test_a_child_that_dies_loses_one_file_and_the_next_one_is_read_by_another(reader, tmp_path):
    path = trees.mlp(tmp_path / "x.pt")
    reader.read(path)
    n_children = reader.n_children
    os.kill(reader._child.pid, signal.SIGKILL)
    with pytest.raises(Refused, match=r"ended the process that reads headers \(SIGKILL\)"):
        reader.read(path)
    assert len(reader.read(path)["tensors"]) == 4
    assert reader.n_children == n_children + 1


@pytest.mark.parametrize(
    ("limits", "long", "reason"),
    [
        (Limits(cpu_seconds=1), long_header, "more than 1 s of CPU"),
        (Limits(wall_seconds=0.2), long_pickle, "longer than 0.2 s"),
        (Limits(memory_bytes=12 * 2**20), long_pickle, "needs more memory"),
    ],
)
def test_a_header_beyond_a_limit_is_refused_and_the_next_file_is_read(tmp_path, limits, long, reason):
    path, small = long(tmp_path / "long"), trees.mlp(tmp_path / "x.pt")
    with header_reader(limits) as reader:
        with pytest.raises(Refused, match=reason):
            reader.read(path)
        assert len(reader.read(small)["tensors"]) == 4


def test_a_file_that_is_gone_is_refused_and_any_name_can_be_asked_for(reader, tmp_path):
    with pytest.raises(Refused, match="it is gone"):
        reader.read(tmp_path / "gone.pt")
    odd = tmp_path / os.fsdecode(b"a\n\xff.pt")
    shutil.copy(trees.mlp(tmp_path / "x.pt"), odd)
    assert len(reader.read(odd)["tensors"]) == 4


def test_a_child_that_cannot_start_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(AssayError, match=r"no process that reads headers can be started \(exit 1\)"):
        HeaderReader().read(tmp_path)


def bytes_read(reader) -> int:
    lines = Path(f"/proc/{reader._child.pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])
