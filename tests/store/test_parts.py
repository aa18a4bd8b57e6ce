"""Finished parts are kept, believed only where they hold, and gone in the end."""

from pathlib import Path

import numpy as np
import pytest

from assay.store.parts import KeptParts


class Rows:
    """Makes rows and counts them; stops at one of them where asked to."""

    def __init__(self, stop: int | None = None):
        self.made, self.stop = [], stop

    def __call__(self, i: int) -> np.ndarray:
        if i == self.stop:
            raise KeyboardInterrupt
        self.made.append(i)
        return np.array([i, np.pi * i, np.inf, np.nan])


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "results" / "a.parquet"


def gathered(target: Path, rows: Rows, *, key: str = "k", n: int = 6) -> list[list[float]]:
    return [row.tolist() for row in KeptParts(target, key).gather(n, rows)]


def broken_off(target: Path, at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        gathered(target, Rows(stop=at))


def test_parts_come_in_order_with_every_bit(target):
    expected = [[float(i), np.pi * i, np.inf] for i in range(6)]
    assert [row[:3] for row in gathered(target, Rows())] == expected


def test_after_a_break_only_what_was_not_finished_is_made(target):
    broken_off(target, at=4)
    rows = Rows()
    found = gathered(target, rows)
    assert rows.made == [4, 5]
    np.testing.assert_array_equal(found, [Rows()(i) for i in range(6)])


def test_parts_of_another_key_are_thrown_away(target):
    broken_off(target, at=4)
    rows = Rows()
    gathered(target, rows, key="other")
    assert rows.made == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("damage", [b"", b"no zip", None], ids=["empty", "text", "a flipped bit"])
def test_a_damaged_part_is_made_again(target, damage):
    broken_off(target, at=4)
    part = target.with_name("a.parquet.parts") / "k" / "000002.npz"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(bytes(content) if damage is None else damage)
    rows = Rows()
    found = gathered(target, rows)
    assert rows.made == [2, 4, 5]
    np.testing.assert_array_equal(found, [Rows()(i) for i in range(6)])


def test_a_job_that_outlived_its_own_leaves_no_part_to_one_of_another_key(target):
    def newer(i: int) -> np.ndarray:
        return np.array([7.0 + i])

    def late(i: int) -> np.ndarray:
        if i == 1:
            KeptParts(target, "new").gather(3, newer)
        return np.array([float(i)])

    KeptParts(target, "old").gather(3, late)
    assert [row.tolist() for row in KeptParts(target, "new").gather(3, Rows(stop=0))] == [[7.0], [8.0], [9.0]]


def test_a_part_that_was_half_written_is_not_taken(target):
    broken_off(target, at=4)
    (target.with_name("a.parquet.parts") / "k" / ".000004.npz.1.ab.tmp").write_bytes(b"PK")
    rows = Rows()
    gathered(target, rows)
    assert rows.made == [4, 5]


def test_removed_parts_leave_nothing_and_removing_none_is_no_error(target):
    gathered(target, Rows())
    KeptParts(target, "k").remove()
    KeptParts(target, "k").remove()
    assert list(target.parent.iterdir()) == []


def test_a_log_hears_of_a_long_job_now_and_then(target, capsys, monkeypatch):
    monkeypatch.setattr("assay.store.parts.HEARTBEAT_SECONDS", 0.0)
    gathered(target, Rows(), n=2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" after")[0] for line in lines] == ["a.parquet: 1 of 2", "a.parquet: 2 of 2"]


def test_a_short_job_says_nothing_in_a_log(target, capsys):
    gathered(target, Rows())
    assert capsys.readouterr().err == ""
