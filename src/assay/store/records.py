"""Records: what an artifact was made of, and why a job failed."""

import os
import platform
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay.catalog import SCHEMA
from assay.errors import AssayError
from assay.files import Write, compact_json, publish, publish_json, read_json, sha256_bytes, write_new
from assay.store.stage import Stage

RECORDED_VERSIONS = ("assay", "torch", "torch-geometric", "numpy", "scipy")


@dataclass(frozen=True, slots=True)
class Record:
    """One complete artifact. Paths are relative to the results folder."""

    checkpoint: str
    artifact: str
    file: str
    sha256: str
    bytes: int
    also: Mapping[str, Mapping[str, Any]]  # file published before it -> sha256, bytes
    arrays: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, str]]  # role -> path, sha256
    options: Mapping[str, Any]
    code: str
    modules: Mapping[str, str]  # module -> digest, so that `why` can name the one that changed
    meta: Mapping[str, str]
    device: str
    started: str
    seconds: float
    peak_mib: int
    warnings: tuple[str, ...] = ()
    schema: int = SCHEMA
    host: str = field(default_factory=socket.gethostname)
    slurm_job: str = field(default_factory=lambda: os.environ.get("SLURM_JOB_ID", ""))
    versions: Mapping[str, str] = field(default_factory=lambda: versions())

    @property
    def action(self) -> str:
        """One sha256 over all that decides the bytes: artifact, inputs, options, code."""
        return action_key(self.artifact, self.inputs, self.options, self.code, schema=self.schema)

    def save(self, path: Path, *, write: Write = publish) -> None:
        """Publish the record: from now on the artifact is complete."""
        publish_json(path, {**asdict(self), "action": self.action}, write=write)


def action_key(
    artifact: str,
    inputs: Mapping[str, Mapping[str, str]],
    options: Mapping[str, Any],
    code: str,
    *,
    schema: int = SCHEMA,
) -> str:
    """One sha256 over all that decides the bytes of an artifact."""
    contents = {role: source["sha256"] for role, source in inputs.items()}
    return sha256_bytes(compact_json([schema, artifact, contents, options, code]).encode())


@contextmanager
def failure_recorded(path: Path, stage: Stage) -> Iterator[None]:
    """Leave at `path` why the block failed; remove what an earlier failure left when it succeeds.

    Only the owner of a target does either: that another took it over is no failure.
    """
    started = time.monotonic()
    try:
        yield
    except Exception as error:
        publish_json(stage.path(path), _failure(error, time.monotonic() - started), write=write_new)
        stage.publish(path)
        raise
    stage.remove(path)


def failure(path: Path) -> str:
    """The reason that `failure_recorded` left, or nothing."""
    try:
        return read_json(path)["error"]
    except FileNotFoundError:
        return ""


def reason_of(error: Exception) -> str:
    """What a record of failure holds of an error: its text, and its type where it is none of ours."""
    return str(error) if isinstance(error, AssayError) else f"{type(error).__name__}: {error}"


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in RECORDED_VERSIONS}}


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _failure(error: Exception, seconds: float) -> dict[str, Any]:
    return {
        "error": reason_of(error),
        "exit_code": error.exit_code if isinstance(error, AssayError) else 1,
        "ended": now(),
        "seconds": round(seconds, 3),
        "host": socket.gethostname(),
        "slurm_job": os.environ.get("SLURM_JOB_ID", ""),
        "command": sys.argv[1:],
    }
