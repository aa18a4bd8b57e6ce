"""A pickle acted out on stand-ins before torch reads it: nothing is imported, called or allocated."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from assay.errors import Refused
from assay.intake.opcodes import CONSTANTS, corrupt, operations
from assay.intake.placeholders import may_be_inert
from assay.intake.standins import (
    CALLS,
    COPY_AGAIN,
    DISTRUST,
    STORAGES,
    Global,
    Group,
    Storage,
    check_key,
    demand,
    refuse,
    tuple_of,
)

DTYPES = frozenset(
    f"torch.{kind}{bits}"
    for kind, sizes in {"float": (16, 32, 64), "int": (8, 16, 32, 64), "uint": (8, 16, 32, 64)}.items()
    for bits in sizes
) | {"torch.bool", "torch.bfloat16", "torch.complex64", "torch.complex128"}
KNOWN_BAD = {
    "builtins.bytearray": "lets a few bytes allocate gigabytes",
    "torch._utils._rebuild_sparse_tensor": "makes a sparse tensor",
    "torch._utils._rebuild_qtensor": "makes a quantised tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "makes a tensor without data",
    "torch._utils._rebuild_nested_tensor": "makes a nested tensor",
    "torch._utils._rebuild_tensor_v3": "makes a tensor of a rare dtype",
    "torch._utils._rebuild_wrapper_subclass": "makes a tensor subclass",
    "torch._tensor._rebuild_from_type_v2": "makes a tensor subclass",
}


def rehearse(pickle: bytes, *, records: Mapping[str, int], inert: Collection[str]) -> frozenset[str]:
    """The names of the inert types that the pickle holds, once all that it would do was found harmless.

    Args:
        pickle: the stream, which must end with its STOP.
        records: bytes of each storage record by its key.
        inert: qualified names for which torch will be given placeholders.

    Raises:
        Refused: an opcode, a name or a call that weights do not need; a storage or view that its record does not
            cover; nesting, unfolding or length past the limits; or no whole pickle.
    """
    opcodes, arguments = operations(pickle)
    names = {argument for opcode, argument in zip(opcodes, arguments, strict=True) if opcode == "GLOBAL"}
    _refuse_unknown(names - CALLS.keys() - STORAGES.keys() - DTYPES - set(inert))
    stage, opcode = _Stage(records, inert), ""
    try:
        for opcode, argument in zip(opcodes, arguments, strict=True):
            _ACTS[opcode](stage, argument)
    except IndexError:
        raise corrupt(f"{opcode} finds nothing to work on") from None
    return frozenset(names & set(inert))


def _refuse_unknown(names: set[str]) -> None:
    if not names:
        return
    listed = ", ".join(f"{name}{_reason(name)}" for name in sorted(names))
    text = f"data.pkl refers to {listed}, expected dense tensors, plain values and well-known inert types. "
    if not all(map(may_be_inert, names)):
        raise Refused(f"{text}Nothing was run. {DISTRUST}")
    raise Refused(
        f"{text}Nothing was run. If these are only hyper-parameters, keep their names in place of the objects: "
        f"in config.yaml, `intake: {{placeholders: [{', '.join(sorted(names))}]}}`."
    )


def _reason(name: str) -> str:
    if name.startswith("torch.sparse."):
        return " (makes a sparse tensor)"
    if name.startswith("torch.") and name.endswith(("Tensor", ".TypedStorage", ".UntypedStorage")):
        return " (makes weights of whatever lies in memory)"
    return f" ({KNOWN_BAD[name]})" if name in KNOWN_BAD else ""


class _Stage:
    """The unpickler's stack, marks and memo, with stand-ins on them."""

    def __init__(self, records: Mapping[str, int], inert: Collection[str]):
        self.records, self.inert = records, inert
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def proto(self, version: int) -> None:
        demand(version == 2, f"pickle protocol {version}", "torch.save's 2")

    def stop(self, _: None) -> None:
        self.stack.pop()
        if self.stack or self.marks:
            raise corrupt("values are left over at its end")

    def mark(self, _: None) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def put(self, slot: int) -> None:
        self.memo[slot] = self.stack[-1]

    def get(self, slot: int) -> None:
        if slot not in self.memo:
            raise corrupt(f"it refers to value {slot}, which it never stored")
        self.stack.append(self.memo[slot])

    def named(self, argument: str) -> None:
        self.stack.append(Global(argument))

    def empty(self, kind: str) -> None:
        self.stack.append(Group(kind))

    def pop_tuple(self, count: int) -> None:
        items = [self.stack.pop() for _ in range(count)]
        self.stack.append(tuple_of(items[::-1]))

    def mark_tuple(self, _: None) -> None:
        items = self.pop_mark()
        self.stack.append(tuple_of(items))

    def append(self, items: list[Any]) -> None:
        target = self._container("list")
        for item in items:
            target.add(item)

    def set_items(self, items: list[Any]) -> None:
        target = self._container("dict")
        demand(len(items) % 2 == 0, "a dict key without a value", "pairs")
        for key, value in zip(items[::2], items[1::2], strict=True):
            check_key(key)
            target.add(key)
            target.add(value)

    def build(self, _: None) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        stateful = isinstance(target, Group) and target.kind in {"dict", "object"}
        demand(stateful, "a state for a plain value", "a state for an inert object or an OrderedDict")
        target.add(state)

    def _container(self, kind: str) -> Group:
        target = self.stack[-1]
        if not isinstance(target, Group) or target.kind != kind:
            refuse(f"items for something that is no {kind}", f"a plain {kind}")
        return target

    def persistent(self, _: None) -> None:
        match self.stack.pop():
            case Group(items=("storage", Global(name=kind), str(key), str(), int(n))) if kind in STORAGES:
                self.stack.append(self._storage(kind, key, n))
            case _:
                refuse("a reference to something outside the file", "storages of plain numbers")

    def _storage(self, kind: str, key: str, n: int) -> Storage:
        if key not in self.records:
            raise Refused(f"data.pkl refers to storage {key!r}, which has no record data/{key}. {COPY_AGAIN}")
        claimed, held = n * STORAGES[kind], self.records[key]
        if claimed != held:
            raise Refused(
                f"storage {key!r} claims {claimed:,} bytes, its record holds {held:,}. {COPY_AGAIN}"
            )
        storage = self.storages.setdefault(key, Storage(key, kind, n))
        demand(storage.kind == kind, f"storage {key!r} as {storage.kind} and as {kind}", "one type")
        return storage

    def call(self, _: None) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or not isinstance(arguments, Group):
            refuse("a call of a value", "calls by name, with a tuple")
        if function.name in self.inert:
            made: Any = Group("object")
            made.add(arguments)
        else:
            demand(function.name in CALLS, f"a call of {function.name}", f"calls of {', '.join(CALLS)}")
            made = CALLS[function.name](arguments.items)
        self.stack.append(made)

    def new(self, _: None) -> None:
        function = self.stack[-2]
        made = isinstance(function, Global) and function.name in self.inert
        demand(made, "an object made past its constructor", "that of inert types only")
        self.call(None)


_ACTS: Mapping[str, Callable[[_Stage, Any], None]] = {
    **dict.fromkeys(
        (*CONSTANTS, "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "BINUNICODE"), _Stage.push
    ),
    "PROTO": _Stage.proto,
    "STOP": _Stage.stop,
    "MARK": _Stage.mark,
    "BINPUT": _Stage.put,
    "LONG_BINPUT": _Stage.put,
    "BINGET": _Stage.get,
    "LONG_BINGET": _Stage.get,
    "GLOBAL": _Stage.named,
    "EMPTY_LIST": lambda stage, _: stage.empty("list"),
    "EMPTY_DICT": lambda stage, _: stage.empty("dict"),
    "EMPTY_TUPLE": lambda stage, _: stage.pop_tuple(0),
    "TUPLE1": lambda stage, _: stage.pop_tuple(1),
    "TUPLE2": lambda stage, _: stage.pop_tuple(2),
    "TUPLE3": lambda stage, _: stage.pop_tuple(3),
    "TUPLE": _Stage.mark_tuple,
    "APPEND": lambda stage, _: stage.append([stage.stack.pop()]),
    "APPENDS": lambda stage, _: stage.append(stage.pop_mark()),
    "SETITEM": lambda stage, _: stage.set_items([stage.stack.pop(-2), stage.stack.pop()]),
    "SETITEMS": lambda stage, _: stage.set_items(stage.pop_mark()),
    "BUILD": _Stage.build,
    "BINPERSID": _Stage.persistent,
    "REDUCE": _Stage.call,
    "NEWOBJ": _Stage.new,
}
