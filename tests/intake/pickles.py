"""Torch archives written by hand around a pickle of our own."""

import pickle
import struct
import zipfile
from pathlib import Path

STOP = pickle.STOP


def archive(path: Path, body: bytes, *, records: dict[str, bytes] | None = None, protocol: int = 2) -> Path:
    """A torch zip whose data.pkl is PROTO, `body`, STOP; by default with one storage of four floats, all one."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickle.PROTO + bytes([protocol]) + body + STOP)
        file.writestr("archive/byteorder", b"little")
        for key, content in (records or {"0": struct.pack("<4f", 1, 1, 1, 1)}).items():
            file.writestr(f"archive/data/{key}", content)
        file.writestr("archive/version", b"3\n")
    return path


def text(value: str) -> bytes:
    raw = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return pickle.BININT + struct.pack("<i", value)


def named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def tuple_(*items: bytes) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def dict_(**items: bytes) -> bytes:
    pairs = b"".join(text(key) + value for key, value in items.items())
    return pickle.EMPTY_DICT + pickle.MARK + pairs + pickle.SETITEMS


def call(module: str, name: str, *arguments: bytes) -> bytes:
    return named(module, name) + tuple_(*arguments) + pickle.REDUCE


def storage(kind: str = "FloatStorage", n: int = 4, key: str = "0") -> bytes:
    return tuple_(text("storage"), named("torch", kind), text(key), text("cpu"), number(n)) + pickle.BINPERSID


def tensor(size: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,), *, stored: bytes = b"") -> bytes:
    return call(
        "torch._utils",
        "_rebuild_tensor_v2",
        stored or storage(),
        number(0),
        tuple_(*map(number, size)),
        tuple_(*map(number, stride)),
        pickle.NEWFALSE,
        call("collections", "OrderedDict"),
    )


def lightning(**others: bytes) -> bytes:
    """A dict with a state dict of one tensor `w`, and other keys."""
    return dict_(state_dict=dict_(w=tensor()), **others)
