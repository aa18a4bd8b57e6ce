"""HDF5 files of others: what does not lie in the file, or unfolds without bound, is never read."""

import re
import sys

import h5py
import numpy as np
import pytest

from assay import hdf5
from assay.errors import AssayError, Refused
from assay.hdf5 import attribute, dataset_in, group_in, is_hdf5, numbers, open_hdf5, texts


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.h5"


def read(path, name="training/X"):
    with open_hdf5(path) as file:
        found = dataset_in(file, name)
        return None if found is None else numbers(found)


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (4,))
    file.create_virtual_dataset("training/X", layout)


def lying_outside(file):
    file.create_dataset("training/X", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def all_of_zeros(file):
    file.create_dataset("training/X", data=np.zeros(2**23), chunks=(2**20,), compression="gzip")


def in_one_chunk_that_is_far_larger(file):
    file.create_dataset("training/X", (2,), "f8", maxshape=(None,), chunks=(2**23,), compression="gzip")[
        :
    ] = 1


def never_written(file):
    file.create_dataset("training/X", (10**12,), "f8")


def of_a_plug_in(file):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4,))
    plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    kind, space = h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.create_group("training").id, b"X", kind, space, plist).write(
        space, space, np.ones(4)
    )


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda file: file.update({"training": h5py.ExternalLink("/etc/passwd", "/")}), "is a ExternalLink"),
        (
            lambda file: file.update({"training/X": h5py.ExternalLink("y.h5", "/x")}),
            "X of training/X is a Ext",
        ),
        (
            lambda file: file.update({"training": h5py.SoftLink("/other")}),
            "is a SoftLink; allowed: what lies",
        ),
        (virtual, "is a view of other files"),
        (lying_outside, "is kept in other files (/etc/passwd)"),
        (all_of_zeros, "to 67,108,864; allowed: 100 times"),
        (in_one_chunk_that_is_far_larger, "to 67,108,864; allowed: 100 times"),
        (never_written, "was never written"),
        (of_a_plug_in, "needs the filter 32015, a plug-in"),
        (lambda file: file.create_group("training/X"), "training/X is a Group; expected a dataset"),
        (lambda file: file.update({"training/X": h5py.Empty("f8")}), "holds nothing"),
        (lambda file: file.update({"training/X": [b"a"]}), "is of object; allowed: real numbers"),
        (lambda file: file.update({"training/X": np.array([1j])}), "is of complex128; allowed: real numbers"),
    ],
)
def test_what_is_not_data_of_the_file_is_refused_by_file_and_name(path, write, text):
    with h5py.File(path, "w") as file:
        write(file)
    with pytest.raises(Refused, match=re.escape(text)) as refused:
        read(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("filters", [{}, {"compression": "gzip", "shuffle": True, "fletcher32": True}])
def test_numbers_of_the_file_are_read(path, filters):
    x = np.random.default_rng(0).normal(size=(40, 3))
    with h5py.File(path, "w") as file:
        file.create_dataset("training/X", data=x, **filters)
    np.testing.assert_array_equal(read(path), x)


def test_small_data_may_unfold_as_it_likes(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("training/X", data=np.zeros(2**17), compression="gzip")
    assert read(path).sum() == 0


def test_a_flipped_bit_under_a_checksum_is_refused(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("training/X", data=np.arange(1000.0), chunks=(1000,), fletcher32=True)
    content = bytearray(path.read_bytes())
    content[content.index(np.arange(500.0, 510.0).tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(Refused, match="not a readable HDF5 file"):
        read(path)


@pytest.mark.parametrize("name", ["training/Y", "training/X/below", "elsewhere/X"])
def test_what_is_not_there_is_none(path, name):
    with h5py.File(path, "w") as file:
        file["training/X"] = [1.0]
    assert read(path, name) is None


def test_a_dataset_is_no_group(path):
    with h5py.File(path, "w") as file:
        file["training"] = [1.0]
    with pytest.raises(Refused, match="training is a Dataset; expected a group"), open_hdf5(path) as file:
        group_in(file, "training")


@pytest.mark.parametrize("content", [b"", b"text", hdf5.SIGNATURE, None])
def test_a_file_that_is_cut_or_no_hdf5_is_refused(path, content):
    if content is None:
        with h5py.File(path, "w") as file:
            file["training/X"] = np.ones(1000)
        content = path.read_bytes()[:3000]
    path.write_bytes(content)
    with pytest.raises(Refused, match=r"x\.h5 is not a readable HDF5 file"):
        read(path)


def test_hdf5_is_known_by_name_or_first_bytes(tmp_path):
    (tmp_path / "a.HDF5").write_bytes(b"")
    (tmp_path / "b.bin").write_bytes(hdf5.SIGNATURE)
    (tmp_path / "c.csv").write_bytes(b"a,b\n")
    assert [is_hdf5(tmp_path / name) for name in ("a.HDF5", "b.bin", "c.csv")] == [True, True, False]


def test_one_long_text_named_many_times_is_refused_before_it_fills_the_memory(path, monkeypatch):
    with h5py.File(path, "w") as file:
        names = file.create_dataset("names", (3,), h5py.string_dtype())
        names[:] = "x" * 400
    monkeypatch.setattr(hdf5, "SMALL_BYTES", 1000)
    with pytest.raises(Refused, match="names holds more than 1,000 letters"), open_hdf5(path) as file:
        texts(dataset_in(file, "names"))


@pytest.mark.parametrize("data", [[1.0], [[b"a"]], b"a"])
def test_texts_are_of_one_dimension(path, data):
    with h5py.File(path, "w") as file:
        file["names"] = data
    with (
        pytest.raises(Refused, match="allowed: one dimension of at most 100,000 texts"),
        open_hdf5(path) as file,
    ):
        texts(dataset_in(file, "names"))


@pytest.mark.parametrize("value", [[1.0, 2.0], np.array([b"a"]), h5py.Empty("f8"), 1j])
def test_an_attribute_of_more_than_one_value_is_refused(path, value):
    with h5py.File(path, "w") as file:
        file.attrs["eps"] = value
    text = r"attribute eps of / is .*allowed: one text or one number"
    with pytest.raises(Refused, match=text), open_hdf5(path) as file:
        attribute(file, "eps")


@pytest.mark.parametrize("value", ["é", b"dl", 1e-30, 3, True])
def test_attributes_of_one_value_are_read(path, value):
    with h5py.File(path, "w") as file:
        file.attrs["kept"] = value
    with open_hdf5(path) as file:
        assert attribute(file, "kept") == (value.decode() if isinstance(value, bytes) else value)
        assert attribute(file, "lost") is None


def test_without_h5py_the_package_that_is_missing_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(AssayError, match=r"needs h5py: pip install 'assay\[hdf5\]'"):
        read(path)
