import pickle
import random
import time

import pytest
import torch
from intake.pickles import archive, call, dict_, lightning, named, number, storage, tensor, text, tuple_

from assay.errors import Refused
from assay.intake.checkpoint import read

BINGET, BINPUT, TUPLE1, TUPLE2 = pickle.BINGET, pickle.BINPUT, pickle.TUPLE1, pickle.TUPLE2


def refusal(path, **options) -> str:
    with pytest.raises(Refused) as caught:
        read(path, **options)
    return str(caught.value)


def test_the_writer_of_these_tests_writes_a_checkpoint(tmp_path):
    checkpoint = read(archive(tmp_path / "a.ckpt", lightning(epoch=number(3))))
    assert torch.equal(checkpoint.tensors["w"], torch.ones(4))
    assert checkpoint.hparams["epoch"] == 3


def test_a_key_that_doubles_at_every_level_is_refused_before_it_is_hashed(tmp_path):
    bomb = text("x") + TUPLE1 + b"".join(BINPUT + b"\0" + BINGET + b"\0" + TUPLE2 for _ in range(12))
    path = archive(
        tmp_path / "a.ckpt", lightning(hyper_parameters=pickle.EMPTY_DICT + bomb + number(1) + b"s")
    )
    assert "a dict key that is costly to hash" in refusal(path)


def test_a_set_of_doubled_tuples_is_refused_before_it_is_hashed(tmp_path):
    bomb = text("x") + TUPLE1 + b"".join(BINPUT + b"\0" + BINGET + b"\0" + TUPLE2 for _ in range(18))
    members = pickle.EMPTY_LIST + bomb + pickle.APPEND
    path = archive(
        tmp_path / "a.ckpt", lightning(hyper_parameters=dict_(v=call("__builtin__", "set", members)))
    )
    assert "a set of something else" in refusal(path)


@pytest.mark.parametrize("levels", [201, 60_000])
def test_nested_tuples_are_refused_in_time(tmp_path, levels):
    path = archive(tmp_path / "a.ckpt", lightning(v=pickle.EMPTY_TUPLE + TUPLE1 * levels))
    started = time.perf_counter()
    assert "nested too deeply" in refusal(path)
    assert time.perf_counter() - started < 2


def test_nested_lists_are_refused(tmp_path):
    nested = pickle.EMPTY_LIST * 300 + pickle.APPEND * 299
    assert "nested too deeply" in refusal(archive(tmp_path / "a.ckpt", lightning(v=nested)))


@pytest.mark.parametrize("key", [pickle.BINFLOAT + bytes(8), pickle.LONG1 + b"\x09" + b"\xff" * 8 + b"\x01"])
def test_keys_that_can_be_made_to_collide_are_refused(tmp_path, key):
    path = archive(tmp_path / "a.ckpt", lightning(v=pickle.EMPTY_DICT + key + number(1) + pickle.SETITEM))
    assert "costly to hash" in refusal(path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (call("_codecs", "encode", text("a" * 100), text("idna")), "_codecs.encode"),
        (call("torch", "Size", text("no")), "torch.Size"),
        (call("torch", "device", number(1)), "torch.device"),
        (call("collections", "OrderedDict", tuple_(text("k"), number(1))), "OrderedDict made from a list"),
        (call("__builtin__", "set", number(1)), "a set of something else"),
        (call("__builtin__", "complex", text("1")), "a complex of something else"),
        (call("collections", "Counter", text("aab")), "a Counter of something else"),
        (call("torch._utils", "_rebuild_parameter", number(1)), "a parameter made of something else"),
        (call("torch._utils", "_rebuild_tensor_v2", number(1)), "a tensor made of something else"),
        (call("torch", "FloatStorage", number(2**30)), "a call of torch.FloatStorage"),
        (call("torch", "float32"), "a call of torch.float32"),
        (named("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.NEWOBJ, "past its constructor"),
        (number(1) + pickle.EMPTY_TUPLE + pickle.REDUCE, "a call of a value"),
        (number(1) + number(1) + pickle.BUILD, "a state for a plain value"),
        (number(1) + number(1) + pickle.APPEND, "no list"),
        (number(1) + text("k") + number(1) + pickle.SETITEM, "no dict"),
        (pickle.EMPTY_DICT + pickle.MARK + text("k") + pickle.SETITEMS, "a dict key without a value"),
        (tuple_(text("storage"), number(1)) + pickle.BINPERSID, "outside the file"),
        (tensor((4,), (1, 1)), "whole numbers from 0 up"),
        (tensor((5,)), "reaches number 4"),
        (storage("DoubleStorage", 2), "one type"),
    ],
)
def test_a_call_that_weights_do_not_need_is_refused_by_name(tmp_path, value, words):
    assert words in refusal(archive(tmp_path / "a.ckpt", lightning(v=value)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (pickle.REDUCE, "REDUCE finds nothing"),
        (pickle.SETITEMS, "SETITEMS finds nothing"),
        (number(1) + number(2), "left over"),
        (pickle.EMPTY_DICT + pickle.STOP, "1 bytes follow its end"),
        (BINGET + b"\x07", "value 7"),
    ],
)
def test_a_broken_pickle_is_called_broken(tmp_path, body, words):
    text_ = refusal(archive(tmp_path / "a.ckpt", body))
    assert "no whole pickle" in text_
    assert words in text_


def test_another_pickle_protocol_is_refused(tmp_path):
    assert "protocol 3" in refusal(archive(tmp_path / "a.ckpt", lightning(), protocol=3))


def test_a_replaced_method_of_an_ordered_dict_is_not_called(tmp_path):
    shadowed = call("collections", "OrderedDict") + dict_(items=number(1), keys=number(1)) + pickle.BUILD
    weights = shadowed + text("w") + tensor() + pickle.SETITEM
    hparams = shadowed + text("lr") + number(2) + pickle.SETITEM
    path = archive(tmp_path / "a.ckpt", dict_(state_dict=weights, hyper_parameters=hparams))
    checkpoint = read(path)
    assert list(checkpoint.tensors) == ["w"]
    assert checkpoint.hparams["hyper_parameters"] == {"lr": 2}


def test_a_listed_class_of_a_third_party_is_kept_as_name_arguments_and_state(tmp_path):
    made = call("mylab.config", "ModelConfig", number(7)) + dict_(depth=number(2)) + pickle.BUILD
    path = archive(tmp_path / "a.ckpt", lightning(hyper_parameters=dict_(model=made)))
    assert "intake: {placeholders: [mylab.config.ModelConfig]}" in refusal(path)
    kept = read(path, placeholders=["mylab.config.ModelConfig"])
    assert kept.hparams["hyper_parameters"]["model"] == {
        "placeholder": "mylab.config.ModelConfig",
        "args": [7],
        "state": {"depth": 2},
    }


def test_the_config_line_is_not_offered_where_the_file_also_calls_a_function(tmp_path):
    both = lightning(a=call("mylab.config", "ModelConfig"), b=call("os", "system", text("touch PWNED")))
    words = refusal(archive(tmp_path / "a.ckpt", both))
    assert "os.system" in words
    assert "mylab.config.ModelConfig" in words
    assert "placeholders" not in words


def test_the_process_forgets_placeholders_after_a_read(tmp_path):
    path = archive(tmp_path / "a.ckpt", lightning(v=call("mylab.config", "ModelConfig")))
    before = set(torch.serialization.get_safe_globals())
    read(path, placeholders=["mylab.config.ModelConfig"])
    assert set(torch.serialization.get_safe_globals()) == before
    assert "mylab.config.ModelConfig" in refusal(path)


def test_a_pickle_with_changed_bytes_is_refused_or_read_but_never_anything_else(tmp_path):
    hparams = dict_(
        a=call("argparse", "Namespace"), b=call("__builtin__", "set", pickle.EMPTY_LIST), c=number(4)
    )
    body = lightning(hyper_parameters=hparams, epoch=number(2))
    draw = random.Random(11)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(400):
        changed = bytearray(body)
        for _ in range(draw.choice([1, 1, 2, 5])):
            changed[draw.randrange(len(body))] = draw.choice([draw.randrange(256), *b"()tR}]se0123.cbqhX"])
        path = archive(tmp_path / "a.ckpt", bytes(changed))
        try:
            read(path)
            outcomes["read"] += 1
        except Refused as refused:
            assert str(refused).startswith(str(path))
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 10, outcomes
