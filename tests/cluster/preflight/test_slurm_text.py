"""What Slurm prints, read as numbers."""

import math

import pytest
from cluster.preflight.fakes import recorded

from assay.cluster.preflight.slurm_text import gpus, limit_mb, limit_minutes, records, seconds, settings


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("90", 90),
        ("90:30", 90.5),
        ("02:00:00", 120),
        ("1-12", 2160),
        ("1-12:30", 2190),
        ("7-00:00:30", 10080.5),
        ("UNLIMITED", math.inf),
        ("INFINITE", math.inf),
        ("NONE", math.inf),
        ("(null)", math.inf),
        ("", math.inf),
    ],
)
def test_every_form_of_a_time_limit_is_minutes(text, minutes):
    assert limit_minutes(text) == minutes


@pytest.mark.parametrize(
    ("text", "mb"),
    [
        ("4000", 4000),
        ("4000M", 4000),
        ("16G", 16384),
        ("1.5T", 1572864),
        ("2048K", 2),
        ("UNLIMITED", math.inf),
        ("0", math.inf),
    ],
)
def test_every_form_of_a_memory_limit_is_mb(text, mb):
    assert limit_mb(text) == mb


@pytest.mark.parametrize("read", [limit_minutes, limit_mb])
def test_what_is_no_limit_is_an_error(read):
    with pytest.raises(ValueError):
        read("soon")


@pytest.mark.parametrize(
    ("gres", "counts"),
    [
        ("gpu:a100:4(S:0-1)", {"a100": 4}),
        ("gpu:2", {"": 2}),
        ("gpu", {"": 1}),
        ("gpu:tesla", {"tesla": 1}),
        ("gpu:a100:2(S:0,3),gpu:v100:1,shard:8,mps:gpu:100", {"a100": 2, "v100": 1}),
        ("gpu:a100_3g.20gb:2(IDX:0-1)", {"a100_3g.20gb": 2}),
        ("gpu:tesla:no_consume:2", {"tesla": 2}),
        ("gpu:a100:2,gpu:a100:3", {"a100": 5}),
        ("(null)", {}),
        ("", {}),
    ],
)
def test_gpus_are_counted_by_kind(gres, counts):
    assert gpus(gres) == counts


def test_values_of_a_record_may_hold_spaces():
    (node,) = records(
        "NodeName=n1 OS=Linux 6.1 #1 SMP @0 State=DOWN* Reason=Not responding [slurm@2026-01-01]\n"
    )
    assert node == {
        "NodeName": "n1",
        "OS": "Linux 6.1 #1 SMP @0",
        "State": "DOWN*",
        "Reason": "Not responding [slurm@2026-01-01]",
    }


def test_fields_whose_values_hold_equal_signs_stay_whole():
    (partition,) = records("PartitionName=p TRES=cpu=8,mem=8000M,gres/gpu=2 State=UP")
    assert partition["TRES"] == "cpu=8,mem=8000M,gres/gpu=2"


def test_recorded_outputs_are_read():
    assert settings(recorded("config"))["MinJobAge"] == "3600 sec"
    assert [one["PartitionName"] for one in records(recorded("partition"))] == [
        "cpu",
        "gpu",
        "preempt",
        "preempt_grace",
    ]
    assert [one["NodeName"] for one in records(recorded("node"))] == ["c1", "c2", "c3", "g1"]


def test_seconds_of_a_setting():
    assert (seconds("300 sec"), seconds("0"), seconds("(null)")) == (300, 0, None)
