"""Whole files or none: atomic writes and strict JSON. Standard library only."""

import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

from assay.errors import Refused

AGAIN = "Delete it to have it made again."
Write = Callable[
    [Path, Callable[[IO[bytes]], object]], None
]  # `publish`, or `write_new` where nobody else looks


def publish(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Put at `path` what `write` writes, whole or not at all; an older file stays until the new one is safe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        write_new(staged, write)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_new(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Make the file `path`, which must not be there yet, of what `write` writes, and flush it to disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    with os.fdopen(descriptor, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_bytes(path: Path, content: bytes, *, write: Write = publish) -> None:
    """Put `content` at `path`, whole or not at all."""
    write(path, lambda file: file.write(content))


def publish_json(path: Path, value: Any, *, write: Write = publish) -> bytes:
    """Put `value` at `path` as canonical JSON; returns the bytes. NaN and infinity are a ValueError."""
    content = json_bytes(value)
    publish_bytes(path, content, write=write)
    return content


def json_bytes(value: Any) -> bytes:
    """`value` as JSON with sorted keys, two spaces and a final newline: one value, one text."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def compact_json(value: Any) -> str:
    """`value` as JSON on one line with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        FileNotFoundError: there is no such file.
        Refused: it is no JSON object, repeats a key, or holds NaN.
    """
    return parse_json(path.read_bytes(), path)


def parse_json(content: bytes, path: Path, *, advice: str = AGAIN) -> dict[str, Any]:
    """The JSON object in `content`; `path` and `advice` are named in errors.

    Raises:
        Refused: it is no JSON object, repeats a key, or holds NaN.
    """
    try:
        value = json.loads(
            content, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path} is not the JSON that was written: {error}. {advice}") from error
    if not isinstance(value, dict):
        raise Refused(f"{path} holds a JSON {type(value).__name__}, expected an object.")
    return value


def sha256_bytes(content: bytes) -> str:
    """The sha256 of `content`, in hex."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} occurs twice")
    return value


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_constant(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
