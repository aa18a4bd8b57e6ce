"""A checkpoint file, untrusted, as tensors and plain values; no code of the file is ever run."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from assay.errors import Refused
from assay.intake.gate import check_pickle, recognise
from assay.intake.header import safetensors_metadata
from assay.intake.model_folder import folder_hparams, joined_tensors, shard_files
from assay.intake.network_files import network_beside
from assay.intake.placeholders import inert_names, placeholder_type
from assay.intake.plain import JSON, PlainValues
from assay.intake.sections import metadata_hparams, sections
from assay.intake.standins import COPY_AGAIN, DISTRUST
from assay.intake.weights import checked_tensors

_SIDECAR = re.compile(r"([0-9a-fA-F]{64})([ \t]+\*?[^\n]+)?\s*")
_NO_CHECKSUM = (
    "safetensors has no checksum: damage to the weights shows only where a .sha256 file is beside it"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        tensors: the state dict, names as in the file; dense, contiguous, finite, on the CPU, sharing no memory.
        hparams: `class_path` (text or None), `hyper_parameters` (a dict), `test_threshold` where the file has one,
            and other scalars of the file such as `epoch`.
        facts: format, n_tensors, n_parameters, dtypes, left_out (keys of the file that are not here), placeholders
            (where -> qualified name), warnings.
    """

    tensors: Mapping[str, Tensor]
    hparams: Mapping[str, JSON]
    facts: Mapping[str, JSON]


def read(
    path: Path,
    *,
    placeholders: Sequence[str] = (),
    sha256: str | None = None,
    beside: Sequence[Path] = (),
    said: Mapping[str, JSON] | None = None,
) -> Checkpoint:
    """What the checkpoint holds: a Lightning .ckpt, a .pt or .pth of torch.save, .safetensors, or a model folder.

    Args:
        path: the file, or a folder as transformers saves a model. A sidecar `<path>.sha256` beside a file, as
            sha256sum writes it, must agree.
        placeholders: qualified names of hyper-parameter classes that are kept by name, besides the well-known ones.
        sha256: the file's digest where the caller has it; otherwise it is computed where a sidecar asks for it.
        beside: files that belong to it: its network, and the constructor's arguments; see `network_files`.
        said: hyper-parameters that the user adds to those of the checkpoint.

    Raises:
        Refused: there is no such file, or it is not what a checkpoint must be; the text begins with the path.
    """
    with _named(path):
        if path.is_dir():
            found = _read_folder(path, placeholders)
        else:
            found = _read_file(path, inert_names(placeholders), sha256)
        found = _with_network(found, beside) if beside else found
        return _with_said(found, said) if said else found


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Names the path in what is refused, where a file below it is not named already."""
    try:
        yield
    except Refused as refusal:
        named = str(refusal).startswith(f"{path}/")
        raise Refused(str(refusal) if named else f"{path}: {refusal}") from None
    except FileNotFoundError:
        raise Refused(f"Checkpoint not found: {path}") from None
    except OSError as error:
        raise Refused(f"{path}: cannot be read ({error.strerror}), expected a readable file.") from None


def _read_file(path: Path, inert: Collection[str], sha256: str | None) -> Checkpoint:
    with _opened(path) as file:
        _check_sidecar(path, file, sha256)
        return _read_safetensors(file) if recognise(file) == "safetensors" else _read_torch(file, inert)


def _read_folder(path: Path, placeholders: Sequence[str]) -> Checkpoint:
    values = PlainValues()
    hparams = folder_hparams(path, values)
    parts = {file.name: read(file, placeholders=placeholders) for file in shard_files(path)}
    tensors = joined_tensors(path, {name: part.tensors for name, part in parts.items()})
    warnings = dict.fromkeys(note for part in parts.values() for note in part.facts["warnings"])  # type: ignore[union-attr]
    facts: dict[str, JSON] = {"left_out": [], "placeholders": values.placeholders, "types_left_out": []}
    return Checkpoint(tensors, hparams, _facts("model folder", tensors, [*values.notes, *warnings]) | facts)


def _with_said(found: Checkpoint, said: Mapping[str, JSON]) -> Checkpoint:
    """The checkpoint with further hyper-parameters, none of which may say another value than its own."""
    own = found.hparams["hyper_parameters"]
    held: dict[str, JSON] = own if isinstance(own, dict) else {}
    lines = [
        f"hyper_parameters.{key} is {held[key]!r} in the checkpoint and {value!r} in the sheet's column hparams"
        for key, value in said.items()
        if held.get(key) is not None and held[key] != value
    ]
    if lines:
        raise Refused(f"{'; '.join(lines)}; expected the same, or one of them.")
    return replace(found, hparams={**found.hparams, "hyper_parameters": {**held, **said}})


def _opened(path: Path) -> BufferedReader:
    if not path.exists():
        raise FileNotFoundError
    if not path.is_file():
        raise Refused("it is a device or a pipe, expected a file or a folder.")
    return path.open("rb")


def _check_sidecar(path: Path, file: BufferedReader, sha256: str | None) -> None:
    sidecar = path.with_name(f"{path.name}.sha256")
    if not sidecar.exists():
        return
    stated = _SIDECAR.fullmatch(sidecar.read_text(encoding="utf-8", errors="replace"))
    if stated is None:
        raise Refused(
            f"{sidecar.name} holds no sha256 digest, expected 64 hexadecimal digits. Remove or renew it."
        )
    actual = sha256 or hashlib.file_digest(file, "sha256").hexdigest()
    if stated[1].lower() != actual:
        raise Refused(f"sha256 is {actual}, {sidecar.name} says {stated[1].lower()}. {COPY_AGAIN}")


def _read_torch(file: BufferedReader, inert: Collection[str]) -> Checkpoint:
    met = check_pickle(file, inert)
    values = PlainValues()
    found = sections(_loaded(file, met), values)
    tensors = checked_tensors(found.state, file_bytes=file.seek(0, 2))
    facts: dict[str, JSON] = {
        "left_out": list(found.left_out),
        "placeholders": values.placeholders,
        "types_left_out": sorted(met - set(values.placeholders.values())),
    }
    return Checkpoint(tensors, found.hparams, _facts("torch zip", tensors, values.notes) | facts)


def _loaded(file: BufferedReader, names: Collection[str]) -> Any:
    """What torch.load makes of a file that passed the gate; types outside torch are inert."""
    types: list[Any] = [(placeholder_type(name), name) for name in sorted(names)]
    file.seek(0)
    try:
        with torch.sparse.check_sparse_tensor_invariants(), torch.serialization.safe_globals(types):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's own text may advise to load unsafely, so it is not passed on
        raise Refused(
            f"torch cannot read it ({type(error).__name__}), expected what torch.save writes. {COPY_AGAIN} {DISTRUST}"
        ) from None


def _read_safetensors(file: BufferedReader) -> Checkpoint:
    metadata = safetensors_metadata(file)
    file.seek(0)
    content = file.read()
    try:
        loaded = safetensors.torch.load(content)
    except Exception as error:
        raise Refused(f"safetensors cannot read it ({type(error).__name__}). {COPY_AGAIN}") from None
    tensors = checked_tensors(loaded, file_bytes=len(content))
    values = PlainValues()
    hparams = metadata_hparams(metadata, values)
    facts: dict[str, JSON] = {
        "left_out": sorted(metadata.keys() - {"class_path", "hyper_parameters"}),
        "placeholders": {},
        "types_left_out": [],
    }
    return Checkpoint(tensors, hparams, _facts("safetensors", tensors, [*values.notes, _NO_CHECKSUM]) | facts)


def _with_network(found: Checkpoint, files: Sequence[Path]) -> Checkpoint:
    """What the checkpoint holds, with the network in the files beside it."""
    values, edges = PlainValues(), found.tensors.get("edge_index")
    n_edges = 0 if edges is None or edges.ndim != 2 else edges.shape[1]
    network = network_beside(files, values, n_edges=n_edges)
    if twice := sorted({*found.tensors, *found.hparams} & {*network.edges, *network.hparams}):
        raise Refused(f"{', '.join(twice)} are in it and in a file beside it, expected one. Remove the file.")
    tensors, hparams = {**found.tensors, **network.edges}, {**found.hparams, **network.hparams}
    return replace(found, tensors=tensors, hparams=hparams)


def _facts(file_format: str, tensors: Mapping[str, Tensor], warnings: Sequence[str]) -> dict[str, JSON]:
    return {
        "format": file_format,
        "n_tensors": len(tensors),
        "n_parameters": sum(tensor.numel() for tensor in tensors.values()),
        "dtypes": sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()}),
        "warnings": list(warnings),
    }
