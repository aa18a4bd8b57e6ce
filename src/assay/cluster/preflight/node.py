"""What the probe job runs on a node: it says what it found there, as JSON on stdout. Torch is imported here only."""

import hashlib
import json
import os
import platform
import socket
import sys
import time
from pathlib import Path
from typing import Any

import assay
from assay.store.records import versions

ASKED, ANSWERED = "asked", "answered"
MARK = "assay-probe "  # before the JSON: a site's prolog may print, too


def main() -> None:
    """Answer for a folder with a nonce and a working folder; a GPU is looked for where a third word follows."""
    folder, work, *gpu = sys.argv[1:]
    print(MARK + json.dumps(seen_here(Path(folder), Path(work), gpu=bool(gpu))), flush=True)


def seen_here(folder: Path, work: Path, *, gpu: bool) -> dict[str, Any]:
    """Host, interpreter, versions, code, clock, whether the job began in `work`, the nonce in `folder`, torch, CUDA."""
    return {
        "host": socket.gethostname(),
        "python": sys.executable,
        "package": str(Path(assay.__file__).parent),
        "time": time.time(),
        **said_by(lambda: os.path.samefile(work, "."), "in_place", False),  # noqa: PTH121
        **said_by(versions, "versions", {}),
        "code": package_digest(),
        **said_by(lambda: _exchange(folder), "nonce", ""),
        **said_by(lambda: _torch(gpu=gpu), "torch", {}),
    }


def package_digest() -> str:
    """One sha256 over every module of the installed package, by path and bytes."""
    root = Path(assay.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def said_by(look: Any, name: str, nothing: Any) -> dict[str, Any]:
    """What `look` returns under `name`; where it raises, `nothing`, and the error under `<name>_error`."""
    try:
        return {name: look()}
    except Exception as error:
        return {name: nothing, f"{name}_error": f"{type(error).__name__}: {error}"}


def _exchange(folder: Path) -> str:
    """Read the nonce that the login node wrote, and write it back beside it."""
    nonce = (folder / ASKED).read_text()
    with (folder / ANSWERED).open("w") as file:
        file.write(nonce)
        file.flush()
        os.fsync(file.fileno())
    return nonce


def _torch(*, gpu: bool) -> dict[str, Any]:
    import torch

    there = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda or "",
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        if gpu and there
        else [],
        "machine": platform.machine(),
    }


if __name__ == "__main__":
    main()
