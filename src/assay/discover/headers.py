"""What the header of a checkpoint says: names and shapes of tensors, and hyper-parameters. No weight is read."""

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from assay.discover.outline import TensorOutline, outline
from assay.errors import Refused
from assay.intake.archive import MAX_PICKLE_BYTES
from assay.intake.gate import STATES, recognise
from assay.intake.header import safetensors_metadata
from assay.intake.model_folder import folder_hparams, shard_files
from assay.intake.placeholders import TIER
from assay.intake.plain import PlainValues
from assay.intake.rehearsal import rehearse
from assay.intake.standins import COPY_AGAIN

COUNTS = ("epoch", "global_step")

Shapes = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Header:
    """What a checkpoint says of itself.

    Attributes:
        tensors: shape by name, as in the file.
        keys: the other keys of the file.
        class_path: the class that it names; empty where it names none.
        hyper_parameters: as plain values.
        counts: `epoch` and `global_step`, where the file has them.
        monitored: of Lightning's ModelCheckpoint: the `monitor`, and the file `best` by it; empty where there is none.
    """

    tensors: Mapping[str, Any]
    keys: list[str] = field(default_factory=list)
    class_path: str = ""
    hyper_parameters: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Any] = field(default_factory=dict)
    monitored: Mapping[str, Any] = field(default_factory=dict)


def header(path: Path) -> Header:
    """The header of a checkpoint file, or of a model folder of transformers.

    Raises:
        Refused: it is no checkpoint that the border could read, as far as its header tells.
        OSError: it cannot be read, or is gone.
    """
    if path.is_dir():
        return _of_folder(path)
    with path.open("rb") as file:
        return _of_safetensors(file) if recognise(file) == "safetensors" else _of_torch(file)


def _of_folder(path: Path) -> Header:
    said = folder_hparams(path, PlainValues())
    tensors = {name: shape for file in shard_files(path) for name, shape in header(file).tensors.items()}
    class_path, values = said["class_path"], said["hyper_parameters"]
    return Header(tensors, class_path=_text(class_path), hyper_parameters=values)  # type: ignore[arg-type]


def _of_safetensors(file: BufferedReader) -> Header:
    metadata = safetensors_metadata(file)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    entries = json.loads(file.read(length))
    tensors = {name: entry["shape"] for name, entry in entries.items() if name != "__metadata__"}
    try:
        values = json.loads(metadata.get("hyper_parameters", "{}"))
    except (ValueError, RecursionError):
        raise Refused("hyper_parameters in its metadata is no JSON") from None
    plain = PlainValues().convert(values, "hyper_parameters")
    keys = sorted(metadata.keys() - {"class_path", "hyper_parameters"})
    return Header(tensors, keys, metadata.get("class_path", ""), plain if isinstance(plain, dict) else {})


def _of_torch(file: BufferedReader) -> Header:
    pickle, records = _archived(file)
    inert = rehearse(pickle, records=records, inert=TIER)
    try:
        content = outline(pickle, inert=inert)
    except (Refused, MemoryError):
        raise
    except Exception as error:
        raise Refused(f"its data.pkl cannot be read ({type(error).__name__}). {COPY_AGAIN}") from None
    if not isinstance(content, dict):
        raise Refused(f"it holds a {type(content).__name__}, expected a dict of tensors")
    return _sorted(content)


def _archived(file: BufferedReader) -> tuple[bytes, dict[str, int]]:
    """The pickle of a torch zip, and the listed size of each record."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = {member.filename: member for member in archive.infolist()}
            pickles = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
            if len(pickles) != 1:
                raise Refused("a zip archive without data.pkl, expected a checkpoint written by torch.save")
            member, root = members[pickles[0]], pickles[0].partition("/")[0]
            plain = member.compress_type == zipfile.ZIP_STORED and member.file_size <= MAX_PICKLE_BYTES
            if not plain or len(members) != len(archive.infolist()):
                raise Refused("its data.pkl is compressed or too large, or a member is twice there")
            prefix = f"{root}/data/"
            sizes = {name: member.file_size for name, member in members.items() if name.startswith(prefix)}
            return archive.read(member), {name.removeprefix(prefix): size for name, size in sizes.items()}
    except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise Refused(f"the zip archive is damaged or cut short: {error}. {COPY_AGAIN}") from None


def _sorted(content: dict[Any, Any]) -> Header:
    if content and all(isinstance(value, TensorOutline) for value in content.values()):
        return Header(_shapes(content))
    key = next((key for key in STATES if _shapes(content.get(key))), None)
    if key is None:
        raise Refused(f"no state_dict among its keys: {', '.join(sorted(str(k)[:40] for k in content)[:12])}")
    values = PlainValues().convert(content.get("hyper_parameters") or {}, "hyper_parameters")
    return Header(
        tensors=_shapes(content[key]),
        keys=sorted(str(name)[:100] for name in content if name != key),
        class_path=_text(content.get("class_path")),
        hyper_parameters=values if isinstance(values, dict) else {},
        counts={name: content[name] for name in COUNTS if type(content.get(name)) is int},
        monitored=_monitored(content.get("callbacks")),
    )


def _shapes(state: Any) -> Shapes:
    if not isinstance(state, dict):
        return {}
    return {str(name): value.shape for name, value in dict.items(state) if isinstance(value, TensorOutline)}


def _monitored(callbacks: Any) -> dict[str, str]:
    for name, state in dict.items(callbacks) if isinstance(callbacks, dict) else ():
        if re.match(r"ModelCheckpoint\b", str(name)) and isinstance(state, dict):
            said = dict(dict.items(state))
            if monitor := _text(said.get("monitor")):
                return {"monitor": monitor, "best": _text(said.get("best_model_path"))}
    return {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
