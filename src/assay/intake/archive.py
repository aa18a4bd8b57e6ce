"""A torch zip archive, held to the one layout that torch.save writes, before torch opens it."""

import re
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase

from assay.errors import Refused
from assay.intake.standins import COPY_AGAIN, DISTRUST

MAX_MEMBERS = 200_000
MAX_PICKLE_BYTES = 32 * 2**20

_MEMBER = re.compile(r"data\.pkl|version|byteorder|data/[0-9]+|\.[a-z_]+|\.data/serialization_id")
_END = struct.Struct("<4s4H2LH")  # end of the central directory
_LOCAL = struct.Struct("<4s5H3L2H")  # header before a member's bytes
_ZIP64 = 0xFFFFFFFF
_ZIP64_END_BYTES = 76
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Archive:
    """What torch would read: the pickle, and the bytes of each storage record by its key."""

    pickle: bytes
    records: dict[str, int]


def open_archive(file: BufferedIOBase) -> Archive:
    """The pickle and the records of a torch archive whose every byte that counts was checked.

    Raises:
        Refused: bytes are missing, changed or appended (CRC-32 of every member); a member is twice there,
            compressed, encrypted, overlapping or oddly named; TorchScript; or an archive of something else.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_end(file, archive)
            root = _check_names(members)
            _check_storage(file, archive.start_dir, members)
            _check_sums(archive)
            _check_byteorder(archive, root)
            records = _records(members, root)
            return Archive(archive.read(f"{root}/data.pkl"), records)
    except (zipfile.BadZipFile, struct.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise Refused(f"the zip archive is damaged or cut short: {error}. {COPY_AGAIN}") from None


def _check_end(file: BufferedIOBase, archive: zipfile.ZipFile) -> None:
    """Nothing follows the archive, and both of its end records name the same directory."""
    size = file.seek(0, 2)
    file.seek(size - _END.size)
    magic, *_, length, start, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\x05\x06" or comment:
        raise Refused(f"bytes follow the end of the zip archive, expected none. {COPY_AGAIN}")
    gap = size - _END.size - start - length
    if start != _ZIP64 and (archive.start_dir != start or gap not in {0, _ZIP64_END_BYTES}):
        raise Refused(f"the zip directory is not where its end says. {COPY_AGAIN}")


def _check_names(members: Sequence[zipfile.ZipInfo]) -> str:
    """The one folder that all members lie in."""
    if not 0 < len(members) <= MAX_MEMBERS:
        raise Refused(
            f"the zip archive has {len(members):,} members, expected 1 to {MAX_MEMBERS:,}. {DISTRUST}"
        )
    names = [member.orig_filename for member in members]
    root = names[0].partition("/")[0]
    if f"{root}/constants.pkl" in names or any(name.startswith(f"{root}/code/") for name in names):
        raise Refused(
            "a TorchScript program, which holds code, expected a checkpoint. "
            "Save its weights in the environment that made it: torch.save(model.state_dict(), path)."
        )
    twice = _first_twice([name.lower() for name in names])
    if twice:
        raise Refused(f"the zip archive holds {twice!r} twice, expected each member once. {DISTRUST}")
    for name in names:
        folder, _, rest = name.partition("/")
        if folder != root or not _MEMBER.fullmatch(rest):
            raise Refused(
                f"the zip archive holds {name!r}, expected the names that torch.save writes. {DISTRUST}"
            )
    if f"{root}/data.pkl" not in names:
        raise Refused("a zip archive without data.pkl, expected a checkpoint written by torch.save.")
    return root


def _first_twice(names: Sequence[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _check_storage(file: BufferedIOBase, directory: int, members: Sequence[zipfile.ZipInfo]) -> None:
    """Members lie one after the other, plain, up to the directory."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise Refused(f"member {member.filename!r} is compressed, expected plain bytes. {DISTRUST}")
        if member.flag_bits & _ENCRYPTED:
            raise Refused(f"member {member.filename!r} is encrypted, expected plain bytes. {DISTRUST}")
        if member.header_offset < end:
            raise Refused(f"member {member.filename!r} overlaps another. {DISTRUST}")
        file.seek(member.header_offset)
        *_, name_length, extra_length = _LOCAL.unpack(file.read(_LOCAL.size))
        end = member.header_offset + _LOCAL.size + name_length + extra_length + member.file_size
    if end > directory:
        raise Refused(f"the last member runs into the zip directory. {COPY_AGAIN}")


def _check_sums(archive: zipfile.ZipFile) -> None:
    damaged = archive.testzip()
    if damaged:
        raise Refused(f"member {damaged!r} does not match its checksum (CRC-32). {COPY_AGAIN}")


def _check_byteorder(archive: zipfile.ZipFile, root: str) -> None:
    if f"{root}/byteorder" not in archive.namelist():
        return
    order = archive.read(f"{root}/byteorder")
    if order not in {b"little", b"big"}:
        raise Refused(f"its byteorder is {order[:20]!r}, expected little or big. {COPY_AGAIN}")


def _records(members: Sequence[zipfile.ZipInfo], root: str) -> dict[str, int]:
    prefix = f"{root}/data/"
    sizes = {member.filename: member.file_size for member in members}
    if sizes[f"{root}/data.pkl"] > MAX_PICKLE_BYTES:
        raise Refused(
            f"data.pkl has {sizes[f'{root}/data.pkl']:,} bytes, expected at most {MAX_PICKLE_BYTES:,}."
        )
    return {name.removeprefix(prefix): size for name, size in sizes.items() if name.startswith(prefix)}
