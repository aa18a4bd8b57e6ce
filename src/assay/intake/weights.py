"""The tensors of a state dict: named by text, dense, finite, of dtypes that weights have."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from assay.errors import Refused

DTYPES = frozenset(
    {
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
    }
)
MAX_BYTES_PER_FILE_BYTE = 16  # names may share a storage, and a view may repeat it
ALWAYS_ALLOWED_BYTES = 64 * 2**20


def checked_tensors(state: dict, *, file_bytes: int) -> dict[str, Tensor]:
    """The tensors by name, as in the file: on the CPU, contiguous, each with a storage of its own.

    Raises:
        Refused: no tensors, a name that is no text, a value that is no dense tensor of an allowed dtype, NaN or
            infinite numbers, or views that unfold to much more than the file holds.
    """
    tensors = {
        _name(name): _dense(name, value) for name, value in dict.items(state)
    }  # never state.items(): a pickle can replace it
    if not tensors:
        raise Refused("state_dict is empty, expected named tensors.")
    unfolded = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if unfolded > most_bytes(file_bytes):
        raise Refused(
            f"the tensors unfold to {unfolded:,} bytes from a file of {file_bytes:,}, expected at most "
            f"{MAX_BYTES_PER_FILE_BYTE} times the file. They are repeated views; save them with .contiguous()."
        )
    _check_finite(tensors)
    return dict(zip(tensors, _own_storage(tensors.values()), strict=True))


def most_bytes(file_bytes: int) -> int:
    """How many bytes a file of this size may unfold to."""
    return max(ALWAYS_ALLOWED_BYTES, MAX_BYTES_PER_FILE_BYTE * file_bytes)


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise Refused(
            f"state_dict has the key {str(name)[:80]!r} ({type(name).__name__}), expected names as text."
        )
    return name


def _dense(name: str, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise Refused(f"state_dict[{name!r}] is a {type(value).__name__}, expected a tensor.")
    if value.layout is not torch.strided or value.is_quantized or value.is_meta or value.is_nested:
        raise Refused(
            f"state_dict[{name!r}] is no dense tensor (layout {value.layout}), expected torch.strided."
        )
    if value.dtype not in DTYPES:
        allowed = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in DTYPES))
        raise Refused(f"state_dict[{name!r}] has dtype {value.dtype}, expected one of {allowed}.")
    return value.detach()


def _check_finite(tensors: Mapping[str, Tensor]) -> None:
    bad = [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]
    if bad:
        listed = ", ".join(bad[:5]) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise Refused(
            f"NaN or infinite numbers in {listed} ({len(bad)} of {len(tensors)} tensors), expected finite weights. "
            "The training diverged; take an earlier checkpoint."
        )


def _own_storage(tensors: Iterable[Tensor]) -> list[Tensor]:
    taken: set[int] = set()
    owned = []
    for tensor in tensors:
        storage = tensor.untyped_storage()
        whole = tensor.is_contiguous() and storage.nbytes() == tensor.numel() * tensor.element_size()
        shared = storage.data_ptr() in taken
        taken.add(storage.data_ptr())
        owned.append(tensor if whole and not shared else tensor.clone(memory_format=torch.contiguous_format))
    return owned
