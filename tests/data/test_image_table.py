"""Which files a split has: tables, folders of classes, and every way in which these are refused."""

import numpy as np
import pytest
from data.image_files import DEFAULTS, noise, prepared, save, save_many, table

from assay.data.images import prepare
from assay.errors import Refused


@pytest.fixture
def folder(tmp_path):
    """Five images, 00.png to 04.png."""
    save_many(tmp_path / "d", 5)
    return tmp_path / "d"


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def of(split):
    return split.record_id.tolist(), split.y.tolist()


def test_a_table_gives_order_ids_and_labels_and_leaves_other_files_aside(folder):
    rows = ["record_id,age,file,label", "p3,40,03.png,sick", "p1,50,./01.png,well", "p0,60,00.png,sick"]
    found = prepared(*files(folder), table(folder, *rows))
    assert of(found.splits["val"]) == (["p3", "p1", "p0"], [0, 1, 0])
    assert found.facts["class_names"] == ["sick", "well"]
    np.testing.assert_array_equal(found.splits["val"].x[0, 0], noise(6, 5, seed=3))


def test_a_table_of_files_alone_gives_their_names_as_ids_and_no_labels(folder):
    found = prepared(*files(folder), table(folder, "file", "01.png", "00.png"))
    assert of(found.splits["val"]) == (["01.png", "00.png"], [-1, -1])
    assert found.facts["warnings"] == ["split val: no sample has a label"]


def test_one_table_serves_every_split_that_the_config_names(folder):
    rows = ["file,split,label", "00.png,train,b", "01.png,test,a", "02.png,train,c", "04.png,spare,z"]
    both = [*files(folder), table(folder, *rows)]
    found = prepare({"train": both, "test": both}, **DEFAULTS)
    assert of(found.splits["train"]) == (["00.png", "02.png"], [1, 2])
    assert of(found.splits["test"]) == (["01.png"], [0])
    assert found.facts["class_names"] == ["a", "b", "c"]


def test_each_split_may_have_its_own_table(folder):
    images = files(folder)
    tables = {split: table(folder, "file", f"0{i}.png", name=f"{split}.csv") for i, split in enumerate("ab")}
    found = prepare({split: [*images, path] for split, path in tables.items()}, **DEFAULTS)
    assert {split: of(part)[0] for split, part in found.splits.items()} == {"a": ["00.png"], "b": ["01.png"]}


def test_folders_are_classes_sorted_by_name(tmp_path):
    for name in ("dog", "cat"):
        save_many(tmp_path / name, 2)
    found = prepared(*files(tmp_path))
    ids = ["cat/00.png", "cat/01.png", "dog/00.png", "dog/01.png"]
    assert of(found.splits["val"]) == (ids, [0, 0, 1, 1])
    assert found.facts["class_names"] == ["cat", "dog"]


def test_files_of_one_folder_have_no_label(folder):
    found = prepared(*files(folder))
    assert of(found.splits["val"]) == ([f"{i:02}.png" for i in range(5)], [-1] * 5)


def test_folders_that_are_not_side_by_side_are_refused(tmp_path):
    save_many(tmp_path / "cat", 1)
    save_many(tmp_path / "cat" / "old", 1)
    with pytest.raises(Refused, match="split val: files lie in folders that are not side by side"):
        prepared(*files(tmp_path))


def test_a_file_of_two_splits_is_refused(folder):
    both = [*files(folder), table(folder, "file", "00.png", "01.png")]
    with pytest.raises(Refused, match=r"files of more than one split \(2\): .*00.png, .*01.png"):
        prepare({"val": both, "test": both}, **DEFAULTS)


def test_a_split_that_no_row_is_of_is_refused(folder):
    with pytest.raises(Refused, match=r"split val: no row of .*labels.csv is of this split"):
        prepared(*files(folder), table(folder, "file,split", "00.png,train"))


WRONG_ROWS = {
    r"files named more than once \(1\): 00.png": ["file", "00.png", "01.png", "./00.png"],
    r"record_ids given more than once \(1\): p1": ["file,record_id", "00.png,p1", "01.png,p1"],
    r"files that are not there \(2\): 07.png, 08.png": ["file", "00.png", "07.png", "08.png"],
    r"files that are no path below the table's folder \(3\): '/etc/passwd', '../d/00.png', ''": [
        "file,label",
        "/etc/passwd,a",
        "../d/00.png,b",
        ",c",
    ],
    r"files of an unknown suffix \(1\): labels.csv": ["file", "labels.csv"],
    r"rows without a split \(1\): 01.png": ["file,split", "00.png,val", "01.png,"],
    r"rows of another length than the header \(2\): '00.png', '01.png, a, b'": [
        "file,label",
        "00.png",
        "01.png,a,b",
    ],
    r"has the columns image, label; needed: file, and each name once": ["image,label", "00.png,a"],
    r"has the columns file, file; needed: file, and each name once": ["file,file", "00.png,a"],
    r"has the columns none; needed": [""],
    r"is no readable csv file": ["file,label", '"00.png"x,a'],
}


@pytest.mark.parametrize(("message", "rows"), WRONG_ROWS.items())
def test_a_wrong_table_is_refused_with_its_rows(folder, message, rows):
    with pytest.raises(Refused, match=message) as caught:
        prepared(*files(folder), table(folder, *rows))
    assert str(caught.value).startswith(str(folder / "labels.csv"))
    assert caught.value.exit_code == 3


def test_all_that_is_wrong_with_a_table_is_said_at_once(folder):
    rows = ["file,record_id", "00.png,a", "00.png,a", "gone.png,b", "../x.png,c"]
    with pytest.raises(Refused) as caught:
        prepared(*files(folder), table(folder, *rows))
    assert [line.partition(" (")[0].partition(": ")[2] for line in str(caught.value).splitlines()] == [
        "files named more than once",
        "record_ids given more than once",
        "files that are not there",
        "files that are no path below the table's folder",
    ]


def test_a_link_out_of_the_tables_folder_is_refused_and_one_inside_is_not(folder, tmp_path):
    outside = save(tmp_path / "secret.png", noise(6, 5))
    (folder / "in.png").symlink_to(folder / "00.png")
    assert len(prepared(*files(folder), table(folder, "file", "in.png")).splits["val"]) == 1
    (folder / "out.png").symlink_to(outside)
    with pytest.raises(Refused, match=r"files that a link takes out of the table's folder \(1\): out.png"):
        prepared(*files(folder), table(folder, "file", "in.png", "out.png"))


def test_a_table_without_the_folder_of_its_files_is_refused_since_no_change_of_them_would_be_seen(folder):
    with pytest.raises(Refused, match=r"not in `path` or `splits`, which must name their folder too \(1\)"):
        prepared(table(folder, "file", "00.png"))


def test_a_file_of_an_unknown_suffix_is_refused(tmp_path):
    (tmp_path / "a.gif").touch()
    with pytest.raises(Refused, match=r"files of an unknown suffix \(1\): .*a.gif"):
        prepared(tmp_path / "a.gif")


def test_no_files_are_refused():
    with pytest.raises(Refused, match="split val has no image files"):
        prepared()
