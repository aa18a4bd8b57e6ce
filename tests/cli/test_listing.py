"""The commands that look: what they print, as text and as JSON, and their exit codes."""

import json
import re
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import yaml
from cli.bench import ALONE, N_MADE, N_NOT, N_OFF
from lab import ROOT, other_checkpoint

from assay import catalog
from assay.cli import COMMANDS, GROUPS
from assay.files import publish_json

ESCAPE = "\x1b"


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPS])
def test_every_command_has_help_with_an_example(bench, command):
    run = bench.assay(command, "--help")
    assert run.code == 0
    assert re.search(rf"Example: assay {command}\b", " ".join(run.out.split()))
    assert run.err == ""


@pytest.mark.parametrize("words", ["check", "list", "why small cka", "verify"])
def test_json_is_one_document_on_stdout(made, words):
    run = made.assay(*words.split(), "--json")
    assert (run.code, run.err) == (0, "")
    assert json.loads(run.out)


@pytest.mark.parametrize(
    "words", ["check", "list", "why small cka", "verify", "schema", "--help", "make --help"]
)
def test_output_holds_no_escape_codes(made, monkeypatch, words):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    run = made.assay(*words.split())
    assert run.code == 0
    assert ESCAPE not in run.text


@pytest.mark.parametrize("words", ["", "frobnicate", "list --frobnicate", "make", "make small", "why small"])
def test_wrong_usage_is_exit_2_without_a_traceback(bench, words):
    run = bench.assay(*words.split())
    assert run.code == 2
    assert "Usage: " in run.text
    assert ESCAPE not in run.text


def test_list_shows_every_pair_and_why_one_does_not_apply(made):
    pairs = json.loads(made.assay("list", "--json").out)
    assert [(p["checkpoint"], p["artifact"]) for p in pairs] == [
        (checkpoint, artifact) for checkpoint in ("big", "small") for artifact in catalog.artifacts()
    ]
    reasons = {(p["checkpoint"], p["artifact"]): p["reasons"] for p in pairs if p["state"] == "n/a"}
    assert Counter(p["state"] for p in pairs) == {"done": N_MADE, "n/a": N_NOT, "off": N_OFF}
    assert reasons["big", "cka"] == ["asks for a teacher, and the row names none"]
    assert reasons["big", "fusion_policy"] == ["asks for decide, which family gat does not answer"]


def counted(lines: list[str]) -> dict[str, dict[str, int]]:
    """The table of counts: artifact -> state -> pairs."""
    words = lines[0].split()
    rows = [line.split() for line in lines[1 : len(catalog.artifacts()) + 2]]
    return {name: dict(zip(words, map(int, counts), strict=True)) for name, *counts in rows}


def test_list_counts_the_states_of_each_artifact_and_of_all(made):
    table = counted(made.assay("list").out.splitlines())
    assert list(table) == [*catalog.artifacts(), "all"]
    assert table["embeddings"] == {"done": 2, "n/a": 0, "off": 0}
    assert table["cka"] == {"done": 1, "n/a": 1, "off": 0}
    assert table["all"] == {"done": N_MADE, "n/a": N_NOT, "off": N_OFF}


def test_list_names_what_is_open_the_most_urgent_first(made):
    made.configure(options__cka__max_samples=9)
    for name in ("big/embeddings.npz", "small/evaluation.json"):
        Path("results", name).unlink()
    publish_json(Path("results/small/records/evaluation.failed.json"), {"error": "it broke"})
    assert made.assay("list").out.splitlines()[len(catalog.artifacts()) + 2 :] == [
        "small evaluation: failed: it broke",
        "small cka: stale: option max_samples: 500 -> 9",
        "big embeddings: missing: results/big/embeddings.npz is gone; its record is there",
    ]


def test_what_the_table_alone_rules_out_is_named_by_list_of_all_only(made):
    why = "fusion_policy: n/a: asks for decide, which family gat does not answer"
    assert "n/a:" not in made.assay("list").out
    assert f"big, small {why}" in made.assay("list", "--all").out.splitlines()


def test_checkpoints_that_share_a_reason_are_one_line_and_many_lines_are_cut(bench):
    for n in range(24):
        bench.add_row(f"c{n}\tgat\truns/big.ckpt\tcan\t")
        bench.replace("runs/broken.ckpt", b"<html>")
        bench.add_row(f"d{n}\tgat\truns/broken.ckpt\tcan\t")
        publish_json(Path(f"results/d{n}/records/embeddings.failed.json"), {"error": f"reason {n}"})
    lines = bench.assay("list").out.splitlines()[len(catalog.artifacts()) + 2 :]
    assert lines[0] == "d0 embeddings: failed: reason 0"
    assert lines[20] == "and 9 more (assay list --all)"
    every = bench.assay("list", "--all").out.splitlines()
    assert "d23 embeddings: failed: reason 23" in every
    assert any(
        line.startswith("big, small, c0, d0, ") and ": missing: not made yet" in line for line in every
    )


def test_list_of_all_prints_a_matrix_its_counts_and_every_reason(made):
    lines = made.assay("list", "--all").out.splitlines()
    assert lines[0].split() == list(catalog.artifacts())
    words = {**dict.fromkeys(catalog.artifacts(), "- n/a"), **dict.fromkeys(ALONE, "+ done"), "record": "off"}
    assert lines[1].split() == ["big", *" ".join(words.values()).split()]
    assert lines[3] == f"{N_MADE} done, {N_NOT} n/a, {N_OFF} off"
    assert lines[4] == "big cka: n/a: asks for a teacher, and the row names none"
    assert "big, small fusion_policy: n/a: asks for decide, which family gat does not answer" in lines


def test_list_under_check_is_exit_4_until_everything_is_done(made):
    assert made.assay("list", "--check").code == 0
    made.configure(options__cka__max_samples=9)
    assert made.assay("list").code == 0
    assert made.assay("list", "--check").code == 4
    made.configure(artifacts__cka=False)
    assert made.assay("list", "--check").code == 0


def test_why_names_what_changed(made):
    made.configure(options__cka__max_samples=9)
    run = made.assay("why", "small", "cka")
    assert run.out == "results/small/cka.json: stale\n  option max_samples: 500 -> 9\n"


def test_show_prints_what_a_file_holds_and_was_made_of(made):
    run = made.assay("show", "results/small/cka.json")
    assert run.code == 0
    assert "results/small/cka.json: Cka\n" in run.out
    assert "teacher: big/intake.json sha256 " in run.out
    assert "warning: CKA of " in run.out
    assert "embeddings: float32 [30, 6]" in made.assay("show", "results/small/embeddings.npz").out


def test_show_of_no_file_of_another_file_and_of_a_damaged_one(made):
    assert "'nope/cka.json' does not exist" in made.assay("show", "nope/cka.json").err
    run = made.assay("show", "sheet.tsv")
    assert (run.code, run.out) == (1, "")
    assert "sheet.tsv: no artifact has a file of that name. Artifacts have: embeddings.npz, " in run.err
    Path("results/small/cka.json").write_text('{"n": 3}')
    run = made.assay("show", "results/small/cka.json")
    assert (run.code, run.out) == (3, "")
    assert run.err.startswith("results/small/cka.json holds no Cka: scores: Field required.")


def test_show_takes_the_file_in_the_folder_that_is_named(made, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert made.assay("show", "-d", str(made.folder), "results/small/cka.json").code == 0


@pytest.mark.parametrize("words", ["-d {} list --check", "list -d {} --check", "list --directory {} --check"])
def test_the_folder_may_be_named_before_and_after_the_command(made, monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    assert made.assay(*words.format(made.folder).split()).code == 0


def test_the_config_may_be_named_before_and_after_the_command(bench):
    other = yaml.safe_load(Path("config/config.yaml").read_text()) | {
        "artifacts": {"cka": False, "record": False}
    }
    Path("other.yaml").write_text(yaml.safe_dump(other))
    expected = f"ok: 2 checkpoints, 1 data, {N_MADE - 1} artifacts\n"
    assert bench.assay("--config", "other.yaml", "check").out == expected
    assert bench.assay("check", "--config", "other.yaml").out == expected


def test_manifest_of_what_is_not_done_is_exit_4_unless_it_may_be_partial(made):
    assert made.assay("manifest").code == 0
    Path("results/small/cka.json").unlink()
    run = made.assay("manifest")
    assert run.code == 4
    assert "small cka: missing: results/small/cka.json is gone; its record is there" in run.err
    assert made.assay("manifest", "--partial").code == 0


def test_verify_is_exit_3_where_a_file_differs_and_where_there_is_no_manifest(made):
    assert made.assay("verify", "results").code == 0
    Path("results/small/cka.json").write_bytes(b"")
    run = made.assay("verify", "--json")
    assert run.code == 3
    (wrong,) = json.loads(run.out)["wrong"]
    assert wrong.startswith("results/small/cka.json: has 0 bytes, the manifest says ")
    run = made.assay("verify", "nowhere")
    assert (run.code, run.out) == (3, "")
    assert "nowhere/manifest.json is missing" in run.err


def test_the_schema_describes_every_key_and_option(bench):
    schema = json.loads(bench.assay("schema").out)
    sections = [schema, *schema["$defs"].values()]
    assert len(sections) == 4
    keys = [key for section in sections for key in section["properties"].values()]
    options = schema["properties"]["options"]["properties"]
    assert options.keys() == catalog.artifacts().keys()
    for name, row in catalog.artifacts().items():
        assert options[name]["properties"].keys() == row.options.keys()
        keys += options[name]["properties"].values()
    branches = schema["$defs"]["DataSection"]["allOf"]
    for branch, (name, source) in zip(branches, catalog.SOURCES.items(), strict=True):
        assert branch["if"]["properties"]["source"] == {"const": name}
        assert branch["then"]["properties"].keys() == source.options.keys()
        keys += branch["then"]["properties"].values()
    assert len(keys) > 30
    assert all(description(key, schema) for key in keys)


def description(key: dict, schema: dict) -> str:
    """Where a key is a section, and says what the section says, pydantic leaves it to the section."""
    section = schema["$defs"].get(key.get("$ref", "").removeprefix("#/$defs/"), {})
    return key.get("description", "") or section.get("description", "")


def test_the_schema_accepts_our_config_and_refuses_a_wrong_one(bench):
    schema = json.loads(bench.assay("schema").out)
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(config, schema)
    wrong = [
        {"sede": 1},
        {"seed": -1},
        {"device": "gpu"},
        {"options": {"ckaa": {}}},
        {"options": {"cka": {"max_samples": 3}}},
        {"artifacts": {"ckaa": True}},
        {"resources": {"cka": {"gpus": 1}}},
        {"data": {"can": {"source": "can_bus", "window": 1}}},
    ]
    for keys in wrong:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(config | keys, schema)


def test_a_replaced_checkpoint_is_stale_until_it_is_made_again(made):
    made.replace("runs/big.ckpt", other_checkpoint(1))
    why = made.assay("why", "small", "cka").out
    assert re.search(r"teacher big: runs/big.ckpt changed, sha256 \w{12} -> \w{12}", why)
