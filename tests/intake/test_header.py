import io
import json

import pytest

from assay.errors import Refused
from assay.intake.header import safetensors_metadata


def raw(header: str, data: bytes = bytes(16)) -> io.BytesIO:
    encoded = header.encode()
    return io.BytesIO(len(encoded).to_bytes(8, "little") + encoded + data)


def entry(begin: int, end: int, **others) -> dict:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]} | others


def test_tensors_that_fill_the_file_are_accepted_in_any_order():
    header = {"b": entry(8, 16), "__metadata__": {"k": "v"}, "a": entry(0, 8), "none": entry(16, 16)}
    assert safetensors_metadata(raw(json.dumps(header))) == {"k": "v"}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ("[]", "no JSON object"),
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"a": 3}', "described by 3"),
        (json.dumps({"a": entry(0, 8), "b": entry(4, 16)}), "'b' begins at byte 4, expected 8"),
        (json.dumps({"a": entry(0, 16, strides=[1])}), "do not agree"),
        (json.dumps({"a": entry(0, 16), "__metadata__": {"k": 1}}), "text to text"),
        (json.dumps({"a": entry(0, 16, shape=[True, 4])}), "do not agree"),
    ],
)
def test_a_header_that_breaks_the_format_is_refused(header, words):
    with pytest.raises(Refused, match=words):
        safetensors_metadata(raw(header))
