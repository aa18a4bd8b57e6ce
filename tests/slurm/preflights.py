"""`assay check --slurm` on a real Slurm."""

import re

from slurm.study import Study


def preflight_of_a_good_cluster(study: Study) -> str:
    run = study.assay("check", "--slurm")
    assert run.code == 0, run.text
    assert re.search(r"^partition cpu: node c[12], Python 3\S+, torch ", run.out, re.MULTILINE), run.text
    assert run.out.endswith("slurm: ok\n"), run.text
    return "ok, a probe answered from a node"


def preflight_of_a_bad_one(study: Study) -> str:
    study.lab.configure(resources__probe__minutes=2000)
    run = study.assay("check", "--slurm")
    assert run.code == 2, run.text
    assert re.search(r"partition cpu: minutes of .*probe.*: got MaxTime of 1440, needed 2000\.", run.err), (
        run.text
    )
    assert re.search(r"MinJobAge: got 5 s, needed \d+ s", run.err), run.text
    return "MaxTime and MinJobAge named, exit 2"
