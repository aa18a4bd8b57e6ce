"""Stand-ins for what a checkpoint's pickle makes, and what each call that it may hold would do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from assay.errors import Refused

MAX_DEPTH = 200
MAX_UNFOLDED = 10_000_000  # values, each counted wherever it is referred to
MAX_KEY_UNFOLDED = 100  # a dict key is hashed, and a tuple does not remember its hash
MAX_SET_UNFOLDED = 100_000
MAX_KEY = 2**60  # larger integers can be made to collide

DISTRUST = "Do not load it by other means; ask whoever made it for the weights as .safetensors."
COPY_AGAIN = "The file is damaged or made by hand; copy it again from where it was trained."

_ITEM_BYTES = {
    "BFloat16": 2, "Bool": 1, "Byte": 1, "Char": 1, "ComplexDouble": 16, "ComplexFloat": 8,
    "Double": 8, "Float": 4, "Half": 2, "Int": 4, "Long": 8, "Short": 2,
}  # fmt: skip
STORAGES: Mapping[str, int] = {f"torch.{name}Storage": size for name, size in _ITEM_BYTES.items()}


@dataclass(frozen=True, slots=True)
class Global:
    """A name that the pickle refers to."""

    name: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A record of the archive, as `n` numbers of one type."""

    key: str
    kind: str
    n: int


@dataclass(slots=True)
class Group:
    """A container or a made object: how deep it is, and how many values it unfolds to."""

    kind: str
    depth: int = 1
    unfolded: int = 1
    items: tuple = ()  # of a tuple only

    def add(self, value: Any) -> None:
        """Counts one more value in.

        Raises:
            Refused: the group is now too deep, or unfolds to too many values.
        """
        if isinstance(value, Group):
            self.depth = max(self.depth, value.depth + 1)
            self.unfolded += value.unfolded
        self.unfolded += 1
        if self.depth > MAX_DEPTH:
            refuse("values nested too deeply", f"at most {MAX_DEPTH} levels")
        if self.unfolded > MAX_UNFOLDED:
            refuse("values that unfold without end", f"at most {MAX_UNFOLDED:,} of them")


def tuple_of(items: list[Any]) -> Group:
    """A tuple of stand-ins."""
    group = Group("tuple", items=tuple(items))
    for item in items:
        group.add(item)
    return group


def check_key(key: Any) -> None:
    """Refuses a dict key whose hash takes long to compute or can be made to collide."""
    bulky = isinstance(key, Group) and key.kind != "object" and key.unfolded > MAX_KEY_UNFOLDED
    colliding = isinstance(key, float) or (isinstance(key, int) and abs(key) >= MAX_KEY)
    if bulky or colliding:
        refuse("a dict key that is costly to hash", "text, a whole number or a small tuple")


def demand(holds: bool, found: str, expected: str) -> None:
    """Refuses the pickle for what was found in it, unless the condition holds."""
    if not holds:
        refuse(found, expected)


def refuse(found: str, expected: str) -> NoReturn:
    """Refuses the pickle for what was found in it."""
    raise Refused(f"data.pkl holds {found}, expected {expected}. {DISTRUST}")


def _tensor(arguments: tuple) -> Group:
    """`_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`."""
    match arguments:
        case (
            Storage() as storage,
            int(offset),
            Group() as size,
            Group() as stride,
            bool(),
            Group(unfolded=1),
        ):
            _check_view(storage, offset, size.items, stride.items)
            return Group("tensor")
    refuse("a tensor made of something else", "a storage, offset, size, stride, flag and no hooks")


def _check_view(storage: Storage, offset: int, size: tuple, stride: tuple) -> None:
    view = f"a tensor of size {size}, stride {stride}, offset {offset}"
    whole = all(type(number) is int and number >= 0 for number in (offset, *size, *stride))
    demand(whole and len(size) == len(stride), view, "whole numbers from 0 up")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    covered = f"a view inside storage {storage.key!r} of {storage.n:,} numbers"
    demand(0 in size or last < storage.n, f"{view}, which reaches number {last:,}", covered)


def _parameter(arguments: tuple) -> Group:
    match arguments:
        case (Group(kind="tensor") as data, bool(), Group(unfolded=1)):
            return data
    refuse("a parameter made of something else", "a tensor, a flag and no hooks")


def _ordered_dict(arguments: tuple) -> Group:
    demand(not arguments, "an OrderedDict made from a list", "one filled item by item")
    return Group("dict")


def _counter(arguments: tuple) -> Group:
    match arguments:
        case (Group(kind="dict") as counts,):
            return counts
    refuse("a Counter of something else", "one of a dict")


def _set(arguments: tuple) -> Group:
    match arguments:
        case (Group(kind="list") as members,) if members.unfolded <= MAX_SET_UNFOLDED:
            return Group("set", members.depth, members.unfolded)
    refuse("a set of something else", f"one of a list of at most {MAX_SET_UNFOLDED:,} values")


def _bytes(arguments: tuple) -> bytes:
    match arguments:
        case (str(), "latin1"):
            return b""
    refuse("a call of _codecs.encode", "one of text by latin1")


def _size(arguments: tuple) -> Group:
    match arguments:
        case (Group(kind="tuple") as shape,) if all(type(n) is int for n in shape.items):
            return shape
    refuse("a torch.Size of something else", "one of a tuple of whole numbers")


def _complex(arguments: tuple) -> complex:
    match arguments:
        case (float(), float()):
            return 0j
    refuse("a complex of something else", "one of two floats")


def _device(arguments: tuple) -> Group:
    match arguments:
        case (str(),) | (str(), int()):
            return Group("object")
    refuse("a torch.device of something else", "one of a name and a number")


CALLS: Mapping[str, Callable[[tuple], Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "collections.OrderedDict": _ordered_dict,
    "collections.Counter": _counter,
    "builtins.set": _set,
    "builtins.complex": _complex,
    "torch.Size": _size,
    "torch.device": _device,
    "_codecs.encode": _bytes,
}
