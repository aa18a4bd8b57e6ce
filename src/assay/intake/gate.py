"""The static gate: what a file is by its first bytes, and whether torch may be shown it at all."""

import codecs
from collections.abc import Collection
from io import BufferedIOBase
from typing import Literal

from assay.errors import Refused
from assay.intake.archive import open_archive
from assay.intake.rehearsal import rehearse
from assay.intake.standins import COPY_AGAIN

Format = Literal["torch zip", "safetensors"]

STATES = ("state_dict", "model_state_dict", "model", "network")  # where a torch file may keep its state dict

HEAD_BYTES = 4096
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"  # torch's own magic number, pickled
_RESAVE = "Save it again where it was made, with torch 1.6 or later: torch.save(torch.load(path), path)."


def recognise(file: BufferedIOBase) -> Format:
    """Which of the formats that we read a file is, by its content and never by its name.

    Raises:
        Refused: it is none; the text says what it is instead, where that can be told.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith(b"PK\x03\x04"):
        return "torch zip"
    if head[8:9] == b"{" and not _is_text(head):
        return "safetensors"
    raise Refused(f"{_what(head)}, expected a torch checkpoint (zip) or a .safetensors file. {_remedy(head)}")


def check_pickle(file: BufferedIOBase, inert: Collection[str]) -> frozenset[str]:
    """The names of the inert types in a torch zip, once its archive and its pickle have been found harmless.

    Raises:
        Refused: see `archive.open_archive` and `rehearsal.rehearse`.
    """
    archive = open_archive(file)
    return rehearse(archive.pickle, records=archive.records, inert=inert)


def _what(head: bytes) -> str:
    if not head:
        return "an empty file"
    if not any(head):
        return "a file of zero bytes, as is left where data was lost"
    if head.startswith(b"version https://git-lfs"):
        return "a git-lfs pointer, not the file that it points to"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page (HTML)"
    if head.startswith(_LEGACY):
        return "torch's legacy format, from before torch 1.6"
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "a bare pickle, which runs code when loaded"
    return f"a text file that begins {head[:20]!r}" if _is_text(head) else f"a file that begins {head[:8]!r}"


def _remedy(head: bytes) -> str:
    if head.startswith(b"version https://git-lfs"):
        return "Run: git lfs pull."
    if head.startswith(_LEGACY):
        return _RESAVE
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "The download was answered by a page, such as a login; download it again."
    return COPY_AGAIN if not any(head) else "Point the sheet's path at the checkpoint itself."


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\n\r\t" for letter in text)
