"""A wrong config, sheet or argument is exit 2 and one clear line; nothing is made."""

import dataclasses
import re
from pathlib import Path

import pytest
from cli.bench import CONFIG_FILE, N_MADE

from assay import catalog

SHEETS = {
    "a missing checkpoint name": (
        "\tgat\truns/big.ckpt\tcan\t",
        "sheet.tsv:4 checkpoint: is empty",
    ),
    "a duplicate checkpoint name": (
        "small\tgat\truns/big.ckpt\tcan\t",
        "sheet.tsv:4 checkpoint: 'small' stands in row 3 already",
    ),
    "an unknown family": (
        "x\tgta\truns/big.ckpt\tcan\t",
        "sheet.tsv:4 family: 'gta' is unknown (did you mean 'gat'?). Allowed: gat",
    ),
    "unknown data": (
        "x\tgat\truns/big.ckpt\tcam\t",
        "sheet.tsv:4 data: 'cam' is unknown (did you mean 'can'?). Allowed: can (the config's data)",
    ),
    "an absent teacher": (
        "x\tgat\truns/big.ckpt\tcan\tbigg",
        "sheet.tsv:4 teacher: 'bigg' is not in the sheet (did you mean 'big'?)",
    ),
    "its own teacher": (
        "x\tgat\truns/big.ckpt\tcan\tx",
        "sheet.tsv:4 teacher: the teachers form a cycle: x -> x",
    ),
    "a missing file": (
        "x\tgat\truns/none.ckpt\tcan\t",
        "sheet.tsv:4 path: there is no file runs/none.ckpt, in ",
    ),
    "a folder as file": (
        "x\tgat\truns\tcan\t",
        "sheet.tsv:4 path: there is no file runs, in ",
    ),
    "an unset variable": (
        "x\tgat\t$NO_SUCH/a.ckpt\tcan\t",
        "sheet.tsv:4 path: the environment variable NO_SUCH in '$NO_SUCH/a.ckpt' is not set",
    ),
    "a name of a place in the results": (
        "manifest.json\tgat\truns/big.ckpt\tcan\t",
        "sheet.tsv:4 checkpoint: 'manifest.json' is reserved",
    ),
    "a name that climbs": (
        "../x\tgat\truns/big.ckpt\tcan\t",
        "sheet.tsv:4 checkpoint: '../x' is no name. It begins with a letter or digit",
    ),
    "a cell too many": (
        "x\tgat\truns/big.ckpt\tcan\t\tmore",
        "sheet.tsv:4 has 6 cells, the header has 5",
    ),
}
CONFIGS = {
    "an unknown key": ({"sede": 1}, "sede is unknown (did you mean 'seed'?). Allowed: checkpoints, "),
    "an unknown toggle": (
        {"artifacts__ckaa": False},
        "artifacts: 'ckaa' is unknown (did you mean 'cka'?). Allowed: embeddings, ",
    ),
    "an unknown artifact": (
        {"options__embedding": {}},
        "options: 'embedding' is unknown (did you mean 'embeddings'?)",
    ),
    "an unknown option": (
        {"options__cka__max_sampels": 3},
        "options.cka.max_sampels is unknown (did you mean 'max_samples'?). Allowed: split (val), max_samples (500)",
    ),
    "an option out of bounds": (
        {"options__cka__max_samples": 3},
        "options.cka.max_samples must be at least 4, got 3. It is: ",
    ),
    "an option of another type": (
        {"options__cka__batch_size": "many"},
        "options.cka.batch_size must be a whole number, got 'many'. It is: ",
    ),
    "an unknown source": (
        {"data__can__source": "canbus"},
        "data.can.source 'canbus' is unknown (did you mean 'can_bus'?). Allowed: can_bus, graphs, fusion_states, "
        "network, table, images.",
    ),
    "an option that the source does not take": (
        {"data__can__window": 3},
        "data.can.window is unknown. Allowed: none.",
    ),
    "no folder for the results": ({"results": ""}, "results: '' is not a folder of its own"),
    "the working folder for the results": ({"results": "./"}, "results: './' is not a folder of its own"),
    "a file for the results": ({"results": "sheet.tsv"}, "results: 'sheet.tsv' is a file, allowed: a folder"),
    "a missing sheet": (
        {"checkpoints": "none.tsv"},
        "none.tsv: there is no such sheet. `checkpoints` in the",
    ),
    "a folder as sheet": ({"checkpoints": "runs"}, "runs: cannot be read as text: "),
    "an archive as sheet": ({"checkpoints": "runs/val.npz"}, "runs/val.npz: cannot be read as text: "),
    "a NUL in a path": ({"checkpoints": "a\0b"}, r"'a\x00b' holds a NUL"),
    "no device": ({"device": "gpu"}, "device: input should be 'auto', 'cpu' or 'cuda', got 'gpu'."),
}
ARGUMENTS = {
    "why of an unknown checkpoint": (
        "why smal cka",
        "checkpoint 'smal' is unknown (did you mean 'small'?). Allowed: big, small.",
    ),
    "make of an unknown checkpoint": ("make smal cka", "checkpoint 'smal' is unknown"),
    "intake of an unknown checkpoint": ("intake smal", "checkpoint 'smal' is unknown"),
    "intake of an unknown checkpoint, with a token": (
        "intake smal --token t",
        "checkpoint 'smal' is unknown",
    ),
    "prepare of unknown data": ("prepare cam", "data 'cam' is unknown (did you mean 'can'?). Allowed: can."),
    "why of an unknown artifact": ("why small cak", "artifact 'cak' is unknown (did you mean 'cka'?)"),
    "make of an unknown artifact": ("make small cak", "artifact 'cak' is unknown (did you mean 'cka'?)"),
    "make of one good artifact and an unknown one": (
        "make small embeddings cak",
        "artifact 'cak' is unknown",
    ),
    "make of what does not apply": (
        "make big cka",
        "cka does not apply to big: it asks for a teacher, and the row names none.",
    ),
    "an unknown option": (
        "make small cka --set max_sample=9",
        "--set: cka.max_sample is unknown (did you mean 'max_samples'?). Allowed: split (val), max_samples (500)",
    ),
    "an option without a value": (
        "make small cka --set max_samples",
        "--set: cka.max_samples must be a whole number, got ''. It is: samples drawn",
    ),
    "an output for two artifacts": (
        "make small cka evaluation --output a.json",
        "--output takes one artifact, got 2: cka, evaluation.",
    ),
    "an output of another format": (
        "make small cka --output a.npz",
        "--output 'a.npz': cka is written as .json.",
    ),
    "a folder that does not exist": (
        "list --directory nowhere",
        "--directory nowhere: No such file or directory.",
    ),
    "a config that does not exist": (
        "check --config none.yaml",
        "none.yaml: there is no such file, in ",
    ),
}


def assert_refused(run, bench, expected: str) -> None:
    """One line that says it, on stderr alone; nothing was made."""
    assert run.code == 2, run.text
    assert run.out == ""
    assert expected in run.err
    assert run.err.count("\n") == 1
    assert not (bench.folder / "results").exists()


@pytest.mark.parametrize(("line", "expected"), SHEETS.values(), ids=SHEETS)
def test_a_wrong_row_is_one_line_with_its_number_and_column(bench, line, expected):
    bench.add_row(line)
    assert_refused(bench.assay("make", "small", "cka"), bench, expected)


@pytest.mark.parametrize(("keys", "expected"), CONFIGS.values(), ids=CONFIGS)
def test_a_wrong_key_is_one_line_with_its_place(bench, keys, expected):
    bench.configure(**keys)
    assert_refused(bench.assay("make", "small", "cka"), bench, expected)


@pytest.mark.parametrize(("words", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_wrong_argument_is_one_line(bench, words, expected):
    assert_refused(bench.assay(*words.split()), bench, expected)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("teachr", "sheet.tsv:1 column 'teachr' is unknown (did you mean 'teacher'?). Allowed: checkpoint, "),
        ("cka.max_sampels", "sheet.tsv:1 column 'cka.max_sampels': cka has no such option (did you mean "),
        ("caka.split", "sheet.tsv:1 column 'caka.split' is unknown (did you mean 'cka.split'?)"),
        ("path", "sheet.tsv:1 column path occurs 2 times"),
    ],
)
def test_a_wrong_column_is_one_line(bench, column, expected):
    rows = Path("sheet.tsv").read_text().splitlines()
    Path("sheet.tsv").write_text("\n".join([f"{rows[0]}\t{column}", *rows[1:]]))
    assert_refused(bench.assay("check"), bench, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "sheet.tsv: is empty. Its first line names the columns: checkpoint, family"),
        ("checkpoint,family,path,data\n", "column checkpoint is missing. Got: checkpoint,family,path,data."),
        (f"checkpoint\tfamily\tpath\tdata\n{'x' * 200_000}\n", "sheet.tsv:2 cannot be read: field larger"),
    ],
    ids=["empty", "commas", "one huge cell"],
)
def test_a_file_that_is_no_sheet_is_refused(bench, text, expected):
    Path("sheet.tsv").write_text(text)
    run = bench.assay("check")
    assert (run.code, run.out) == (2, "")
    assert expected in run.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must hold keys such as checkpoints and data, got NoneType"),
        ("- 1\n", "must hold keys such as checkpoints and data, got list"),
        ("seed: 1\nseed: 2\n", "is no valid YAML: key 'seed' occurs twice"),
        ("? [seed]\n: 1\n", "is no valid YAML: a key is no text"),
        ("? {seed: 1}\n: 1\n", "is no valid YAML: a key is no text"),
        (
            "seed: !!python/object/apply:os.system [ls]\n",
            "is no valid YAML: could not determine a constructor",
        ),
        ("a: &a [1]\nb: *a\n", "holds a YAML alias (*name): write the value out."),
        ("[" * 10_000, "is no valid YAML: "),
    ],
)
def test_a_file_that_is_no_config_is_refused(bench, text, expected):
    Path(CONFIG_FILE).write_text(text)
    assert_refused(bench.assay("list"), bench, f"{CONFIG_FILE}: {expected}")


def test_a_cycle_of_three_is_shown_whole(bench):
    sheet = Path("sheet.tsv").read_text().replace("big.ckpt\tcan\t", "big.ckpt\tcan\tthird")
    Path("sheet.tsv").write_text(sheet + "third\tgat\truns/big.ckpt\tcan\tsmall\n")
    run = bench.assay("check")
    assert run.code == 2
    assert "sheet.tsv:2 teacher: the teachers form a cycle: big -> third -> small -> big" in run.err


def test_a_teacher_that_answers_no_layers_is_named_with_what_it_lacks(bench, monkeypatch):
    gat = catalog.FAMILIES["gat"]
    mute = dataclasses.replace(gat, answers=gat.answers - {"layers"})
    monkeypatch.setattr(catalog, "families", lambda: {"gat": gat, "mute": mute})
    sheet = Path("sheet.tsv").read_text()
    Path("sheet.tsv").write_text(sheet.replace("big\tgat", "big\tmute"))
    expected = "sheet.tsv:3 teacher: 'big' (family mute) answers no layers, which cka asks"
    assert_refused(bench.assay("check"), bench, expected)


def test_every_problem_of_config_and_sheet_is_said_in_one_go(bench):
    bench.configure(seed=-1)
    assert bench.assay("check").err.count("\n") == 1
    bench.configure(seed=1, options__cka__batch_size=0, artifacts={"ckaa": True})
    bench.add_row("x\tgta\truns/none.ckpt\tcam\tbigg")
    run = bench.assay("check")
    assert run.code == 2
    assert run.err.count("\n") == 6
    assert len(re.findall(r"^sheet.tsv:4 ", run.err, re.MULTILINE)) == 4


@pytest.mark.parametrize("file", ["sheet.tsv", CONFIG_FILE])
def test_crlf_and_a_byte_order_mark_are_accepted(bench, file):
    content = Path(file).read_bytes().replace(b"\n", b"\r\n")
    Path(file).write_bytes(b"\xef\xbb\xbf" + content)
    run = bench.assay("check")
    assert (run.code, run.err) == (0, "")
    assert run.out == f"ok: 2 checkpoints, 1 data, {N_MADE} artifacts\n"


def test_a_results_folder_is_the_same_however_it_is_written(bench):
    bench.configure(results="./out//x/")
    assert bench.plan().results == "out/x"
