import io
import struct
import zipfile

import pytest
import torch

from assay.errors import Refused
from assay.intake.archive import open_archive


def members() -> dict[str, bytes]:
    return {"a/data.pkl": b"\x80\x02}.", "a/byteorder": b"little", "a/data/0": b"1234", "a/version": b"3\n"}


def zipped(content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive:
        for name, payload in content.items():
            archive.writestr(name, payload)
    return raw.getvalue()


def refusal(raw: bytes) -> str:
    with pytest.raises(Refused) as caught:
        open_archive(io.BytesIO(raw))
    return str(caught.value)


def test_the_pickle_and_the_sizes_of_the_records_come_back():
    archive = open_archive(io.BytesIO(zipped(members())))
    assert archive.pickle == b"\x80\x02}."
    assert archive.records == {"0": 4}


def test_what_torch_save_writes_is_accepted():
    raw = io.BytesIO()
    torch.save({"w": torch.ones(3), "v": torch.ones(5)}, raw)
    assert sorted(open_archive(raw).records.values()) == [12, 20]


@pytest.mark.parametrize(
    "name",
    ["b/data/1", "a/../x", "/a/data/1", "a/data/1/2", "a/data/x", "a\\data.pkl", "a/evil.py", "a/", "loose"],
)
def test_a_member_that_torch_save_does_not_write_is_refused(name):
    assert repr(name) in refusal(zipped(members() | {name: b""}))


def test_names_that_differ_in_case_only_are_refused_as_one():
    assert "'a/data.pkl' twice" in refusal(zipped(members() | {"a/DATA.pkl": b""}))


def test_a_compressed_member_is_refused():
    assert "compressed" in refusal(zipped(members() | {"a/data/1": bytes(999)}, zipfile.ZIP_DEFLATED))


def test_an_encrypted_member_is_refused():
    raw = bytearray(zipped(members()))
    directory = raw.index(b"PK\x01\x02")
    raw[directory + 8] |= 1
    assert "encrypted" in refusal(bytes(raw))


def test_two_members_on_the_same_bytes_are_refused():
    raw = bytearray(zipped(members() | {"a/data/1": b"1234"}))
    entries = [at for at in range(len(raw)) if raw[at : at + 4] == b"PK\x01\x02"]
    raw[entries[4] + 42 : entries[4] + 46] = raw[entries[2] + 42 : entries[2] + 46]
    assert "overlaps" in refusal(bytes(raw))


@pytest.mark.parametrize("extra", [b"\n", b"PK\x05\x06" + bytes(18), bytes(4096)])
def test_bytes_after_the_archive_are_refused(extra):
    text = refusal(zipped(members()) + extra)
    assert "follow the end" in text or "damaged" in text or "directory" in text


def test_a_second_archive_behind_the_first_is_refused():
    assert "directory is not where" in refusal(zipped(members()) + zipped(members() | {"a/data/1": b"x"}))


def test_a_comment_at_the_end_is_refused():
    raw = io.BytesIO(zipped(members()))
    with zipfile.ZipFile(raw, "a") as archive:
        archive.comment = b"hello"
    assert refusal(raw.getvalue())


def test_a_changed_byte_of_any_member_is_refused():
    raw = zipped(members())
    at = raw.index(b"1234")
    assert "'a/data/0' does not match its checksum" in refusal(raw[:at] + b"X" + raw[at + 1 :])


def test_an_archive_that_claims_more_pickle_than_it_may_is_refused(monkeypatch):
    monkeypatch.setattr("assay.intake.archive.MAX_PICKLE_BYTES", 3)
    assert "data.pkl has 4 bytes, expected at most 3" in refusal(zipped(members()))


def test_a_directory_that_claims_more_than_the_file_is_refused():
    raw = bytearray(zipped(members()))
    raw[-10:-6] = struct.pack("<I", 2**31)
    assert refusal(bytes(raw))
