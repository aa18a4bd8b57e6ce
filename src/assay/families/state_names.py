"""The names of a state dict as one network has them: wrappers' prefixes stripped, other namings translated."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.errors import Refused

PREFIXES = ("module.", "model.", "network.", "encoder.", "backbone.")
BESIDE = re.compile(r"(head|fc|classifier|h|decoder\w*|mask_token)(\.|$)")  # what may stand beside a prefix

Renames = Sequence[tuple[str, str]]  # a pattern of a whole name, and what it becomes


@dataclass(frozen=True, slots=True)
class Named:
    """Tensors by the names of the network, and what was done to get there."""

    tensors: Mapping[str, Tensor]
    prefix: str  # that was stripped
    left_out: Sequence[str]  # names of the file that are no part of the network


def without_prefixes(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The tensors without the prefixes that wrappers leave, and the prefixes as one text.

    A prefix is stripped where every name has it, but for those of a head or a decoder beside an encoder.

    Raises:
        Refused: a name without its prefix is that of another tensor.
    """
    stripped, prefix = dict(tensors), ""
    while found := next((p for p in PREFIXES if _is_prefix(p, stripped)), ""):
        names = [name.removeprefix(found) for name in stripped]
        refuse_doubles(names, list(stripped))
        stripped, prefix = dict(zip(names, stripped.values(), strict=True)), prefix + found
    return stripped, prefix


def renamed(tensors: Mapping[str, Tensor], renames: Renames) -> dict[str, Tensor]:
    """The tensors by other names: that of the first pattern that a whole name matches; else the name itself.

    Raises:
        Refused: two names become one.
    """
    names = [_renamed(name, renames) for name in tensors]
    refuse_doubles(names, list(tensors))
    return dict(zip(names, tensors.values(), strict=True))


def parted(tensors: Mapping[str, Tensor], pattern: str) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors whose names do not match the pattern, and the names of those that do."""
    left_out = [name for name in tensors if re.fullmatch(pattern, name)]
    return {name: tensor for name, tensor in tensors.items() if name not in set(left_out)}, left_out


def joined(tensors: Mapping[str, Tensor], parts: Sequence[str], whole: str) -> dict[str, Tensor]:
    """The tensors, where `<a><part><b>` of every part become one `<a><whole><b>`, the rows of one after another.

    Parts that do not fit each other stay as they are.
    """
    result = dict(tensors)
    for name in tensors:
        before, found, after = name.partition(parts[0])
        members = [f"{before}{part}{after}" for part in parts]
        if found and all(member in result for member in members):
            pieces = [result[member] for member in members]
            if len({(piece.ndim, *piece.shape[1:]) for piece in pieces}) == 1 and pieces[0].ndim:
                result = {key: tensor for key, tensor in result.items() if key not in members}
                result[f"{before}{whole}{after}"] = torch.cat(pieces)
    return result


def extent(tensors: Mapping[str, Tensor], name: str, axis: int) -> int:
    """The length of a tensor along an axis; 0 where there is no such tensor or axis."""
    tensor = tensors.get(name)
    return tensor.shape[axis] if tensor is not None and tensor.ndim > axis else 0


def refuse_doubles(names: Sequence[str], sources: Sequence[str]) -> None:
    """Refuses names that are one after a translation.

    Raises:
        Refused: the names of the file that are one.
    """
    by_name: dict[str, list[str]] = {}
    for name, source in zip(names, sources, strict=True):
        by_name.setdefault(name, []).append(ascii(source))
    doubles = [f"{' and '.join(found)} are {name}" for name, found in by_name.items() if len(found) > 1]
    if doubles:
        raise Refused(f"two names of the state dict mean one tensor: {'; '.join(doubles)}")


@contextmanager
def reading(named: Named) -> Iterator[None]:
    """Says in a refusal which prefix the names in it lack, or have because some names had none.

    Raises:
        Refused: that of the block.
    """
    try:
        yield
    except Refused as refusal:
        said = f" (names without {named.prefix!r})" if named.prefix else ""
        raise Refused(f"{refusal}{said}{_kept_prefix(named.tensors)}") from None


def _is_prefix(prefix: str, names: Mapping[str, Tensor]) -> bool:
    inside = [name for name in names if name.startswith(prefix)]
    return bool(inside) and all(name.startswith(prefix) or BESIDE.match(name) for name in names)


def _kept_prefix(names: Mapping[str, Tensor]) -> str:
    """What kept a prefix from being stripped, where most names have one."""
    for prefix in PREFIXES:
        bare = [ascii(name) for name in names if not name.startswith(prefix)]
        if 0 < len(bare) < len(names) / 2:
            listed = ", ".join(bare[:3] + ["..."] * (len(bare) > 3))
            return f" {prefix!r} stands before most names, but not before {listed}. Save the state dict without these."
    return ""


def _renamed(name: str, renames: Renames) -> str:
    for pattern, replacement in renames:
        if match := re.fullmatch(pattern, name):
            return match.expand(replacement)
    return name
