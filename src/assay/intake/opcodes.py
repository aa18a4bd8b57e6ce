"""The opcodes of a pickle as torch.save writes it; a foreign one is refused before its argument is read."""

import pickletools
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from assay.errors import Refused
from assay.intake.standins import COPY_AGAIN, refuse

MAX_OPCODES = 2_000_000

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_BARE = (
    "MARK", "STOP", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE", "APPEND",
    "APPENDS", "SETITEM", "SETITEMS", "BUILD", "BINPERSID", "REDUCE", "NEWOBJ",
)  # fmt: skip
_NUMBERS = {
    "PROTO": "<B", "BINPUT": "<B", "LONG_BINPUT": "<I", "BINGET": "<B", "LONG_BINGET": "<I", "BININT": "<i",
    "BININT1": "<B", "BININT2": "<H", "BINFLOAT": ">d",
}  # fmt: skip
_PYTHON_2 = {"long": "int", "unicode": "str", "xrange": "range"}

_Reader = Callable[[bytes, int], tuple[Any, int]]  # pickle, where it begins -> argument, where it ends


def operations(pickle: bytes) -> tuple[list[str], list[Any]]:
    """The opcodes by name, STOP the last, and the argument of each; that of a constant is its value.

    Raises:
        Refused: an opcode that weights do not need, too many of them, or no whole pickle.
    """
    names: list[str] = []
    arguments: list[Any] = []
    position, n_bytes, name = 0, len(pickle), ""
    while position < n_bytes and name != "STOP":
        name, read = _ALLOWED.get(pickle[position]) or _foreign(pickle[position])
        try:
            argument, position = read(pickle, position + 1)
        except struct.error:
            raise corrupt(f"{name} is cut short") from None
        except ValueError as error:
            raise corrupt(f"{name}: {error}") from None
        names.append(name)
        arguments.append(argument)
        if len(names) > MAX_OPCODES:
            refuse("too long a pickle", f"at most {MAX_OPCODES:,} opcodes")
    if name != "STOP":
        raise corrupt("it ends without STOP")
    if position != n_bytes:
        raise corrupt(f"{n_bytes - position} bytes follow its end")
    return names, arguments


def resolved(module: str, name: str) -> str:
    """The dotted name that torch takes a GLOBAL for."""
    return f"builtins.{_PYTHON_2.get(name, name)}" if module == "__builtin__" else f"{module}.{name}"


def corrupt(detail: str) -> Refused:
    """The refusal of what is no pickle."""
    return Refused(f"data.pkl is no whole pickle: {detail}. {COPY_AGAIN}")


def _foreign(code: int) -> NoReturn:
    name = next((opcode.name for opcode in pickletools.opcodes if ord(opcode.code) == code), f"byte {code}")
    refuse(f"the pickle opcode {name}", "those that torch.save writes")


def _value(constant: Any) -> _Reader:
    return lambda pickle, begin: (constant, begin)


def _number(layout: str) -> _Reader:
    unpack, size = struct.Struct(layout).unpack_from, struct.calcsize(layout)
    return lambda pickle, begin: (unpack(pickle, begin)[0], begin + size)


def _long(pickle: bytes, begin: int) -> tuple[int, int]:
    content, end = _counted(pickle, begin, 1)
    return int.from_bytes(content, "little", signed=True), end


def _text(pickle: bytes, begin: int) -> tuple[str, int]:
    content, end = _counted(pickle, begin, 4)
    return str(content, "utf-8", "surrogatepass"), end


def _counted(pickle: bytes, begin: int, width: int) -> tuple[bytes, int]:
    """The bytes whose number is written before them in `width` bytes; past the end there are none."""
    first = begin + width
    end = first + int.from_bytes(pickle[begin:first], "little")
    return pickle[first:end], end


def _dotted(pickle: bytes, begin: int) -> tuple[str, int]:
    """Two lines; pickletools would undo backslashes, which torch does not."""
    middle = pickle.index(b"\n", begin)
    end = pickle.index(b"\n", middle + 1)
    return resolved(pickle[begin:middle].decode("ascii"), pickle[middle + 1 : end].decode("ascii")), end + 1


_READERS: dict[str, _Reader] = {
    **{name: _value(value) for name, value in CONSTANTS.items()},
    **{name: _value(None) for name in _BARE},
    **{name: _number(layout) for name, layout in _NUMBERS.items()},
    "LONG1": _long,
    "BINUNICODE": _text,
    "GLOBAL": _dotted,
}
_ALLOWED = {
    ord(opcode.code): (opcode.name, _READERS[opcode.name])
    for opcode in pickletools.opcodes
    if opcode.name in _READERS
}
