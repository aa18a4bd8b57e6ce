"""Every file of a record looked into."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from assay.errors import Refused
from assay.files import sha256_file
from assay.record.documents import INFO, PROVENANCE
from assay.record.reading import Record, load_record


def verify_record(path: Path | str, *, dataset: Path | str | None = None) -> tuple[str, ...]:
    """What is wrong with a record, one line each; empty where it is whole.

    Every file is held against its sha256 in provenance.json and, as published records have none, against the
    checksums of its own format. `dataset` is the data set, wherever it lies now, if it is to be checked too.
    """
    try:
        record = load_record(path)
        return (*_wrong_files(record), *_strays(record), *_wrong_dataset(record, dataset))
    except (Refused, OSError) as error:
        return (str(error),)


def _wrong_files(record: Record) -> Iterator[str]:
    for name, content in record.provenance.get("files", {}).items():
        if (found := sha256_file(record.path / name)) != content.get("sha256"):
            yield f"{record.path / name} is not the file that was written: its sha256 is {found}"
    if normalizers := record.files.get("normalizers"):
        yield from _damage(normalizers)
    if checkpoint := record.files.get("model_checkpoint"):
        yield from _damage(checkpoint)


def _damage(path: Path) -> Iterator[str]:
    """Of a zip archive, as numpy and torch write it: every member is held against its CRC."""
    try:
        with zipfile.ZipFile(path) as archive:
            if member := archive.testzip():
                yield f"{path} is damaged: the checksum of {member} does not match"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        yield f"{path} is no whole zip archive, as numpy and torch write: {error}"


def _strays(record: Record) -> Iterator[str]:
    known = {record.path / INFO, record.path / PROVENANCE, *record.files.values()}
    for file in sorted(record.path.iterdir()):
        if file not in known:
            yield f"{file} is no part of the record: {INFO} does not list it"


def _wrong_dataset(record: Record, dataset: Path | str | None) -> Iterator[str]:
    if dataset is None:
        return
    written = record.provenance.get("dataset")
    if not written:
        fingerprint = (record.info["dataset"] or {}).get("fingerprint", {})
        written = {"bytes": fingerprint.get("file_size_bytes")}
    if (size := Path(dataset).stat().st_size) != written.get("bytes"):
        yield f"{dataset} is not the data set of the record: it has {size} bytes, not {written.get('bytes')}"
    elif "sha256" in written and (found := sha256_file(Path(dataset))) != written["sha256"]:
        yield f"{dataset} is not the data set of the record: its sha256 is {found}"
