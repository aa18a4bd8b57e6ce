"""A profile is found where Snakemake finds it, and read as Snakemake reads it."""

from dataclasses import replace
from pathlib import Path

import pytest
from cluster.preflight.fakes import a_profile, a_site

from assay import catalog
from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.destinations import declared_partitions, to_probe
from assay.cluster.preflight.profile import read_profile, runtime_minutes
from assay.errors import ConfigError

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("place", ["here", "here/config.yaml"])
def test_a_profile_is_a_folder_or_its_file(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    put("here/config.yaml", "jobs: 3\n")
    assert read_profile(place).content == {"jobs": 3}


def test_a_profile_here_wins_over_the_users(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    put("own/snakemake/site/profile.yaml", "jobs: 1\n")
    assert read_profile("site").content == {"jobs": 1}
    put("site/config.yaml", "jobs: 2\n")
    assert read_profile("site").content == {"jobs": 2}


@pytest.mark.parametrize(
    ("text", "said"), [("- a\n", "must hold keys, got list"), ("a: [\n", "cannot be read")]
)
def test_a_file_that_is_no_profile_is_an_error(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    put("site/config.yaml", text)
    with pytest.raises(ConfigError, match=said):
        read_profile("site")


def test_the_rules_own_resources_win_over_defaults_and_set_resources_over_both():
    profile = a_profile(
        default_resources={"mem_mb": 1, "runtime": 1, "slurm_partition": "p"},
        set_resources={"cka": {"runtime": 3}},
    )
    assert profile.resources("cka", {"mem_mb": 2, "runtime": 2}) == {
        "mem_mb": 2,
        "runtime": 3,
        "slurm_partition": "p",
    }
    assert profile.resources("embeddings", {"mem_mb": 2})["runtime"] == 1


def test_default_resources_may_be_a_list_of_pairs():
    profile = a_profile(default_resources=["mem_mb=7", "slurm_account=lab"])
    assert profile.resources("cka", {}) == {"mem_mb": 7, "slurm_account": "lab"}


@pytest.mark.parametrize(
    ("value", "minutes"), [(30, 30), (1.5, 2), ("2h", 120), ("1d", 1440), ("90", 90), ("f(x)", None)]
)
def test_a_runtime_is_minutes(value, minutes):
    assert runtime_minutes(value) == minutes


def test_the_projects_own_profile_is_read():
    profile = read_profile(str(ROOT / "profiles" / "slurm"))
    assert profile.groups["cka"] == "light"
    assert profile.components["light"] == 8
    assert profile.limits == {"gpu": 1, "cores": 4}
    assert (profile.status_command, profile.init_seconds) == ("squeue", 10)


def test_the_profile_for_lsf_groups_as_the_one_for_slurm_does():
    lsf, slurm = (read_profile(str(ROOT / "profiles" / name)) for name in ("lsf", "slurm"))
    assert (lsf.groups, lsf.components, lsf.limits) == (slurm.groups, slurm.components, slurm.limits)


def test_the_profile_for_lsf_asks_bsub_for_the_gpu_of_every_row_that_has_one():
    asked = read_profile(str(ROOT / "profiles" / "lsf")).content["set-resources"]
    assert asked == {
        name: {"lsf_extra": f"-gpu num={row.gpu}"} for name, row in catalog.ARTIFACTS.items() if row.gpu
    }


@pytest.mark.parametrize("name", ["lsf", "kubernetes"])
def test_an_untried_profile_says_so_where_it_begins_and_in_its_readme(name):
    folder = ROOT / "profiles" / name
    assert "UNTRIED" in (folder / "config.yaml").read_text().splitlines()[0]
    assert "untried" in (folder / "README.md").read_text().splitlines()[0]
    assert read_profile(str(folder)).content["executor"] == name


def test_partitions_are_declared_in_a_file_beside_the_profile(tmp_path):
    put(tmp_path / "partitions.yaml", "partitions:\n  cpu: {max_runtime: 2d}\n  bad: {max_runtime: soon}\n")
    profile = a_profile(slurm_partition_config="partitions.yaml")
    profile = type(profile)(str(tmp_path / "config.yaml"), profile.content)
    declared, (problem,) = declared_partitions(profile)
    assert declared == {"cpu": {"max_runtime": "2d"}}
    assert "max_runtime of bad: got 'soon'" in problem.line


@pytest.mark.parametrize("text", [None, "cpu: {}\n", "partitions: 3\n"])
def test_a_partition_file_that_says_nothing_is_a_problem(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    if text:
        put("partitions.yaml", text)
    declared, problems = declared_partitions(a_profile(slurm_partition_config="partitions.yaml"))
    assert declared == {}
    assert len(problems) == 1


def test_every_partition_that_jobs_go_to_is_probed_by_a_gpu_job_where_it_can_serve_one():
    cpu, gpu = Ask("cka", 10, 4000), Ask("landscape", 120, 4000, gpus=1)
    there = Ask("landscape", 120, 4000, gpus=1, partition="gpu")
    assert to_probe([cpu, there], a_site(), {}) == {"gpu": there, "cpu": cpu}
    assert to_probe([replace(cpu, partition="gpu"), there], a_site(), {}) == {"gpu": there}
    assert to_probe([gpu, cpu], a_site(), {}) == {"cpu": cpu}
    assert to_probe([cpu], a_site(partitions={"cpu": {"State": "DOWN"}}), {}) == {}


def put(path: str | Path, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
