"""CSV logs: what is read, and every way in which one is refused, with its line."""

import numpy as np
import pytest
from data.can_files import traffic, write_csv, write_text

from assay.data.can_csv import csv_log
from assay.errors import Refused

HEADER = "timestamp,arbitration_id,data_field,attack"


def same(one, other):
    names = [one.ids[code] for code in one.id_code]
    assert names == [other.ids[code] for code in other.id_code]
    for field in ("timestamp", "payload", "attack", "row_number"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


def test_a_log_is_what_was_written(tmp_path):
    rows = traffic(0, 200, attacks=0.3)
    log = csv_log(write_csv(tmp_path / "a.csv", rows))
    assert log.timestamp.tolist() == [row[0] for row in rows]
    assert [log.ids[code] for code in log.id_code] == [row[1] for row in rows]
    assert [bytes(payload) for payload in log.payload] == [row[2].ljust(8, b"\0") for row in rows]
    assert log.attack.tolist() == [bool(row[3]) for row in rows]
    assert log.row_number.tolist() == list(range(2, 202))


def test_both_column_namings_are_read(tmp_path):
    rows = traffic(0, 50)
    one = csv_log(write_csv(tmp_path / "a.csv", rows))
    same(one, csv_log(write_csv(tmp_path / "b.csv", rows, names=("arb_id", "payload"))))


@pytest.mark.parametrize(
    "changes", [{"newline": "\r\n"}, {"bom": "\ufeff"}, {"newline": "\r\n", "bom": "\ufeff"}]
)
def test_windows_line_ends_and_byte_order_marks_change_nothing(tmp_path, changes):
    rows = traffic(0, 50)
    same(
        csv_log(write_csv(tmp_path / "a.csv", rows)), csv_log(write_csv(tmp_path / "b.csv", rows, **changes))
    )


def test_identifiers_are_never_numbers(tmp_path):
    path = write_text(tmp_path / "a.csv", HEADER, "0,1E5,,0", "1,02B0,,0", "2,NA,,0", "3,100000,,0")
    assert csv_log(path).ids == ("1E5", "02B0", "NA", "100000")


def test_other_columns_spaces_quotes_and_empty_last_lines_are_ignored(tmp_path):
    lines = ('dlc, timestamp ,payload,arb_id,"attack"', '8, 0.5,"0A", 1E5,1', '0,1.5,"","1E5",0', "", "")
    log = csv_log(write_text(tmp_path / "a.csv", *lines))
    assert log.timestamp.tolist() == [0.5, 1.5]
    assert log.ids == ("1E5",)
    assert log.payload[:, 0].tolist() == [10, 0]
    assert log.attack.tolist() == [True, False]


def test_a_log_may_have_no_labels(tmp_path):
    assert csv_log(write_csv(tmp_path / "a.csv", traffic(0, 5), label=False)).attack is None


def test_of_a_long_payload_the_first_eight_bytes_are_used(tmp_path):
    path = write_text(tmp_path / "a.csv", HEADER, "0,1,00112233445566778899aAbB,0", "1,1,FF,0")
    assert csv_log(path).payload.tolist() == [[0, 17, 34, 51, 68, 85, 102, 119], [255, *[0] * 7]]


def test_rows_far_behind_the_first_block_have_their_line(tmp_path):
    rows = write_csv(tmp_path / "a.csv", traffic(0, 60_000)).read_bytes()
    assert len(rows) > 1 << 20
    (tmp_path / "a.csv").write_bytes(rows + b"1e9,1,0G,0\n")
    with pytest.raises(Refused, match=r"a.csv, line 60002: payload '0G'"):
        csv_log(tmp_path / "a.csv")


BAD_ROWS = {
    "payload '0G'; allowed: an even number of hex digits": "2,1,0G,0",
    "payload 'ABC'; allowed": "2,1,ABC,0",
    "payload '00 1'": "2,1,00 1,0",
    "payload '0000": "2,1," + "00" * 65 + ",0",
    "the timestamp is smaller than the one before": "0.5,1,,0",
    "the timestamp is not finite": "nan,1,,0",
    "the timestamp is not finite; ": "inf,1,,0",
    "timestamp 'NA' is not a number": "NA,1,,0",
    "timestamp '0x1p3' is not a number": "0x1p3,1,,0",
    "timestamp '' is not a number": ",1,,0",
    "attack is '2'; allowed: 0 or 1": "2,1,,2",
    "attack is ''; allowed": "2,1,,",
    "attack is 'R'": "2,1,,R",
    "the identifier is empty": "2,,,0",
    "3 columns; the header has 4": "2,1,AB",
    "5 columns; the header has 4": "2,1,AB,0,0",
    "a quote is opened and not closed": '2,1,AB,"0',
    "a NUL byte": "2,1,A\0,0",
    "byte 0xff is not UTF-8": b"2,1,\xff,0",
    "a carriage return without a line feed": "2,1,,0\r3,1,,0",
    "the identifier is empty.": "",
}


@pytest.mark.parametrize(("message", "row"), BAD_ROWS.items())
def test_a_bad_row_is_refused_with_its_line(tmp_path, message, row):
    row = row.encode() if isinstance(row, str) else row
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join((HEADER, "1,1,AA,0", "1,1,BB,0", "")).encode() + row + b"\n2,1,CC,0\n")
    with pytest.raises(Refused) as caught:
        csv_log(path)
    assert str(caught.value).startswith(f"{path}, line 4: {message}")
    assert caught.value.exit_code == 3


def test_a_log_that_was_cut_off_in_a_row_is_refused(tmp_path):
    path = write_csv(tmp_path / "a.csv", traffic(0, 30, ids=("0A0", "1E5")))
    whole = path.read_bytes().rstrip(b"\n")
    last = whole.rindex(b"\n") + 1
    for size in range(last + 1, len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(Refused, match="line 31"):
            csv_log(path)


BAD_FILES = {
    r"a.csv is empty": b"",
    r"a.csv is empty.$": b"\xef\xbb\xbf\n\n",
    r"a.csv holds a header and no message": HEADER.encode(),
    r"needs exactly one column timestamp; got: time, arb_id, payload": b"time,arb_id,payload\n1,1,\n",
    r"needs exactly one column arbitration_id or arb_id; got: timestamp, payload": b"timestamp,payload\n1,\n",
    r"needs exactly one column data_field or payload; got: data_field, payload": (
        b"timestamp,arb_id,data_field,payload\n1,1,,\n"
    ),
    r"the column timestamp occurs more than once": b"timestamp,timestamp,arb_id,payload\n1,1,1,\n",
    r"needs exactly one column timestamp; got: <html>404</html>": b"<html>404</html>",
    r"needs exactly one column timestamp; got: timestamp;arb_id": b"timestamp;arb_id;payload\n1;1;\n",
    r"the first line has 50000 bytes": b"x" * 50_000,
    r"is not a readable CSV table": HEADER.encode() + b"\n1,1," + b"0" * 3_000_000 + b",0\n",
}


@pytest.mark.parametrize(("message", "content"), BAD_FILES.items())
def test_a_bad_file_is_refused(tmp_path, message, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(Refused, match=message):
        csv_log(tmp_path / "a.csv")
