"""What jobs ask against partitions and nodes."""

import pytest
from cluster.preflight.fakes import a_profile, a_site

from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.limits import limit_findings

LANDSCAPE = Ask("landscape", minutes=120, mem_mb=4000, gpus=1, settings="resources.landscape in the config")
CKA = Ask("cka", minutes=10, mem_mb=4000, settings="resources.cka in the config")


def found(ask: Ask, site=None, declared=None):
    return list(limit_findings([ask], site or a_site(), a_profile(), declared or {}))


def sent(ask: Ask, **keys: object) -> Ask:
    return Ask(**{name: getattr(ask, name) for name in Ask.__slots__} | keys)


def test_what_fits_has_no_finding():
    assert found(CKA) == found(sent(LANDSCAPE, partition="gpu")) == []


def test_a_gpu_that_the_partition_lacks_is_a_problem_that_names_where_it_fits():
    (problem,) = found(LANDSCAPE)
    assert problem.line == (
        "partition cpu: GPUs of landscape: got 0 on a node (it has none), needed 1. Change resources.landscape in the "
        "config, or send it to partition gpu or preempt or preempt_grace by slurm_partition."
    )


def test_a_kind_of_gpu_must_be_there_and_the_kinds_are_named():
    site = a_site(nodes={"g1": {"Gres": "gpu:a100:2(S:0-1)"}})
    assert found(sent(LANDSCAPE, partition="gpu", gpu_kind="a100"), site) == []
    (problem,) = found(sent(LANDSCAPE, partition="gpu", gpu_kind="h100"), site)
    assert "GPUs of landscape: got 0 on a node (it has a100), needed 1 h100." in problem.line


def test_more_gpus_than_a_node_has_are_a_problem():
    (problem,) = found(sent(LANDSCAPE, partition="gpu", gpus=3))
    assert "got 2 on a node (it has gpu), needed 3." in problem.line


@pytest.mark.parametrize(("minutes", "n"), [(60, 0), (61, 1)])
def test_minutes_beyond_max_time_are_a_problem(minutes, n):
    site = a_site(partitions={"cpu": {"MaxTime": "01:00:00"}})
    problems = found(sent(CKA, minutes=minutes), site)
    assert len(problems) == n
    assert all("minutes of cka: got MaxTime of 60, needed 61." in problem.line for problem in problems)


@pytest.mark.parametrize(("mem_mb", "n"), [(8000, 0), (8001, 1)])
def test_memory_beyond_every_node_is_a_problem(mem_mb, n):
    problems = found(sent(CKA, mem_mb=mem_mb))
    assert [problem.line.partition(". ")[0] for problem in problems] == n * [
        "partition cpu: memory of cka: got 8000 MB on the largest node, needed 8001 MB"
    ]


def test_memory_beyond_the_partitions_own_limit_is_a_problem():
    (problem,) = found(CKA, a_site(partitions={"cpu": {"MaxMemPerNode": "2G"}}))
    assert "memory of cka: got MaxMemPerNode of 2048 MB, needed 4000 MB" in problem.line


def test_more_cpus_than_a_node_has_are_a_problem():
    (problem,) = found(sent(CKA, cpus=9))
    assert "CPUs of cka: got 8 on the largest node, needed 9." in problem.line


def test_a_node_must_have_everything_together():
    site = a_site(nodes={"c1": {"RealMemory": "64000"}})
    ask = sent(LANDSCAPE, partition="preempt", mem_mb=32000)
    (problem,) = found(ask, site)
    assert "all together of landscape: got no node that has them" in problem.line


def test_all_that_is_too_small_is_told_at_once():
    site = a_site(partitions={"cpu": {"MaxTime": "30"}})
    whats = [problem.what for problem in found(sent(LANDSCAPE, mem_mb=9000), site)]
    assert whats == ["minutes of landscape", "memory of landscape", "GPUs of landscape"]


def test_nodes_out_of_service_are_a_warning():
    (warning,) = found(sent(LANDSCAPE, partition="gpu"), a_site(nodes={"g1": {"State": "IDLE+DRAIN"}}))
    assert warning.is_warning
    assert "nodes for landscape: got g1 IDLE+DRAIN" in warning.line


def test_one_node_in_service_is_enough():
    assert found(CKA, a_site(nodes={"c1": {"State": "DOWN*"}, "c2": {"State": "IDLE+DRAIN"}})) == []


def test_a_partition_that_is_not_there_is_named_with_those_that_are():
    (problem,) = found(sent(CKA, partition="fast"))
    assert problem.line.startswith(
        "slurm/config.yaml: partition of cka: got fast, needed one of cpu, gpu, preempt,"
    )


def test_no_partition_and_no_default_is_a_problem():
    (problem,) = found(CKA, a_site(partitions={"cpu": {"Default": "NO"}}))
    assert "no partition for cka: got no default" in problem.line


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"State": "DOWN"}, "is not up"),
        ({"State": "DRAIN"}, "is not up"),
        ({"RootOnly": "YES"}, "is for root only"),
        ({"AllowAccounts": "chem,bio"}, "account"),
    ],
)
def test_a_partition_that_is_closed_is_a_problem(fields, what):
    problems = found(sent(CKA, account="physics"), a_site(partitions={"cpu": fields}))
    assert [problem.what for problem in problems] == [what]


def test_an_account_that_is_allowed_is_none():
    assert found(sent(CKA, account="bio"), a_site(partitions={"cpu": {"AllowAccounts": "chem,bio"}})) == []


def test_declared_partitions_that_have_room_are_the_ones_that_are_held():
    declared = {
        "gpu": {"max_gpu": 2, "max_runtime": "1-00:00:00"},
        "cpu": {"max_runtime": 600},
        "gone": {"max_gpu": 4},
    }
    (problem,) = found(LANDSCAPE, declared=declared)
    assert "partition of landscape: got gone" in problem.line
    assert found(LANDSCAPE, declared={"gpu": {"max_gpu": 2}, "cpu": {}}) == []


def test_where_no_declared_partition_has_room_the_default_is_taken():
    (problem,) = found(LANDSCAPE, declared={"gpu": {"max_gpu": 2, "max_runtime": 60}})
    assert problem.where == "partition cpu"
