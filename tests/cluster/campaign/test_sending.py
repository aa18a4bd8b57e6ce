"""A campaign as it is sent: what sbatch is asked, what a job begins with, and what is left of one that fails."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.campaign.by_hand import until
from cluster.campaign.test_pilot import processes_in
from cluster.preflight.fakes import FakeSlurm, changed, configured, put_profile

from assay.cluster.campaign import lock, sending
from assay.cluster.campaign.arrays import Pilots, split
from assay.cluster.campaign.checks import array_findings, findings
from assay.cluster.campaign.folder import END, Array, Asked, Campaign, CampaignFolder
from assay.cluster.campaign.places import closing, placed, profile_of
from assay.cluster.campaign.sending import send
from assay.cluster.preflight.profile import Profile
from assay.cluster.preflight.site import read_site
from assay.errors import AssayError
from assay.store.owner import Owner

NONE = Profile("no profile", {})
SBATCH = """n=$(/bin/ls {folder} | /bin/grep -c '^job\\.')
/bin/cp "$1" {folder}/job.$((n + 1))
echo "Submitted batch job $((n + 1))"
"""
LAUNCH = """import sys
from assay.cluster.campaign.launch import launch
launch(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""
PILOT = """import os, signal, sys
ignored = [n for n in ("SIGUSR1", "SIGUSR2", "SIGTERM") if signal.getsignal(getattr(signal, n)) == signal.SIG_IGN]
print(sys.argv[1:], *ignored, os.getpid(), os.getsid(0), os.environ.get("CUDA_VISIBLE_DEVICES"), sep="|")
sys.exit(7)
"""


@pytest.fixture
def cluster(bench, slurm) -> FakeSlurm:
    """A Slurm that takes jobs, for the bench with its landscape on a GPU."""
    bench.configure(device="auto")
    slurm.command("sbatch", SBATCH.format(folder=slurm.folder))
    return slurm


def read_profile() -> Profile:
    return profile_of("slurm", "slurm")


def pilots_of(bench, **asked: object) -> list[Pilots]:
    profile = read_profile()
    return placed(split(bench.plan(), Asked(**asked), executor="slurm", profile=profile), profile)


def sent(bench, **asked: object) -> CampaignFolder:
    pilots = pilots_of(bench, **asked)
    end = closing(pilots, read_profile(), "slurm")
    folder, _ = send(bench.plan(), pilots, end, Asked(**asked), executor="slurm")
    return folder


def found(bench, pilots: list[Pilots]) -> list[str]:
    """The lines of the preflight of a campaign."""
    end = closing(pilots, read_profile(), "slurm")
    options = {"executor": "slurm", "profile": "slurm", "probe": False}
    return [finding.line for finding in findings(bench.plan(), pilots, end, **options)]


def asked_of_sbatch(slurm: FakeSlurm, job: int) -> dict[str, str]:
    """The options of a job, those left out that name places of this test."""
    text = (slurm.folder / f"job.{job}").read_text()
    found = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", text, re.MULTILINE))
    return {name: value for name, value in found.items() if name not in ("output", "wckey", "open-mode")}


def test_sbatch_is_asked_for_the_inputs_then_for_the_pilots_after_them_and_for_an_end(bench, cluster):
    put_profile(bench, default_resources={"slurm_account": "ids", "mem_mb": 4000, "runtime": 30})
    name = sent(bench, pilots=2, cpus=2).path.name
    usual = {
        "account": "ids",
        "cpus-per-task": "2",
        "nodes": "1",
        "requeue": "",
        "signal": "USR2@90",
        "time": "240",
    }
    after = {"dependency": "afterok:1", "kill-on-invalid-dep": "yes", "array": "0-1%2"}
    default = "cpu"
    assert [asked_of_sbatch(cluster, job) for job in (1, 2, 3, 4)] == [
        usual | {"job-name": f"assay-{name}-inputs", "array": "0-1%2", "mem": "9500M", "partition": default},
        usual | after | {"job-name": f"assay-{name}-cpu", "mem": "9500M", "partition": default},
        usual
        | after
        | {"job-name": f"assay-{name}-gpu", "mem": "9500M", "partition": default, "gpus-per-node": "1"},
        usual
        | {"job-name": f"assay-{name}-end", "mem": "4000M", "partition": default, "time": "60"}
        | {"cpus-per-task": "1", "dependency": "afterany:1:2:3"},
    ]


def test_the_shell_of_a_job_outlives_the_signals_and_has_the_copied_code_first_on_its_path(bench, cluster):
    folder = sent(bench)
    text = (cluster.folder / "job.1").read_text()
    setup = text.partition("# setup\n")[2].partition("\n\n# command\n")[0].splitlines()
    assert setup[0] == "trap '' TERM USR1 USR2"
    script = "\n".join([*setup, "echo $PYTHONPATH"])
    said = subprocess.run(
        ["/bin/bash", "-c", script], env={"PYTHONPATH": "mine"}, capture_output=True, text=True
    )
    assert said.stdout == f"{folder.code.absolute()}:mine\n"
    assert "srun" not in text


def test_a_kind_of_gpu_and_a_qos_are_asked_for(bench, cluster):
    put_profile(bench, default_resources={"gpu_model": "a100"}, slurm_qos="long")
    sent(bench, pilots=1)
    asked = asked_of_sbatch(cluster, 3)
    assert (asked["gpus-per-node"], asked["qos"]) == ("a100:1", "long")


def test_the_folder_says_what_was_sent(bench, cluster):
    folder = sent(bench, pilots=2, checkpoints="*")
    campaign = folder.read()
    assert [(array.name, array.job, array.n_pilots) for array in campaign.arrays] == [
        ("inputs", "1", 2),
        ("cpu", "2", 2),
        ("gpu", "3", 2),
    ]
    assert (campaign.end.job, campaign.executor, campaign.asked.pilots) == ("4", "slurm", 2)
    shared = [
        target for array in campaign.arrays for n in range(2) for target in folder.targets(array.name, n)
    ]
    assert len(shared) == len(set(shared)) == 12
    held = lock.holder("results")
    assert held and held.campaign == campaign.name


def test_one_pilot_is_a_job_without_an_array(bench, cluster):
    sent(bench, pilots=1)
    assert "array" not in asked_of_sbatch(cluster, 1)


def test_of_a_campaign_that_slurm_refuses_nothing_is_left(bench, cluster):
    refusal = "Job violates accounting/QOS policy"
    script = SBATCH.format(folder=cluster.folder)
    cluster.command(
        "sbatch", f'test -e {cluster.folder}/job.1 && {{ echo "{refusal}" >&2; exit 1; }}\n{script}'
    )
    cancelled = cluster.folder / "cancelled"
    cluster.command("scancel", f'echo "$@" >> {cancelled}')
    with pytest.raises(AssayError, match=f"Slurm refused the array cpu: .*{refusal}"):
        sent(bench)
    expected = r"--name=assay-(\S+)-inputs\n--name=assay-\1-cpu\n--name=assay-\1-gpu\n--name=assay-\1-end\n"
    assert re.fullmatch(expected, cancelled.read_text())
    assert lock.holder("results") is None
    assert list(Path("results/.campaigns").iterdir()) == []


def test_a_plan_that_changes_while_it_is_being_sent_is_not_sent(bench, cluster):
    plan, pilots = bench.plan(), pilots_of(bench)
    bench.configure(options__landscape__resolution=7)
    with pytest.raises(
        AssayError, match=r"config/config.yaml or its sheet changed while the campaign was being sent"
    ):
        send(plan, pilots, closing(pilots, read_profile(), "slurm"), Asked(), executor="slurm")
    assert not (cluster.folder / "job.1").exists()
    assert lock.holder("results") is None


def assert_nothing_is_left_of_an_interrupted_start(bench) -> None:
    pilots = split(bench.plan(), Asked(), executor="local", profile=NONE)
    with pytest.raises(KeyboardInterrupt):
        send(bench.plan(), pilots, closing(pilots, NONE, "local"), Asked(), executor="local")
    assert not processes_in(bench.folder) - {os.getpid()}
    assert lock.holder("results") is None
    assert list(Path("results/.campaigns").iterdir()) == []


def test_a_campaign_here_that_is_interrupted_as_it_is_sent_leaves_no_process_and_no_lock(bench, monkeypatch):
    monkeypatch.chdir(bench.folder)
    wait = subprocess.Popen.wait
    begun: list[int] = []

    def interrupted(process, timeout=None):
        if "submission" in str(process.args) and not begun:
            begun.append(process.pid)
            until(lambda: processes_in(bench.folder) - {os.getpid(), process.pid})
            raise KeyboardInterrupt
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    assert_nothing_is_left_of_an_interrupted_start(bench)
    assert begun


def test_one_that_is_interrupted_before_a_pilot_has_begun_leaves_none_either(bench, monkeypatch):
    monkeypatch.chdir(bench.folder)
    submit = sending._submit_here

    def interrupted(folder):
        submit(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(sending, "_submit_here", interrupted)
    assert_nothing_is_left_of_an_interrupted_start(bench)


def test_a_disk_that_is_full_as_the_code_is_copied_is_named(bench, cluster, monkeypatch):
    def full(source, target, **options):
        raise shutil.Error([("a.py", "b.py", "[Errno 28] No space left on device: 'b.py'")])

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(AssayError, match=r"No space left on device: 'b.py'. Nothing was sent"):
        sent(bench)
    assert lock.holder("results") is None


def test_results_that_cannot_be_written_are_said_and_nothing_is_sent(bench, cluster):
    Path("results").mkdir()
    Path("results/.campaigns").touch()
    with pytest.raises(AssayError, match=r"results/.campaigns.*Nothing was sent"):
        sent(bench)
    assert not (cluster.folder / "job.1").exists()


def test_an_array_beyond_the_cluster_is_found_before(bench, cluster):
    cluster.shows("config", configured(MaxArraySize="2", MaxJobCount="5"))
    site, _ = read_site()
    assert site
    assert list(array_findings(pilots_of(bench, pilots=1), site)) == []
    lines = [finding.line for finding in array_findings(pilots_of(bench, pilots=3), site)]
    assert [re.search(r"got (.*)\. Take fewer --pilots", line)[1] for line in lines] == [
        "MaxArraySize of 2, needed 3",
        "MaxJobCount of 5, needed 8",
    ]


@pytest.fixture
def fed_here(fed, slurm, monkeypatch):
    """The bench whose inputs are made, with a Slurm that takes jobs."""
    monkeypatch.chdir(fed.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(fed.folder / "no_config"))
    fed.configure(device="auto", resources={"evaluation": {"minutes": 20}})
    slurm.command("sbatch", SBATCH.format(folder=slurm.folder))
    put_profile(fed)
    return fed


def test_an_end_takes_no_more_time_than_the_pilots_beside_it(fed_here, slurm):
    sent(fed_here, minutes=40, artifacts=("evaluation",))
    assert [asked_of_sbatch(slurm, job)["time"] for job in (1, 2)] == ["40", "40"]


def test_where_every_pilot_has_a_gpu_the_end_goes_where_the_profile_sends_other_jobs(fed_here, slurm):
    on_gpu = {"landscape": {"slurm_partition": "gpu", "slurm_account": "gpus"}}
    put_profile(fed_here, set_resources=on_gpu, default_resources={"slurm_account": "ids", "runtime": 30})
    folder = sent(fed_here, artifacts=("landscape",))
    pilots, end = (asked_of_sbatch(slurm, job) for job in (1, 2))
    assert (pilots["partition"], pilots["account"], pilots["gpus-per-node"]) == ("gpu", "gpus", "1")
    assert (end["partition"], end["account"], end["time"], end["mem"]) == ("cpu", "ids", "30", "4000M")
    assert "gpus-per-node" not in end
    assert folder.read().end.minutes == 30


def test_an_end_that_its_partition_does_not_take_is_found_before(fed_here, slurm):
    on_gpu = {"landscape": {"slurm_partition": "gpu"}}
    put_profile(fed_here, set_resources=on_gpu)
    slurm.shows("partition", changed("partition", {"cpu": {"MaxTime": "00:20:00"}}))
    pilots = pilots_of(fed_here, artifacts=("landscape",))
    (line,) = [line for line in found(fed_here, pilots) if "the end" in line]
    assert re.match(r"partition cpu: minutes of the end of the campaign: got MaxTime of 20, needed 30", line)
    assert "Change --minutes, or its slurm_partition in slurm/config.yaml" in line


def test_pilots_go_where_the_profile_has_room_for_them(bench, cluster):
    Path("slurm/partitions.yaml").write_text(
        "partitions: {short: {max_runtime: 60}, long: {max_runtime: 2d}, gpu: {max_runtime: 2d, max_gpu: 1}}\n"
    )
    put_profile(bench, slurm_partition_config="partitions.yaml")
    places = {pilots.array.name: pilots.array.partition for pilots in pilots_of(bench, minutes=120)}
    assert places == {"inputs": "long", "cpu": "long", "gpu": "gpu"}


def test_pilots_are_held_against_the_partitions_that_they_go_to(bench, cluster):
    Path("slurm/partitions.yaml").write_text("partitions: {cpu: {max_runtime: 2d}, gone: {max_gpu: 1}}\n")
    put_profile(bench, slurm_partition_config="partitions.yaml")
    lines = [line for line in found(bench, pilots_of(bench, checkpoints="small")) if "partition of" in line]
    assert [line.partition(":")[0] for line in lines] == ["slurm/partitions.yaml"]
    assert "partition of the pilots gpu: got gone" in lines[0]


def test_pilots_without_a_gpu_go_where_gpus_are_if_nowhere_else_is_room(bench, cluster):
    Path("slurm/partitions.yaml").write_text("partitions: {short: {max_runtime: 60}, gpu: {max_gpu: 1}}\n")
    put_profile(bench, slurm_partition_config="partitions.yaml")
    places = {pilots.array.name: pilots.array.partition for pilots in pilots_of(bench, minutes=120)}
    assert places == {"inputs": "gpu", "cpu": "gpu", "gpu": "gpu"}


@pytest.fixture
def launched(tmp_path, monkeypatch) -> CampaignFolder:
    """A campaign whose copied code has a pilot that tells what it is begun with."""
    monkeypatch.chdir(tmp_path)
    folder = CampaignFolder(Path("results/.campaigns/c1"))
    folder.running("cpu", 0).parent.mkdir(parents=True)
    package = folder.code / "assay/cluster/campaign"
    package.mkdir(parents=True)
    for place in (package, package.parent, package.parent.parent):
        (place / "__init__.py").touch()
    for name in ("pilot", "ending"):
        (package / f"{name}.py").write_text(PILOT)
    return folder


def launch(
    folder: CampaignFolder, array: str, pilot: int, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LAUNCH, str(folder.path), array, str(pilot)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_a_job_becomes_the_copied_pilot_with_the_signals_ignored_and_ends_with_its_exit_code(launched):
    done = launch(launched, "cpu", 0)
    argv, *ignored, pid, _, _ = done.stdout.strip().split("|")
    assert argv == "['results/.campaigns/c1', 'cpu', '0']", done.stderr
    assert ignored == ["SIGUSR1", "SIGUSR2", "SIGTERM"]
    assert done.returncode == 7
    owner = Owner.read(launched.running("cpu", 0))
    assert owner and owner.pid == int(pid)


def test_a_pilot_that_starts_again_signs_again(launched):
    first = launch(launched, "cpu", 0).stdout.split("|")[4]
    second = launch(launched, "cpu", 0).stdout.split("|")[4]
    assert first != second
    assert f'"pid": {second}' in launched.running("cpu", 0).read_text()


def test_a_local_pilot_leads_a_session_and_has_a_gpu_of_its_own(launched):
    gpus = Array("gpu", 2, 1, 4, 8000, 240, devices="2,GPU-5e")
    launched.write(Campaign("c1", 0.0, "local", "config.yaml", "", [gpus], Array(END, 1, 0, 1, 4000, 60)))
    submitted = {"SUBMITIT_EXECUTOR": "local", "CUDA_VISIBLE_DEVICES": "0"}
    for pilot, device in enumerate(("2", "GPU-5e")):
        *_, pid, session, gpu = launch(launched, "gpu", pilot, **submitted).stdout.strip().split("|")
        assert (session, gpu) == (pid, device)
    submitted = {"SUBMITIT_EXECUTOR": "slurm", "CUDA_VISIBLE_DEVICES": "0"}
    *_, pid, session, gpu = launch(launched, "gpu", 1, **submitted).stdout.strip().split("|")
    assert session != pid
    assert gpu == "0"


def test_the_end_is_begun_in_the_same_way(launched):
    assert launch(launched, "end", 0).stdout.startswith("['results/.campaigns/c1']|SIGUSR1")
