"""MinJobAge against the pauses between two looks."""

import pytest
from cluster.preflight.fakes import a_profile, a_site

from assay.cluster.preflight.polling import polling_findings


def found(age: str, slurm, *, accounting: bool = True, **profile: object):
    kind = "accounting_storage/slurmdbd" if accounting else "accounting_storage/none"
    return list(polling_findings(a_site(MinJobAge=age, AccountingStorageType=kind), a_profile(**profile)))


@pytest.mark.parametrize("age", ["300 sec", "30 sec", "0 sec"])
def test_an_age_of_three_looks_is_enough_and_zero_means_for_ever(slurm, age):
    assert found(age, slurm) == found(age, slurm, accounting=False) == []


def test_a_shorter_age_is_a_problem_without_accounting_and_says_what_to_set(slurm):
    (problem,) = found("29 sec", slurm, accounting=False)
    assert not problem.is_warning
    assert problem.line == (
        "slurm.conf: MinJobAge: got 29 s, needed 30 s, 3 looks with squeue 10 s apart. Ask the administrator for "
        "MinJobAge=300, or set slurm-init-seconds-before-status-checks: 9 in slurm/config.yaml."
    )


def test_with_accounting_it_is_a_warning(slurm):
    (warning,) = found("29 sec", slurm)
    assert warning.is_warning
    assert "asked of sacct" in warning.line


def test_accounting_without_a_sacct_to_ask_counts_as_none(slurm):
    slurm.without("sacct")
    (problem,) = found("2 sec", slurm)
    assert not problem.is_warning
    assert "slurm-init-seconds" not in problem.line


def test_the_age_follows_the_profiles_pause(slurm):
    (problem,) = found("300 sec", slurm, accounting=False, slurm_init_seconds_before_status_checks=200)
    assert "MinJobAge=600" in problem.line
    assert "slurm-init-seconds-before-status-checks: 100 in" in problem.line


def test_sacct_where_accounting_is_off_is_a_problem(slurm):
    (problem,) = found("3600 sec", slurm, accounting=False, slurm_status_command="sacct")
    assert problem.line.startswith("slurm/config.yaml: slurm-status-command: got sacct, needed squeue")
    assert found("3600 sec", slurm, slurm_status_command="sacct") == []
