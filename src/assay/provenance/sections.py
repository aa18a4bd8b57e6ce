"""The manifest as text, in sections, so that those of the last one can be taken over as they are.

The manifest of ten thousand checkpoints is a hundred MB of JSON; one change alters the section of one checkpoint.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from assay.files import json_bytes, publish, sha256_bytes
from assay.layout import Layout
from assay.provenance.memory import read_sealed, write_sealed

FILES, TARGETS = b'\n  "files": {}', b'\n  "targets": []'  # where the sections stand among the other keys
Span = tuple[int, int]  # of bytes in the manifest: begin, end
Place = tuple[str, int]  # a section by its folder, and which of its two texts


@dataclass(frozen=True, slots=True)
class Section:
    """What the manifest says of one folder of the results, which holds all the files that it names."""

    files: bytes  # members of the object `files`
    targets: bytes  # elements of the list `targets`
    sources: Mapping[str, str] = field(default_factory=dict)
    undrawn: Sequence[str] = ()


class LastManifest:
    """The manifest as it lies there, in its sections; without any where it is not the one that was written last."""

    def __init__(self, layout: Layout):
        held = read_sealed(Path(layout.sections))
        self._text = _read(Path(layout.manifest)) if held else b""
        is_the_one = bool(held) and sha256_bytes(self._text) == held["sha256"]
        self._kept: Mapping[str, Any] = held["sections"] if is_the_one else {}

    def section(self, folder: str, seal: str, beside: str) -> Section | None:
        """The section of a folder, where it was written under this seal and with a file of this stat beside it."""
        if folder not in self._kept:
            return None
        kept_seal, kept_beside, spans, sources, undrawn = self._kept[folder]
        if (kept_seal, kept_beside) != (seal, beside):
            return None
        files, targets = (self._text[begin:end] for begin, end in spans)
        return Section(files, targets, sources, undrawn)


class ManifestText:
    """A manifest: sections by folder, in the order of their targets, and `head`, all other keys but its own sha256."""

    def __init__(self, head: Mapping[str, Any], sections: Mapping[str, Section]):
        self._sections = sections
        self._around = json_bytes({**head, "files": {}, "targets": []})
        sealed = {**head, "sha256": _sha256(self._pieces())}
        self._around = json_bytes({**sealed, "files": {}, "targets": []})
        self.sha256 = _sha256(self._pieces())

    def publish(self, path: Path) -> None:
        """Put the manifest there, whole or not at all."""
        publish(path, self._write)

    def keep(self, path: Path, kept: Mapping[str, tuple[str, str]]) -> None:
        """Remember where the sections stand that have a seal, with the stat of the file beside them."""
        spans, begin = {folder: [(0, 0), (0, 0)] for folder in kept}, 0
        for place, piece in self._pieces():
            if place and place[0] in kept:
                spans[place[0]][place[1]] = (begin, begin + len(piece))
            begin += len(piece)
        rows = {
            folder: [*sealed, spans[folder], dict(section.sources), list(section.undrawn)]
            for folder, section in self._sections.items()
            if (sealed := kept.get(folder))
        }
        write_sealed(path, {"sha256": self.sha256, "sections": rows})

    def _write(self, file: IO[bytes]) -> None:
        file.writelines(piece for _, piece in self._pieces())

    def _pieces(self) -> Iterator[tuple[Place | None, bytes]]:
        """The text in order, cut at the borders of sections."""
        before, _, rest = self._around.partition(FILES)
        between, _, after = rest.partition(TARGETS)
        yield None, before + FILES[:-2]
        sorted_as_files = sorted(self._sections, key=lambda folder: f"{folder}/")
        yield from _listed([((name, 0), self._sections[name].files) for name in sorted_as_files], b"{}")
        yield None, between + TARGETS[:-2]
        yield from _listed([((name, 1), section.targets) for name, section in self._sections.items()], b"[]")
        yield None, after


def members(files: Mapping[str, Any]) -> bytes:
    """The members of an object as they stand in a manifest; none is no text."""
    return _inner(files) if files else b""


def elements(targets: Sequence[Any]) -> bytes:
    """The elements of a list as they stand in a manifest; none is no text."""
    return _inner(targets) if targets else b""


def _inner(value: Any) -> bytes:
    lines = json_bytes(value)[2:-3]  # without the brackets, each on a line of its own
    return b"  " + lines.replace(b"\n", b"\n  ")


def _listed(pieces: Sequence[tuple[Place, bytes]], brackets: bytes) -> Iterator[tuple[Place | None, bytes]]:
    """Pieces between brackets, with commas; those that are empty are left out."""
    before = brackets[:1] + b"\n"
    for place, piece in pieces:
        if piece:
            yield None, before
            yield place, piece
            before = b",\n"
    yield None, brackets if before[:1] != b"," else b"\n  " + brackets[1:]


def _sha256(pieces: Iterator[tuple[Place | None, bytes]]) -> str:
    digest = hashlib.sha256()
    for _, piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
