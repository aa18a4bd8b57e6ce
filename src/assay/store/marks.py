"""What a figure says of itself: the file that it was drawn of, the code that drew it, and the files beside it.

All of it stands in text chunks of the PNG, each with a checksum. The PNG is published last, so it speaks for the whole
figure. The SVG and the pages name file and code alone.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.errors import Refused
from assay.files import read_json, sha256_file
from assay.layout import Layout
from assay.plan import figure_code

SIGNATURE = b"\x89PNG\r\n\x1a\n"  # PNG 3rd edition (W3C 2025), section 5.2
FRAME = struct.Struct(">I4s")  # length and type of a chunk, before its data (section 5.3)
CRC = struct.Struct(">I")  # of type and data, after them


@dataclass(frozen=True, slots=True)
class Marks:
    """What a figure is decided by."""

    source: str  # the sha256 of the artifact's file
    code: str  # the digest of the code that draws it

    @property
    def png(self) -> dict[str, str]:
        """As text chunks of a PNG."""
        return {"Source": f"sha256:{self.source}", "Software": f"assay figure {self.code}"}

    @property
    def svg(self) -> dict[str, str | None]:
        """As Dublin Core elements of an SVG."""
        return {"Source": self.png["Source"], "Creator": self.png["Software"], "Date": None}


def marks_of(artifact: str, target: Path) -> Marks:
    """The marks of a figure that is drawn of an artifact's file now."""
    return Marks(sha256_file(target), figure_code(artifact))


def digests(files: Iterable[Path]) -> dict[str, str]:
    """Suffix (`.svg`, `.pages.json`) -> sha256, as text chunks of the PNG beside the files."""
    return {"".join(file.suffixes): f"sha256:{sha256_file(file)}" for file in files}


def is_drawn(layout: Layout, checkpoint: str, artifact: str, marks: Marks) -> bool:
    """Whether the figure of an artifact has these marks, and every file of it is the one that was drawn."""
    png, *beside = (Path(path) for path in layout.figures(checkpoint, artifact))
    try:
        if text_chunks(png) != {**marks.png, **digests(beside)}:
            return False
        return all(_pages_stand(listing, png.with_suffix("")) for listing in beside[1:])
    except (OSError, Refused):
        return False


def text_chunks(png: Path) -> dict[str, str]:
    """Keyword -> text of the tEXt chunks of a PNG, whose every chunk is held against its checksum.

    Raises:
        Refused: it is no PNG, is cut short, or a chunk is damaged.
    """
    content, texts, at, kind = png.read_bytes(), {}, len(SIGNATURE), b""
    if not content.startswith(SIGNATURE):
        raise Refused(f"{png} is no PNG: it begins with {content[: len(SIGNATURE)]!r}.")
    while kind != b"IEND":
        kind, data, at = _chunk(png, content, at)
        if kind == b"tEXt":
            keyword, _, text = data.partition(b"\0")
            texts[keyword.decode("latin-1")] = text.decode("latin-1")
    return texts


def _chunk(png: Path, content: bytes, at: int) -> tuple[bytes, bytes, int]:
    """Type and data of the chunk at an offset, and the offset of the next one."""
    try:
        length, kind = FRAME.unpack_from(content, at)
        start = at + FRAME.size
        data = content[start : start + length]
        (checksum,) = CRC.unpack_from(content, start + length)
    except struct.error:
        raise Refused(f"{png} is cut short: its {len(content)} bytes end within a chunk.") from None
    if zlib.crc32(kind + data) != checksum:
        raise Refused(f"{png} is damaged: its chunk at byte {at} does not have its checksum.")
    return kind, data, start + length + CRC.size


def _pages_stand(listing: Path, folder: Path) -> bool:
    pages = read_json(listing)["files"]
    return all(sha256_file(folder / name) == held["sha256"] for name, held in pages.items())
