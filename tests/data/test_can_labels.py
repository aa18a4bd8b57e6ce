"""Whose messages are attacks: attack codes of file names, label columns and interval files."""

from pathlib import Path

import pytest
from data.can_files import traffic, write_csv, write_text

from assay.data.can_csv import csv_log
from assay.data.can_labels import ATTACK_NAMES, attack_code, logs_of, row_labels
from assay.errors import Refused

CODES = {
    "train/DoS_1.csv": 1,
    "train/Fuzzy.csv": 2,
    "fuzzing/a.csv": 2,
    "x/force-neutral-1.csv": 3,
    "x/gear.log": 3,
    "x/rpm-accessory.csv": 12,
    "x/RPM.csv": 4,
    "x/speed-accessory.csv": 11,
    "x/speed.csv": 10,
    "x/masquerade.csv": 16,
    "DoS/normal.csv": 0,  # the stem and its folder are one text; normal comes first in the table
    "dos/attack_free.csv": 0,
    "dos/deeper/a.csv": 0,  # only the folder that the log is in
    "x/a.dos": 0,  # the suffix is not part of the name
}


@pytest.mark.parametrize(("path", "code"), CODES.items())
def test_the_first_pattern_in_stem_and_folder_gives_the_code(path, code):
    assert attack_code(Path(path)) == code


def test_the_last_name_of_a_code_is_its_name():
    assert sorted(ATTACK_NAMES) == list(range(18))
    assert [ATTACK_NAMES[code] for code in (0, 2, 3, 12)] == ["benign", "fuzzing", "gear", "rpm-accessory"]


def unlabelled(tmp_path, name):
    rows = [(float(second), "0A0", b"", 0) for second in range(8)]
    return write_csv(tmp_path / "logs" / name, rows, label=False)


def test_a_log_without_labels_is_benign_unless_its_name_is_an_attack(tmp_path):
    assert not row_labels(csv_log(unlabelled(tmp_path, "drive.csv"))).any()
    with pytest.raises(Refused, match=r"dos.csv is by its name an attack \(dos\) but says nowhere") as caught:
        row_labels(csv_log(unlabelled(tmp_path, "dos.csv")))
    assert "a column attack (0 or 1), or a file dos.csv.attacks.csv beside it" in str(caught.value)


def test_intervals_label_messages_from_their_start_to_their_end(tmp_path):
    path = unlabelled(tmp_path, "dos.csv")
    write_text(tmp_path / "logs" / "dos.csv.attacks.csv", "start,end", "5,5", "1,2.5", "2,3")
    assert row_labels(csv_log(path)).tolist() == [False, True, True, True, False, True, False, False]


def test_an_interval_file_without_intervals_says_that_nothing_is_an_attack(tmp_path):
    path = unlabelled(tmp_path, "dos.csv")
    write_text(tmp_path / "logs" / "dos.csv.attacks.csv", "start,end")
    assert not row_labels(csv_log(path)).any()


def test_labels_in_two_places_are_refused(tmp_path):
    path = write_csv(tmp_path / "a.csv", traffic(0, 5))
    write_text(tmp_path / "a.csv.attacks.csv", "start,end", "0,1")
    with pytest.raises(Refused, match=r"has a column attack and a.csv.attacks.csv beside it"):
        row_labels(csv_log(path))


@pytest.mark.parametrize("row", ["2,1", "a,1", "1", "1,2,3", "nan,2", "1,inf", ""])
def test_a_bad_interval_is_refused_with_its_line(tmp_path, row):
    path = unlabelled(tmp_path, "dos.csv")
    write_text(tmp_path / "logs" / "dos.csv.attacks.csv", "start,end", "0,1", row, "3,4")
    with pytest.raises(Refused, match=r"dos.csv.attacks.csv, line 3: .*start <= end"):
        row_labels(csv_log(path))


def test_an_interval_file_with_other_columns_is_refused(tmp_path):
    path = unlabelled(tmp_path, "dos.csv")
    write_text(tmp_path / "logs" / "dos.csv.attacks.csv", "begin,end", "0,1")
    with pytest.raises(Refused, match="has columns begin,end; allowed: start,end"):
        row_labels(csv_log(path))


def test_interval_files_are_no_logs():
    files = [Path("d/a.csv"), Path("d/a.csv.attacks.csv"), Path("d/b.log")]
    assert logs_of(files) == [Path("d/a.csv"), Path("d/b.log")]


def test_an_interval_file_of_no_log_is_refused():
    with pytest.raises(Refused, match=r"d/a.attacks.csv belongs to no log; its log would be a"):
        logs_of([Path("d/a.csv"), Path("d/a.attacks.csv")])
