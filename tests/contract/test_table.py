"""The rows of the table agree with each other, with the workflow and with the profiles."""

import re
from collections import Counter

import pytest
import yaml
from contract.examples import CHECKPOINTS, DATA
from lab import ROOT

from assay import catalog
from assay.datasets import DataSection
from assay.options import cast
from assay.protocols import CAPABILITIES

OPTIONS = {
    f"{name}.{option}": entry
    for rows in (catalog.artifacts(), catalog.SOURCES)
    for name, row in rows.items()
    for option, entry in row.options.items()
}
OWN_FILES = (
    "intake.json",
    "training.json",
    "run.json",
    "weights.safetensors",
    "hparams.json",
    "analysis_manifest.json",
)
PROOFS = {  # option of which no byte depends -> the test that says so
    "images.num_workers": "data/test_images.py::test_worker_processes_change_nothing",
}
OWN_RULES = r"all|intake|training|manifest|(data|demo|figure)(_.*)?"


def test_every_family_and_every_kind_of_batch_has_an_example():
    assert set(CHECKPOINTS) == set(catalog.FAMILIES)
    taken = {row.batches for row in catalog.FAMILIES.values()}
    assert taken == set(catalog.READERS)
    assert set(DATA) == taken - catalog.MAKERS.keys()
    assert set(catalog.MAKERS.values()) <= catalog.ARTIFACTS.keys()


@pytest.mark.parametrize("family", catalog.families())
def test_a_family_answers_what_an_artifact_can_ask(family):
    assert catalog.families()[family].answers <= CAPABILITIES.keys()
    assert catalog.families()[family].batches in {row.batches for row in catalog.SOURCES.values()}


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_an_artifact_asks_for_what_there_is_and_some_family_answers_it(artifact):
    row = catalog.artifacts()[artifact]
    assert row.asks <= CAPABILITIES.keys()
    for asks in row.partners.values():
        assert asks <= CAPABILITIES.keys()
        assert any(asks <= family.answers for family in catalog.families().values())
    assert any(row.asks <= family.answers for family in catalog.families().values())


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_what_an_artifact_asks_of_data_some_source_may_hold_under_options_that_it_has(artifact):
    row = catalog.artifacts()[artifact]
    for name, under in row.asks_data.items():
        assert any(name in source.holds | source.may_hold for source in catalog.SOURCES.values())
        for option, value in under.items():
            assert cast(row.options[option], value) == value


@pytest.mark.parametrize("source", catalog.SOURCES.values(), ids=catalog.SOURCES)
def test_what_a_source_always_holds_it_cannot_lack(source):
    assert not source.holds & source.may_hold


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_the_name_of_an_artifact_is_no_rule_of_its_own(artifact):
    assert re.fullmatch(r"[a-z][a-z_]*", artifact)
    assert not re.fullmatch(OWN_RULES, artifact)


def test_no_two_artifacts_share_a_file_nor_take_one_of_ours():
    files = Counter(file for row in catalog.artifacts().values() for file in (row.file, *row.also))
    assert set(files.values()) == {1}
    assert not files.keys() & set(OWN_FILES)
    assert not [file for file in files if file.startswith(("/", "records/", ".")) or ".." in file]


@pytest.mark.parametrize("name", OPTIONS)
def test_the_default_of_an_option_is_a_value_that_it_allows(name):
    option = OPTIONS[name]
    value = cast(option, option.default)
    assert (value, type(value)) == (option.default, type(option.default))
    assert option.help


def test_an_option_that_costs_only_has_a_test_that_no_byte_depends_on_it():
    assert PROOFS.keys() == {name for name, option in OPTIONS.items() if option.costs_only}
    for proof in PROOFS.values():
        file, _, test = proof.partition("::")
        assert f"def {test}(" in (ROOT / "tests" / file).read_text()


def test_the_config_names_every_source():
    help_text = DataSection.model_fields["source"].description or ""
    assert set(re.findall(r"\w+", help_text)) >= set(catalog.SOURCES)


def test_the_slurm_profile_groups_every_light_artifact_and_the_intakes_apart_from_them():
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    light = {name for name, row in catalog.ARTIFACTS.items() if row.gpu == 0}
    figures = {f"figure_{name}" for name, row in catalog.ARTIFACTS.items() if row.figure}
    assert profile["groups"].keys() == {"intake", "training", *light, *figures}
    assert profile["groups"]["training"] == "light"
    assert {profile["groups"][name] for name in light} == {"light"}
    assert {profile["groups"][name] for name in figures} == {"figures"}
    assert set(profile["groups"].values()) == profile["group-components"].keys()
