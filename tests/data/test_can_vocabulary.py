"""The order and the digest of the vocabulary."""

import json
from hashlib import sha256

from assay.data.can_vocabulary import vocabulary


def test_decimal_identifiers_are_in_the_order_of_their_value():
    assert vocabulary(["1087", "304", "0", "688"]).entries == {"0": 1, "304": 2, "688": 3, "1087": 4}


def test_one_identifier_that_is_not_decimal_makes_all_of_them_text():
    assert list(vocabulary(["1087", "304", "1E5"]).entries) == ["1087", "1E5", "304"]


def test_leading_zeros_make_another_identifier():
    assert list(vocabulary(["10", "010", "9"]).entries) == ["9", "010", "10"]


def test_digits_of_other_scripts_are_text():
    assert list(vocabulary(["٣", "2", "10"]).entries) == ["10", "2", "٣"]


def test_identifiers_outside_have_number_zero_and_count_in_num_ids():
    known = vocabulary(["A", "B", "A"])
    assert known.num_ids == 3
    assert known.numbers(["B", "C", "A", "D"]).tolist() == [2, 0, 1, 0]


def test_the_digest_is_of_identifier_and_number_in_order():
    known = vocabulary(["304", "0"])
    assert known.digest() == sha256(json.dumps([["0", 1], ["304", 2]]).encode()).hexdigest()
    assert known.facts() == {"digest": known.digest(), "unk_index": 0, "entries": {"0": 1, "304": 2}}
