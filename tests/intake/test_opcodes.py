"""The opcodes of a pickle are read as the standard library reads them, or refused."""

import pickle
import pickletools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake.pickles import lightning, named, number

from assay.errors import Refused
from assay.intake import opcodes, rehearsal
from assay.intake.opcodes import operations

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=5) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
WHOLE = b"\x80\x02" + lightning(epoch=number(3)) + b"."


@given(VALUES)
def test_opcodes_and_arguments_are_those_that_the_standard_library_reads(value):
    content = pickle.dumps(value, protocol=2)
    expected = [(opcode.name, argument) for opcode, argument, _ in pickletools.genops(content)]
    constants = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
    expected = [(name, constants.get(name, argument)) for name, argument in expected]
    assert repr(list(zip(*operations(content), strict=True))) == repr(expected)


@pytest.mark.parametrize("n_bytes", range(len(WHOLE)))
def test_a_pickle_that_is_cut_short_anywhere_is_called_no_whole_pickle(n_bytes):
    with pytest.raises(Refused, match=r"data\.pkl is no whole pickle"):
        operations(WHOLE[:n_bytes])


def test_every_opcode_that_torch_save_does_not_write_is_refused_by_name():
    foreign = {opcode for opcode in pickletools.opcodes if opcode.name not in set(operations(WHOLE)[0])}
    refused = set()
    for opcode in foreign:
        try:
            operations(opcode.code.encode("latin1") + bytes(20) + b".")
        except Refused as refusal:
            if f"the pickle opcode {opcode.name}," in str(refusal):
                refused.add(opcode.name)
    assert {"INST", "OBJ", "STACK_GLOBAL", "EXT1", "NEWOBJ_EX", "BYTEARRAY8", "FRAME", "POP"} <= refused
    assert not refused & {"BININT", "BINUNICODE", "REDUCE", "BUILD", "NEWOBJ", "LONG1", "BINFLOAT"}


def test_the_rehearsal_has_an_act_for_every_opcode_that_is_read():
    assert rehearsal._ACTS.keys() == opcodes._READERS.keys()


def test_more_opcodes_than_the_limit_are_refused(monkeypatch):
    n = len(operations(WHOLE)[0])
    monkeypatch.setattr(opcodes, "MAX_OPCODES", n)
    operations(WHOLE)
    monkeypatch.setattr(opcodes, "MAX_OPCODES", n - 1)
    with pytest.raises(Refused, match="too long a pickle"):
        operations(WHOLE)


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        ("__builtin__", "unicode", "builtins.str"),
        ("__builtin__", "set", "builtins.set"),
        ("torch", "Size", "torch.Size"),
        ("a\\x", "b", "a\\x.b"),
    ],
)
def test_names_are_those_that_torch_resolves(module, name, meant):
    assert operations(named(module, name) + b".")[1][0] == meant
