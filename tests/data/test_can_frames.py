"""Logs of capture tools: written by python-can, they give the graphs of the same CSV."""

import can
import numpy as np
import pytest
from data.can_files import OPTIONS, traffic, write_csv, write_text

from assay.data.can_bus import prepare
from assay.data.can_frames import frame_log
from assay.errors import Refused

IDS = ("0A0", "1E5", "7FF", "000002B0", "18DAF110")


def written(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with can.Logger(path) as logger:
        for time, name, payload, _ in rows:
            logger.on_message_received(message(time, name, data=payload))
    return path


def message(time, name, **fields):
    return can.Message(
        timestamp=time, arbitration_id=int(name, 16), is_extended_id=len(name) == 8, channel=0, **fields
    )


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf"])
def test_a_capture_gives_the_graphs_of_its_csv(tmp_path, suffix):
    rows = traffic(3, 230, ids=IDS)
    csv = prepare({"train": [write_csv(tmp_path / "a.csv", rows)]}, **OPTIONS | {"stride": 7})
    other = prepare({"train": [written(tmp_path / f"a{suffix}", rows)]}, **OPTIONS | {"stride": 7})
    assert other.facts["vocabulary"] == csv.facts["vocabulary"]
    for split, graphs in csv.splits.items():
        for name, expected in graphs.arrays().items():
            if name not in ("record_id", "time"):
                np.testing.assert_allclose(
                    other.splits[split].arrays()[name], expected, atol=2e-5, err_msg=name
                )


@pytest.mark.parametrize("suffix", [".log", ".asc", ".blf"])
def test_error_frames_are_skipped_and_remote_frames_are_empty(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with can.Logger(path) as logger:
        logger.on_message_received(message(1.0, "0A0", data=b"\1\2"))
        logger.on_message_received(can.Message(timestamp=2.0, is_error_frame=True, channel=0))
        logger.on_message_received(message(3.0, "0A0", is_remote_frame=True, dlc=4))
        logger.on_message_received(message(4.0, "18DAF110", data=bytes(range(1, 13)), is_fd=True, dlc=12))
    log = frame_log(path)
    assert log.payload.tolist() == [[1, 2, *[0] * 6], [0] * 8, list(range(1, 9))]
    assert [log.ids[code] for code in log.id_code] == ["0A0", "0A0", "18DAF110"]
    np.testing.assert_allclose(np.diff(log.timestamp), [2, 1], atol=1e-6)


def test_line_numbers_are_those_of_the_file(tmp_path):
    lines = ("(1.0) can0 123#00", "", "(2.0) can0 20000004#000C000000000000", "(3.0) can0 123#", "")
    log = frame_log(write_text(tmp_path / "a.log", *lines))
    assert log.row_number.tolist() == [1, 4]
    asc = frame_log(written(tmp_path / "a.asc", traffic(0, 5)))
    lines = (tmp_path / "a.asc").read_text().splitlines()
    assert [" Rx " in lines[number - 1] for number in asc.row_number] == [True] * 5


def test_messages_of_a_binary_log_are_counted_from_one(tmp_path):
    assert frame_log(written(tmp_path / "a.blf", traffic(0, 5))).row_number.tolist() == [1, 2, 3, 4, 5]


BAD_LINES = {
    "(2.0) can0 123#ABC": "2 bytes of data where its length is 1",
    "(2.0) can0 123#0G": "no CAN frame as .log has it",
    "(2.0) can0 12": "no CAN frame",
    "(2.0) can0": "no CAN frame",
    "(x) can0 123#00": "no CAN frame",
    "(0.5) can0 123#00": "the timestamp is smaller than the one before",
    "(nan) can0 123#00": "the timestamp is not finite",
    "(2.0) can0 123#\0": "a NUL byte",
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.items())
def test_a_bad_candump_line_is_refused_with_its_number(tmp_path, line, message):
    path = write_text(tmp_path / "a.log", "(1.0) can0 123#00", "", line, "(3.0) can0 123#00")
    with pytest.raises(Refused) as caught:
        frame_log(path)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert message in str(caught.value)


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path):
    (tmp_path / "a.log").write_bytes(b"(1.0) can0 123#00\n\xff\n")
    with pytest.raises(Refused, match=r"a.log, line 2: byte 0xff is not UTF-8"):
        frame_log(tmp_path / "a.log")


@pytest.mark.parametrize("suffix", [".log", ".asc"])
def test_a_text_log_without_messages_is_refused(tmp_path, suffix):
    with pytest.raises(Refused, match="holds no message"):
        frame_log(write_text(tmp_path / f"a{suffix}", "", ""))


def test_an_asc_row_that_was_cut_off_is_refused(tmp_path):
    path = written(tmp_path / "a.asc", [(1.0, "0A0", bytes(range(8)), 0), (2.0, "0A0", bytes(range(8)), 0)])
    rows = path.read_text().splitlines()
    last = max(number for number, row in enumerate(rows) if " Rx " in row)
    path.write_text("\n".join([*rows[:last], rows[last][: rows[last].index("04")]]))
    with pytest.raises(Refused, match=rf"line {last + 1}: .*4 bytes of data where its length is 8"):
        frame_log(path)


def test_relative_asc_timestamps_are_refused(tmp_path):
    path = written(tmp_path / "a.asc", traffic(0, 5))
    path.write_text(path.read_text().replace("timestamps absolute", "timestamps relative"))
    with pytest.raises(Refused, match="has relative timestamps"):
        frame_log(path)


def test_a_binary_log_that_was_cut_off_is_refused(tmp_path):
    path = written(tmp_path / "a.blf", traffic(0, 500))
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(Refused, match=f"was cut off: it has {len(content) - 100} of {len(content)} bytes"):
        frame_log(path)


@pytest.mark.parametrize("content", [b"", b"LOGG", b"x" * 400])
def test_a_file_that_is_no_binary_log_is_refused(tmp_path, content):
    (tmp_path / "a.blf").write_bytes(content)
    with pytest.raises(Refused, match="is not a BLF file"):
        frame_log(tmp_path / "a.blf")


def test_a_damaged_container_of_a_binary_log_is_refused(tmp_path):
    path = written(tmp_path / "a.blf", traffic(0, 500))
    content = bytearray(path.read_bytes())
    content[200:260] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(Refused, match=r"no CAN frame as \.blf has it"):
        frame_log(path)
