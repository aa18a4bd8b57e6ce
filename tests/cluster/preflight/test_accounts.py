"""Accounts, QOS and limits of this user, where the cluster enforces them."""

import pytest
from cluster.preflight.fakes import a_profile, a_site

from assay.cluster.preflight.accounts import account_findings
from assay.cluster.preflight.asks import Ask

CKA = Ask("cka", minutes=60, mem_mb=4000, settings="resources.cka in the config")
ASSOCIATIONS = "bio|normal,long|100|\nchem|normal||02:00:00\n"


def found(ask: Ask, enforced: str = "associations,limits,qos"):
    return list(account_findings([ask], a_site(AccountingStorageEnforce=enforced), a_profile(jobs=150)))


def of(**keys: object) -> Ask:
    return Ask(**{name: getattr(CKA, name) for name in Ask.__slots__} | keys)


@pytest.fixture(autouse=True)
def associations(slurm):
    slurm.prints("sacctmgr", ASSOCIATIONS)


def test_what_is_not_enforced_is_not_asked():
    assert found(of(account="physics"), enforced="none") == []


def test_an_account_that_is_not_ours_is_a_problem_that_names_ours():
    (problem,) = found(of(account="physics"))
    assert problem.line == (
        "slurm/config.yaml: slurm_account: got physics, needed an account of yours. Set slurm_account in "
        "default-resources there. Yours: bio, chem."
    )


def test_no_account_is_enough_where_we_have_one_and_a_problem_where_we_have_none(slurm):
    assert found(CKA) == []
    slurm.prints("sacctmgr", "\n")
    (problem,) = found(CKA)
    assert "slurm_account: got none" in problem.line
    assert "ask the administrator" in problem.line


def test_a_qos_that_no_account_of_ours_has_is_a_problem():
    assert found(of(account="bio", qos="long"), enforced="associations") == []
    (problem,) = found(of(account="chem", qos="long"), enforced="associations")
    assert "QOS: got long, needed one of normal" in problem.line


def test_limits_of_an_account_hold_jobs_and_minutes():
    whats = [(one.what, one.got, one.needed) for one in found(of(account="bio", minutes=500))]
    assert whats == [("jobs at a time", "MaxSubmitJobs of 100", "150")]
    whats = [(one.what, one.got, one.needed) for one in found(of(account="chem", minutes=121))]
    assert whats == [("time limit of cka", "MaxWall of 120 minutes", "121 minutes")]
    assert found(of(account="chem", minutes=121), enforced="associations") == []


@pytest.mark.parametrize("missing", [True, False])
def test_what_cannot_be_asked_is_a_warning(slurm, missing):
    if missing:
        slurm.without("sacctmgr")
    else:
        slurm.prints(
            "sacctmgr", "", code=1, error="You are not running a supported accounting_storage plugin"
        )
    (warning,) = found(of(account="bio"))
    assert warning.is_warning
    assert ("No such file" if missing else "not running a supported") in warning.line
