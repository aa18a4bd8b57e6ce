"""Every file of a manifest, hashed again."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import Refused
from assay.files import json_bytes, read_json, sha256_bytes, sha256_file
from assay.layout import Layout


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    n_files: int
    wrong: tuple[str, ...]  # a file that is not what the manifest says
    notes: tuple[str, ...]  # what a reader should know, and what is no damage


def verify(results: str, *, threads: int = 4) -> Verdict:
    """Hash every file that the manifest of a results folder names, and every source that is still there.

    Raises:
        Refused: there is no manifest, or it is not the one that was written.
    """
    manifest = _manifest(Path(Layout(results).manifest))
    files = {str(Path(results, name)): digest for name, digest in manifest["files"].items()}
    sources = {path: {"sha256": sha256} for path, sha256 in manifest["sources"].items()}
    gone = [path for path in sources if not Path(path).exists()]
    checked = {**{path: sources[path] for path in sources if path not in gone}, **files}
    with ThreadPoolExecutor(threads) as pool:
        wrong = [problem for problem in pool.map(problem_of, checked, checked.values()) if problem]
    notes = [f"{path}: source is gone; its intake and data stand" for path in gone]
    return Verdict(
        len(checked) + 1, tuple(wrong), (*notes, *_open_targets(manifest), *_strays(results, files))
    )


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = read_json(path)
    except FileNotFoundError:
        raise Refused(f"{path} is missing. `assay manifest` or snakemake writes it.") from None
    claimed = manifest.pop("sha256", None)
    if claimed != sha256_bytes(json_bytes(manifest)):
        raise Refused(f"{path} is not the manifest that was written: its own sha256 does not match.")
    return manifest


def problem_of(path: str, expected: Mapping[str, Any]) -> str:
    """What is wrong with a file whose sha256 and bytes are known; empty where nothing is."""
    file = Path(path)
    if not file.is_file():
        return f"{path}: is missing"
    if "bytes" in expected and (size := file.stat().st_size) != expected["bytes"]:
        return f"{path}: has {size} bytes, the manifest says {expected['bytes']}"
    if (found := sha256_file(file)) != expected["sha256"]:
        return f"{path}: sha256 is {found[:12]}, the manifest says {expected['sha256'][:12]}"
    return ""


def _open_targets(manifest: dict[str, Any]) -> Iterator[str]:
    for target in manifest["targets"]:
        if target["state"] not in ("done", "n/a", "off"):
            yield f"{target['checkpoint']} {target['artifact']}: {target['state']} when the manifest was written"


def _strays(results: str, files: dict[str, Any]) -> Iterator[str]:
    """Files in the folders of known checkpoints that the manifest does not know."""
    folders = {str(Path(path).parent) for path in files}
    for folder in sorted(folders):
        for file in sorted(Path(folder).glob("[!.]*.*")):
            known = (
                str(file) in files
                or file == Path(Layout(results).manifest)
                or file.suffixes[-2:] == [".failed", ".json"]
                or file.suffix == ".owner"
            )
            if file.is_file() and not known:
                yield f"{file}: is not in the manifest"
