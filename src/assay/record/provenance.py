"""What the published files do not say: contents by their sha256, code, environment, seeds and device."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay.files import sha256_file

GIT_SECONDS = 5


def content_of(path: Path) -> dict[str, Any]:
    """The sha256 and the size of a file."""
    return {"sha256": sha256_file(path), "bytes": path.stat().st_size}


def code_state() -> dict[str, Any]:
    """The script that runs, its sha256, and the state of the git repository that it lies in."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    script = Path(file) if file and Path(file).is_file() else None
    return {
        "script": script.name if script else None,
        "script_sha256": sha256_file(script) if script else None,
        "git": git_state(script.resolve().parent if script else Path.cwd()),
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, branch and whether a tracked file differs from it; None where git knows no repository."""
    command = ["git", "-C", str(folder), "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch"]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        answer = subprocess.run(
            [*command, "--untracked-files=no"], capture_output=True, text=True, timeout=GIT_SECONDS, env=quiet
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    lines = answer.stdout.splitlines()
    heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    return {
        "commit": heads["branch.oid"],
        "branch": heads["branch.head"],
        "dirty": any(not line.startswith("#") for line in lines),
    }


def environment() -> dict[str, Any]:
    """Python, platform, and the version of every package that is loaded and has one."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {"assay": version("assay"), **dict(_loaded_versions())},
    }


def device_state(device: str | None) -> dict[str, Any]:
    """The device by its torch name, and what it is where that is a GPU of this process."""
    torch = sys.modules.get("torch")
    on_gpu = bool(torch and device and device.startswith("cuda") and torch.cuda.is_initialized())
    return {"name": device, "gpu": torch.cuda.get_device_name(device) if torch and on_gpu else None}


def seeds_in(configs: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every seed in a JSON document, with its place as a JSON pointer: keys `seed` and `..._seed` that are set."""
    if not isinstance(configs, Mapping):
        return
    for key, value in configs.items():
        place = f"{pointer}/{key}"
        if (key == "seed" or key.endswith("_seed")) and value is not None:
            yield place, value
        yield from seeds_in(value, place)


def _loaded_versions() -> Iterator[tuple[str, str]]:
    for name, module in sorted(sys.modules.items()):
        if "." in name or name.startswith("_") or name in sys.stdlib_module_names:
            continue
        if isinstance(found := vars(module).get("__version__"), str):  # not getattr, which may import or warn
            yield name, str(found)
