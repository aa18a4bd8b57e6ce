"""The cluster as Slurm describes it."""

import math

import pytest
from cluster.preflight.fakes import a_site

from assay.cluster.preflight.site import read_site


def test_the_recorded_cluster_has_its_partitions_nodes_and_gpus():
    site = a_site()
    assert site.default == "cpu"
    assert {name: [node.name for node in one.nodes] for name, one in site.partitions.items()} == {
        "cpu": ["c1", "c2", "c3"],
        "gpu": ["g1"],
        "preempt": ["c1", "c2", "c3", "g1"],
        "preempt_grace": ["c1", "c2", "c3", "g1"],
    }
    (gpu_node,) = site.partitions["gpu"].nodes
    assert (gpu_node.cpus, gpu_node.mem_mb, gpu_node.gpus) == (8, 8000, {"": 2})
    assert site.partitions["cpu"].max_minutes == math.inf


def test_memory_that_is_kept_for_the_system_is_not_a_jobs():
    site = a_site(nodes={"g1": {"RealMemory": "8000 MemSpecLimit=1000"}})
    assert site.partitions["gpu"].nodes[0].mem_mb == 7000


@pytest.mark.parametrize(
    ("state", "in_service"),
    [
        ("IDLE", True),
        ("MIXED+PLANNED", True),
        ("IDLE+CLOUD+POWERED_DOWN", True),
        ("IDLE+DRAIN", False),
        ("DOWN*", False),
        ("DOWN*+NOT_RESPONDING", False),
        ("ALLOCATED+DRAIN", False),
    ],
)
def test_nodes_that_are_drained_or_down_are_out_of_service(state, in_service):
    assert a_site(nodes={"g1": {"State": state}}).partitions["gpu"].nodes[0].in_service == in_service


def test_no_slurm_on_path_is_one_problem(slurm):
    slurm.without("scontrol")
    site, (problem,) = read_site()
    assert site is None
    assert "no Slurm on PATH" in problem.line


def test_a_controller_that_is_away_is_one_problem_with_what_slurm_says(slurm):
    error = "slurm_load_partitions: Unable to contact slurm controller (connect failure)"
    slurm.prints("scontrol", "", code=1, error=error)
    site, (problem,) = read_site()
    assert site is None
    assert problem.line.startswith(
        "scontrol show config: Slurm does not answer: got slurm_load_partitions: Unable"
    )


def test_the_cluster_that_commands_describe_is_the_recorded_one(slurm):
    assert read_site() == (a_site(), [])
