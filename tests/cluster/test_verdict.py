"""What becomes of a Slurm job: every state that Slurm knows, and what lasts too long."""

import pytest

from assay.cluster.verdict import DONE, GOES_ON, PATIENCE_SECONDS, Judge
from assay.cluster.watch import Look, Standing

RUNS = ("CONFIGURING", "COMPLETING", "PENDING", "RUNNING", "REQUEUED", "RESIZING", "STAGE_OUT", "SUSPENDED")


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


def looked(state="", reason="", answered=True):
    return Look({"7": Standing(state, reason)} if state else {}, answered)


def nothing():
    """A second look at a job that squeue has forgotten."""


def judged(state, reason="None", log="", seconds=(0.0,), again=None):
    """The last verdict of looks at these times; `again` is what a second look says."""
    clock = Clock()
    judge = Judge(clock)
    for clock.seconds in seconds:
        verdict = judge.verdict("7", looked(state, reason), lambda: log, lambda: again)
    return verdict


@pytest.mark.parametrize("state", RUNS)
def test_a_job_that_waits_or_runs_goes_on_however_long_it_takes(state):
    assert judged(state, "Resources", seconds=(0, 1e6)) == GOES_ON


def test_a_completed_job_is_done():
    assert judged("COMPLETED") == DONE


@pytest.mark.parametrize("state", ["FAILED", "BOOT_FAIL", "DEADLINE", "REVOKED"])
def test_a_failed_job_may_be_tried_again_with_what_it_had(state):
    verdict = judged(state)
    assert (verdict.ended, verdict.lacks, verdict.may_retry) == (True, None, True)
    assert state in verdict.why


@pytest.mark.parametrize(
    ("state", "log"),
    [
        ("OUT_OF_MEMORY", ""),
        ("FAILED", "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0"),
        ("FAILED", "slurmstepd: error: Step 7.0 exceeded memory limit (1229 > 1200), being killed"),
        ("CANCELLED", "slurmstepd: error: Exceeded job memory limit"),
    ],
)
def test_a_lack_of_memory_is_known_by_the_state_or_by_the_log(state, log):
    verdict = judged(state, log=log)
    assert (verdict.lacks, verdict.may_retry) == ("mem_mb", True)


def test_a_lack_of_gpu_memory_is_none_of_the_job():
    assert judged("FAILED", log="torch.OutOfMemoryError: CUDA out of memory").lacks is None


def test_a_job_out_of_time_lacks_minutes():
    assert judged("TIMEOUT").lacks == "runtime"


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT"])
def test_a_job_that_ended_while_it_was_preempted_is_requeued_with_what_it_had(state):
    verdict = judged(state, again=Standing(state, preempted=True))
    assert (verdict.ended, verdict.to_requeue, verdict.lacks, verdict.may_retry) == (True, True, None, True)
    assert state in verdict.why


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT"])
def test_a_job_that_was_not_preempted_is_not_requeued(state):
    assert not judged(state, again=Standing(state)).to_requeue
    assert judged(state, again=Standing(state)) == judged(state)


def test_a_job_that_was_preempted_and_cancelled_or_out_of_memory_is_not_requeued():
    preempted = Standing("CANCELLED", preempted=True)
    assert not judged("CANCELLED", again=preempted).may_retry
    assert not judged("CANCELLED", again=preempted).to_requeue
    assert judged("FAILED", log="oom-kill", again=Standing("FAILED", preempted=True)).lacks == "mem_mb"


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETING", "COMPLETED"])
def test_a_job_that_was_requeued_goes_on_though_accounting_tells_of_its_last_end(state):
    assert judged("FAILED", again=Standing(state)) == GOES_ON


def test_what_a_person_cancelled_is_not_tried_again():
    verdict = judged("CANCELLED")
    assert (verdict.ended, verdict.may_retry) == (True, False)
    assert "scancel" in verdict.why


@pytest.mark.parametrize("state", ["PREEMPTED", "NODE_FAIL"])
def test_slurm_is_given_time_to_requeue(state):
    assert judged(state, seconds=(0, PATIENCE_SECONDS - 1)) == GOES_ON
    assert judged(state, seconds=(0, PATIENCE_SECONDS)).may_retry
    assert judged(state, seconds=(0, PATIENCE_SECONDS)).ended


def test_a_second_preemption_has_its_own_time():
    clock = Clock()
    judge = Judge(clock)
    for seconds, state in ((0, "PREEMPTED"), (30, "RUNNING"), (100, "PREEMPTED")):
        clock.seconds = seconds
        assert judge.verdict("7", looked(state), str, nothing) == GOES_ON


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionTimeLimit",
        "PartitionConfig",
        "BadConstraints",
        "AccountNotAllowed",
        "InvalidQOS",
        "QOSMaxWallDurationPerJobLimit",
        "AssocMaxMemPerJob",
        "JobHoldMaxRequeue",
        "DependencyNeverSatisfied",
    ],
)
def test_a_job_that_can_never_start_is_cancelled_with_slurms_reason(reason):
    assert judged("PENDING", reason, seconds=(0, PATIENCE_SECONDS - 1)) == GOES_ON
    verdict = judged("PENDING", reason, seconds=(0, PATIENCE_SECONDS))
    assert (verdict.ended, verdict.may_retry, verdict.to_cancel) == (True, False, True)
    assert reason in verdict.why


@pytest.mark.parametrize(
    "reason", ["Priority", "QOSMaxJobsPerUserLimit", "ReqNodeNotAvail", "BeginTime", "JobHeldUser"]
)
def test_a_job_that_may_start_one_day_goes_on(reason):
    assert judged("PENDING", reason, seconds=(0, 1e6)) == GOES_ON


def test_a_job_that_nobody_knows_is_given_up_only_where_squeue_answered():
    clock = Clock()
    judge = Judge(clock)
    for clock.seconds in (0, 1e6):
        assert judge.verdict("7", looked(answered=False), str, nothing) == GOES_ON
    assert judge.verdict("7", looked(), str, nothing) == GOES_ON
    clock.seconds += PATIENCE_SECONDS
    verdict = judge.verdict("7", looked(), str, nothing)
    assert (verdict.ended, verdict.may_retry) == (True, True)
