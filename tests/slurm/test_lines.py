"""The profile's lines for sbatch are those of lines.txt."""

import re

import pytest
import yaml
from lab import ROOT
from slurm.lines import GOLDEN, lines
from snakemake.resources import ResourceScopes

from assay.catalog import ARTIFACTS

ACCEPT = "python tests/slurm/lines.py > tests/slurm/lines.txt accepts what changed"


@pytest.mark.slow
def test_every_rule_and_group_asks_sbatch_for_what_the_golden_file_says():
    assert "\n".join(lines()) + "\n" == GOLDEN.read_text(), ACCEPT


def test_the_one_gpu_is_of_each_submission_and_not_of_the_whole_run():
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    scopes = ResourceScopes.defaults()
    scopes.update(profile["set-resource-scopes"])
    assert profile["resources"] == {"gpu": 1}
    assert scopes.is_local("gpu")


def test_the_golden_file_has_a_line_for_every_artifact():
    told = set(re.findall(r"\d (\w+)", GOLDEN.read_text()))
    assert set(ARTIFACTS) <= told, ACCEPT
