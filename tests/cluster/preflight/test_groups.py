"""What groups ask, held against Snakemake's own packing."""

import random
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from cluster.preflight.fakes import a_profile, put_profile
from snakemake.resources import GroupResources, Resource, Resources

from assay.cluster.preflight.asks import DATA, FIGURE, INTAKE, Ask, components
from assay.cluster.preflight.groups import largest_group, submitted
from assay.cluster.preflight.profile import read_profile
from assay.config import read_plan
from assay.plan import requests

ROOT = Path(__file__).parents[3]


def by_snakemake(levels: list[list[Ask]], limits: dict[str, int]) -> tuple[int, int, int]:
    """Minutes, MB and GPUs of a group of these jobs, as Snakemake asks them."""
    jobs = [
        [
            SimpleNamespace(
                resources={"runtime": ask.minutes, "mem_mb": ask.mem_mb, "gpu": ask.gpus, "_cores": ask.cpus},
                pipe_group=None,
            )
            for ask in level
        ]
        for level in levels
    ]
    names = {"runtime": 10**9, "mem_mb": 10**9, "gpu": limits.get("gpu"), "_cores": limits.get("cores")}
    asked = GroupResources.basic_layered(
        toposorted_jobs=jobs,
        constraints=Resources({name: Resource(name, value) for name, value in names.items()}),
        run_local=False,
    )
    return asked["runtime"], asked["mem_mb"], asked["gpu"]


@pytest.mark.parametrize("seed", range(20))
def test_a_group_of_all_its_jobs_asks_what_snakemake_asks(seed):
    draw = random.Random(seed)
    jobs = [
        Ask(f"rule{i}", draw.randint(1, 100), 1000, gpus=draw.randint(0, 1), cpus=1)
        for i in range(draw.randint(1, 12))
    ]
    n_below = draw.randint(1, len(jobs))
    apart = {((job,), ()): 1 for job in jobs[:n_below]} | {((), (job,)): 1 for job in jobs[n_below:]}
    shapes = {(tuple(jobs[:n_below]), tuple(jobs[n_below:])): 1} if seed % 2 else apart
    limits = {"gpu": 1, "cores": draw.randint(1, 5)}
    profile = a_profile(group_components={"g": len(jobs)}, cores=limits["cores"])
    group = largest_group("g", shapes, profile)
    levels = [level for level in (jobs[:n_below], jobs[n_below:]) if level]
    assert (group.minutes, group.mem_mb, group.gpus) == by_snakemake(levels, limits)


def test_a_group_is_as_large_as_its_heaviest_components():
    small, slow, large = Ask("small", 10, 1000), Ask("slow", 90, 1000), Ask("large", 10, 9000)
    shapes = {((small,),): 50, ((slow,),): 2, ((large,),): 1}
    group = largest_group("g", shapes, a_profile(group_components={"g": 4}, cores=2))
    assert group.minutes == 90 + 10  # two slow side by side, then two others
    assert group.mem_mb == 10000


def test_a_group_without_a_number_of_components_is_one_of_them():
    job = Ask("cka", 10, 1000)
    assert largest_group("g", {((job,),): 50}, a_profile()).mem_mb == 1000


def test_rules_without_cores_in_the_profile_all_run_side_by_side():
    job = Ask("cka", 10, 1000)
    group = largest_group("g", {((job,),): 50}, a_profile(cores=None, group_components={"g": 8}))
    assert (group.minutes, group.mem_mb) == (10, 8000)


def test_every_rule_of_a_plan_asks_once_and_grouped_ones_together(bench):
    put_profile(bench, groups={"cka": "light", "embeddings": "light"}, group_components={"light": 2})
    plan = bench.plan()
    asks = {ask.job: ask for ask in submitted(plan, requests(plan), read_profile("slurm"))}
    assert asks.keys() == {
        "intake",
        "data_can",
        "attention_weights",
        "landscape",
        "evaluation",
        "a group light of up to 2",
    }
    assert (asks["landscape"].minutes, asks["landscape"].gpus) == (120, 0)
    assert asks["a group light of up to 2"].mem_mb == 8000


def test_the_configs_resources_and_device_decide_and_the_advice_names_them(bench):
    bench.configure(device="auto", resources={"landscape": {"minutes": 999, "gpu": 2}})
    plan = bench.plan()
    asks = {ask.job: ask for ask in submitted(plan, requests(plan), a_profile())}
    assert (asks["landscape"].minutes, asks["landscape"].gpus) == (999, 2)
    assert asks["landscape"].settings == "resources.landscape in the config"
    assert asks["intake"].settings == "set-resources.intake in slurm/config.yaml"


def test_a_profiles_gres_names_number_and_kind_of_gpus(bench):
    plan = bench.plan()
    profile = a_profile(set_resources={"cka": {"gres": "gpu:a100:2"}})
    asks = {ask.job: ask for ask in submitted(plan, requests(plan), profile)}
    assert (asks["cka"].gpus, asks["cka"].gpu_kind) == (2, "a100")


def test_figures_are_jobs_unless_the_config_leaves_them_out(bench):
    def figures() -> int:
        plan = bench.plan()
        shapes = components(plan, requests(plan))
        return sum(n for shape, n in shapes.items() if shape[0][0].startswith("figure_"))

    assert figures() == 0
    bench.configure(figures=True)
    assert figures() == len(requests(bench.plan()))


def test_what_is_made_of_an_artifact_is_one_component_with_it(monkeypatch):
    monkeypatch.chdir(ROOT)
    plan = read_plan("config/config.yaml")
    (chain,) = [shape for shape in components(plan, requests(plan)) if shape[0] == ("fusion_states",)]
    assert {"fusion_policy", "evaluation"} <= set(chain[1])
    job = {"fusion_states": "light"} | dict.fromkeys(chain[1], "light")
    asks = {ask.job: ask for ask in submitted(plan, requests(plan), a_profile(groups=job, cores=None))}
    assert asks["a group light of up to 1"].minutes == 20 + 10


@pytest.mark.parametrize(("file", "own"), [("intake", INTAKE), ("data", DATA), ("figures", FIGURE)])
def test_the_resources_of_rules_without_a_row_are_those_of_the_workflow(file, own):
    text = (ROOT / "workflow" / "rules" / f"{file}.smk").read_text()
    found = {key: int(re.search(rf"{key}=(\d+)", text)[1]) for key in own}
    assert found == own
