"""A picture says what it was drawn of; one that was changed or cut says nothing."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from assay.errors import Refused
from assay.layout import Layout
from assay.store.marks import Marks, is_drawn, text_chunks

MARKS = Marks(source="5a" * 32, code="1-c0de")


@pytest.fixture
def png(tmp_path):
    said = PngInfo()
    said.add_text("Source", "of ä file")
    said.add_text("Software", "some code")
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png", pnginfo=said)
    return tmp_path / "a.png"


def test_text_chunks_are_those_that_pillow_wrote(png):
    assert text_chunks(png) == {"Source": "of ä file", "Software": "some code"}


def test_every_flipped_byte_is_found(png):
    content = png.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        png.write_bytes(changed)
        with pytest.raises(Refused, match=r"a\.png is "):
            text_chunks(png)


def test_every_cut_is_found(png):
    content = png.read_bytes()
    for length in range(len(content)):
        png.write_bytes(content[:length])
        with pytest.raises(Refused, match=r"a\.png is "):
            text_chunks(png)


def test_a_length_beyond_the_file_is_a_cut(png):
    chunk = struct.pack(">I4s", 2**31, b"tEXt") + b"Source\0x"
    png.write_bytes(png.read_bytes()[:8] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])))
    with pytest.raises(Refused, match="cut short"):
        text_chunks(png)


def test_what_is_missing_or_a_blank_is_not_drawn(tmp_path):
    layout = Layout(str(tmp_path))
    assert not is_drawn(layout, "small", "cka", MARKS)
    (tmp_path / "small/figures").mkdir(parents=True)
    for path in layout.figures("small", "cka"):
        Path(path).write_text("not applicable: no teacher\n")
    assert not is_drawn(layout, "small", "cka", MARKS)
