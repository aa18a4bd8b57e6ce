"""Arrays of pilots: how many, with what, and what is refused."""

import pytest

from assay.cluster.campaign.arrays import Pilots, split
from assay.cluster.campaign.folder import PILOT_MB, Array, Asked
from assay.cluster.preflight.profile import Profile
from assay.errors import ConfigError

NONE = Profile("no profile", {})


def arrays(bench, *, executor: str = "slurm", profile: Profile = NONE, **asked: object) -> dict[str, Pilots]:
    found = split(bench.plan(), Asked(**asked), executor=executor, profile=profile)
    return {pilots.array.name: pilots for pilots in found}


def refused(bench, **asked: object) -> str:
    with pytest.raises(ConfigError) as error:
        arrays(bench, **asked)
    return str(error.value)


def test_inputs_come_first_then_cpu_then_gpu(bench):
    bench.configure(device="auto")
    assert list(arrays(bench)) == ["inputs", "cpu", "gpu"]


def test_an_array_without_work_is_not_there(made):
    assert arrays(made) == {}
    made.configure(options__landscape__resolution=5)
    assert list(arrays(made)) == ["cpu"]


def test_there_are_no_more_pilots_than_units(bench):
    found = arrays(bench, pilots=100)
    assert {name: pilots.array.n_pilots for name, pilots in found.items()} == {"inputs": 3, "cpu": 2}


def test_every_target_is_one_pilots(bench):
    found = arrays(bench, pilots=2)
    targets = [found["cpu"].targets(0), found["cpu"].targets(1)]
    assert sorted(map(len, targets)) == [4, 5]
    assert not set(targets[0]) & set(targets[1])


def test_pilots_with_a_gpu_are_as_many_as_were_asked(bench):
    bench.configure(device="auto")
    found = arrays(bench, pilots=2, gpus=1)
    assert (found["gpu"].array.n_pilots, found["gpu"].array.gpus) == (1, 1)
    assert found["cpu"].array.gpus == 0
    assert list(arrays(bench, gpus=0)) == ["inputs", "cpu"]
    assert list(arrays(bench, executor="local")) == ["inputs", "cpu"]


def test_pilots_here_have_the_gpus_that_the_user_has_one_each(bench, monkeypatch):
    bench.configure(device="auto")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    found = arrays(bench, executor="local", gpus=2)["gpu"].array
    assert (found.n_pilots, found.devices) == (2, "2,3")
    assert arrays(bench, executor="slurm", gpus=2)["gpu"].array.devices == ""


def test_more_pilots_with_a_gpu_than_there_are_here_are_refused(bench, monkeypatch):
    bench.configure(device="auto")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    said = refused(bench, executor="local", gpus=2)
    assert said == "--gpus 2: here is 1 (CUDA_VISIBLE_DEVICES, else nvidia-smi: 2). Ask for as many at most."
    assert arrays(bench, executor="local", gpus=2, checkpoints="big")["gpu"].array.n_pilots == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "--gpus 1: here are 0" in refused(bench, executor="local", gpus=1)
    bench.configure(device="cpu")
    assert list(arrays(bench, executor="local", gpus=1)) == ["inputs", "cpu"]


def test_a_config_that_insists_on_a_gpu_is_not_sent_without(bench):
    bench.configure(device="cuda")
    said = "--gpus 0: config/config.yaml says `device: cuda`. Set it to auto or cpu, or ask for --gpus 1 or more."
    assert refused(bench, gpus=0) == said
    assert refused(bench, executor="local") == said
    assert list(arrays(bench)) == ["inputs", "cpu", "gpu"]


def test_what_asks_for_two_gpus_is_refused(bench):
    bench.configure(device="auto", resources={"landscape": {"gpu": 2}})
    assert "resources.landscape in the config: landscape asks 2 GPUs, a pilot has one" in refused(bench)


def test_a_time_limit_below_what_a_job_asks_is_refused(bench):
    said = refused(bench, minutes=20)
    assert "--minutes 20: landscape asks 120. Change it, or resources.landscape in the config." in said
    assert "data_can asks 60" in said
    assert "embeddings" not in said
    assert arrays(bench, minutes=120)["cpu"].array.minutes == 120


def test_a_pilot_lasts_longer_than_its_longest_job(bench):
    bench.configure(resources={"landscape": {"minutes": 500}})
    found = arrays(bench)
    assert (found["inputs"].array.minutes, found["cpu"].array.minutes) == (240, 510)


def test_a_pilot_has_the_memory_of_its_usual_jobs_side_by_side_and_at_least_of_its_largest(bench):
    assert arrays(bench, cpus=3)["cpu"].array.mem_mb == PILOT_MB + 3 * 4000
    bench.configure(resources={"cka": {"mem_mb": 30000}})
    assert arrays(bench, cpus=3)["cpu"].array.mem_mb == PILOT_MB + 30000


def test_minutes_are_shared_by_the_cpus_but_not_with_one_gpu(bench):
    bench.configure(device="auto")
    found = arrays(bench, pilots=1, cpus=4, gpus=1)
    assert found["gpu"].minutes(0) == 240
    assert found["cpu"].minutes(0) == round(70 / 4)


def test_account_and_partition_are_those_of_the_heaviest_rule(bench):
    bench.configure(device="auto")
    profile = Profile(
        "slurm/config.yaml",
        {
            "default-resources": {"slurm_account": "ids", "slurm_partition": "cpu"},
            "set-resources": {"landscape": {"slurm_partition": "gpu", "gpu_model": "a100"}},
        },
    )
    found = arrays(bench, profile=profile)
    places = {name: (p.array.account, p.array.partition, p.array.gpu_kind) for name, p in found.items()}
    assert places == {"inputs": ("ids", "cpu", ""), "cpu": ("ids", "cpu", ""), "gpu": ("ids", "gpu", "a100")}


def test_pilots_without_a_gpu_are_not_sent_where_only_those_with_one_belong(bench):
    bench.configure(device="auto", resources={"landscape": {"minutes": 500}})
    rules = {"landscape": {"slurm_partition": "gpu"}, "cka": {"slurm_partition": "day"}}
    profile = Profile("slurm/config.yaml", {"set-resources": rules})
    assert arrays(bench, profile=profile)["gpu"].array.partition == "gpu"
    cpu = arrays(bench, profile=profile, gpus=0)["cpu"].array
    assert (cpu.partition != "gpu", cpu.minutes) == (True, 510)


def test_the_preflight_is_asked_for_what_a_pilot_asks(bench):
    ask = arrays(bench, cpus=3)["cpu"].ask
    array: Array = arrays(bench, cpus=3)["cpu"].array
    assert (ask.minutes, ask.mem_mb, ask.cpus, ask.gpus) == (array.minutes, array.mem_mb, 3, 0)
