"""config.yaml and the sheet: what is accepted, and every problem at once."""

from pathlib import Path

import pytest
import yaml

from assay.config import PILOT, read_plan, read_results
from assay.errors import ConfigError

HEADER = "checkpoint\tfamily\tpath\tdata\tteacher\texperts\tartifacts"


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A working folder with one graph data set and two checkpoint files, none of them read here."""
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    for name in ("a.ckpt", "b.ckpt", "graphs.npz", "test.npz"):
        Path("runs", name).write_bytes(b"")
    return tmp_path


def plan(rows=("a\tgat\truns/a.ckpt\tg\t\t\t",), header=HEADER, **keys):
    data = {"g": {"source": "graphs", "path": "runs/graphs.npz", "splits": {"test": "runs/test.npz"}}}
    Path("config.yaml").write_text(yaml.safe_dump({"checkpoints": "sheet.tsv", "data": data, **keys}))
    Path("sheet.tsv").write_text("\n".join([header, *rows]) + "\n")
    return read_plan("config.yaml")


def problems(*args, **kwargs):
    with pytest.raises(ConfigError) as error:
        plan(*args, **kwargs)
    assert error.value.exit_code == 2
    return "\n".join(error.value.problems)


def test_defaults_come_from_the_table_and_the_config_wins_over_them(lab):
    found = plan(options={"embeddings": {"max_samples": 7}}, seed=3)
    assert found.options["embeddings"] == {
        "splits": ("val",),
        "max_samples": 7,
        "batch_size": 256,
        "latent": "mean",
        "pooling": "auto",
        "layer": "auto",
        "seed": 3,
    }
    assert found.rows["a"].line == 2
    assert found.data["g"].splits == ("val", "test")


def test_a_column_overrides_an_option_in_its_row_and_meta_is_kept(lab):
    header = HEADER + "\tcka.max_samples\tmeta.run"
    found = plan(["a\tgat\truns/a.ckpt\tg\t\t\t\t50\tr7"], header)
    assert found.rows["a"].options == {"cka": {"max_samples": 50}}
    assert found.rows["a"].meta == {"run": "r7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("num_heads=12", {"num_heads": 12}),
        ("a=1; b=-2.5 c=True;d=no", {"a": 1, "b": -2.5, "c": True, "d": "no"}),
        ("lr=1e-3 name=vit_b.16", {"lr": 0.001, "name": "vit_b.16"}),
        ("x=1.0 y=nan z=1e999", {"x": 1.0, "y": "nan", "z": "1e999"}),
        (f"n={'9' * 30} m={'9' * 5000}", {"n": 10**30 - 1, "m": "9" * 5000}),
        ("", {}),
    ],
)
def test_hyper_parameters_of_a_row_are_pairs(lab, text, expected):
    found = plan([f"a\tgat\truns/a.ckpt\tg\t\t\t\t{text}"], HEADER + "\thparams")
    assert found.rows["a"].hparams == expected
    assert [type(value) for value in found.rows["a"].hparams.values()] == [type(v) for v in expected.values()]


def test_every_pair_that_is_none_is_reported(lab):
    text = problems(["a\tgat\truns/a.ckpt\tg\t\t\t\tnum_heads 12=3 a= b=1 b=2"], HEADER + "\thparams")
    for word in ("'num_heads' is no pair", "'12=3' is no pair", "'a=' is no pair", "'b' stands there twice"):
        assert f"sheet.tsv:2 hparams: {word}" in text


def test_a_model_folder_is_a_checkpoint_and_another_folder_is_none(lab):
    Path("runs/vit").mkdir()
    row = ["a\tvit\truns/vit\tg\t\t\t"]
    assert "there is no file runs/vit, in " in problems(row)
    Path("runs/vit/config.json").write_text("{}")
    assert "path: " not in problems(row)


def test_crlf_a_bom_and_absent_optional_columns_are_accepted(lab):
    plan()
    Path("sheet.tsv").write_bytes(b"\xef\xbb\xbfcheckpoint\tfamily\tpath\tdata\r\na\tgat\truns/a.ckpt\tg\r\n")
    assert list(read_plan("config.yaml").rows) == ["a"]


def test_every_problem_is_reported_at_once_by_row_and_column(lab):
    text = problems(
        [
            "a\tgat\truns/a.ckpt\tg\tbb\t\t",
            "a\tgta\truns/nope.ckpt\th\t\t\tembedings",
            "../c\tgat\truns/b.ckpt\tg\t\t\t",
            "\tgat\truns/b.ckpt\tg\t\t\t",
        ],
        options={"landscap": {}, "cka": {"max_sample": 3, "batch_size": 0}},
        artifacts={"ckaa": True},
    )
    for expected in (
        "sheet.tsv:2 teacher: 'bb' is not in the sheet",
        "sheet.tsv:3 checkpoint: 'a' stands in row 2 already",
        "sheet.tsv:4 checkpoint: '../c' is no name",
        "sheet.tsv:5 checkpoint: is empty",
        "config.yaml: options: 'landscap' is unknown",
        "config.yaml: options.cka.max_sample is unknown (did you mean 'max_samples'?)",
        "config.yaml: options.cka.batch_size must be at least 1, got 0",
        "config.yaml: artifacts: 'ckaa' is unknown (did you mean 'cka'?)",
    ):
        assert expected in text


def test_unknown_family_data_artifact_and_missing_file_name_what_is_allowed(lab):
    text = problems(["a\tgta\truns/nope.ckpt\th\t\t\tembedings"])
    assert "family: 'gta' is unknown (did you mean 'gat'?). Allowed: gat" in text
    assert "data: 'h' is unknown. Allowed: g" in text
    assert "artifacts: 'embedings' is unknown (did you mean 'embeddings'?)" in text
    assert "path: there is no file runs/nope.ckpt" in text


@pytest.mark.parametrize(
    ("rows", "chain"),
    [
        (["a\tgat\truns/a.ckpt\tg\ta\t\t"], "a -> a"),
        (["a\tgat\truns/a.ckpt\tg\tb\t\t", "b\tgat\truns/b.ckpt\tg\ta\t\t"], "a -> b -> a"),
    ],
)
def test_teachers_in_a_cycle_are_refused(lab, rows, chain):
    assert f"the teachers form a cycle: {chain}" in problems(rows)


def test_unknown_columns_and_options_are_refused_with_what_was_meant(lab):
    text = problems(
        ["a\tgat\truns/a.ckpt\tg\t1\t2"], "checkpoint\tfamily\tpath\tdata\tcka.max_sampels\tteachr"
    )
    assert "'cka.max_sampels': cka has no such option (did you mean 'cka.max_samples'?)" in text
    assert "column 'teachr' is unknown (did you mean 'teacher'?)" in text


def test_a_missing_column_says_that_columns_are_separated_by_tabs(lab):
    assert "column family is missing" in problems(["a gat"], "checkpoint family path data")


def test_a_repeated_key_an_alias_and_broken_yaml_are_refused(lab):
    plan()
    for text, words in (
        ("seed: 1\nseed: 2\n", "key 'seed' occurs twice"),
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: [1\n", "no valid YAML"),
        ("- 1\n", "must hold keys"),
    ):
        Path("config.yaml").write_text(text)
        with pytest.raises(ConfigError, match=words):
            read_plan("config.yaml")


def test_unknown_keys_and_wrong_types_are_refused_by_their_place(lab):
    text = problems(sede=1, device="gpu", resources={"cka": {"gpus": 1}}, seed="7")
    assert "sede is unknown (did you mean 'seed'?)" in text
    assert "device: input should be 'auto', 'cpu' or 'cuda', got 'gpu'" in text
    assert "resources.cka.gpus is unknown (did you mean 'gpu'?)" in text
    assert "seed: input should be a valid integer, got '7'" in text


def test_variables_expand_and_a_missing_one_is_an_error(lab, monkeypatch):
    monkeypatch.setenv("RUNS", "runs")
    assert plan(["a\tgat\t$RUNS/a.ckpt\tg\t\t\t"]).rows["a"].path == "runs/a.ckpt"
    text = problems(["a\tgat\t${NO_SUCH}/a.ckpt\tg\t\t\t"])
    assert "the environment variable NO_SUCH in '${NO_SUCH}/a.ckpt' is not set" in text


def test_a_path_below_results_need_not_exist_and_a_taken_in_checkpoint_neither(lab):
    assert plan(["a\tgat\tresults/demo/a.ckpt\tg\t\t\t"]).rows
    Path("results/a").mkdir(parents=True)
    Path("results/a/intake.json").write_text("{}")
    assert plan(["a\tgat\truns/deleted.ckpt\tg\t\t\t"]).rows


def test_within_a_campaign_files_may_be_gone_and_all_else_is_as_wrong_as_ever(lab, monkeypatch):
    rows = ("a\tgat\truns/a.ckpt\tg\t\t\t", "b\tgat\truns/b.ckpt\tg\t\t\t")
    plan(rows)
    for name in ("b.ckpt", "graphs.npz"):
        Path("runs", name).unlink()
    with pytest.raises(ConfigError, match=r"(?s)runs/graphs.npz.*runs/b.ckpt"):
        read_plan("config.yaml")
    assert list(read_plan("config.yaml", may_lack_files=True).rows) == ["a", "b"]
    monkeypatch.setenv(PILOT, "1")
    assert read_plan("config.yaml").data["g"].paths == ("runs/graphs.npz", "runs/test.npz")
    assert "family: 'gta' is unknown" in problems(["a\tgta\truns/gone.ckpt\tg\t\t\t"])


@pytest.mark.parametrize(("keys", "folder"), [({}, "results"), ({"results": "$PLACE/./here"}, "there/here")])
def test_the_results_are_known_whatever_else_is_wrong(lab, monkeypatch, keys, folder):
    monkeypatch.setenv("PLACE", "there")
    problems(["a\tgta\t\t\t\t\t"], seed="no", **keys)
    assert read_results("config.yaml") == folder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("results: 7\n", "results: expected the path of a folder, got 7"),
        ("results: .\n", "results: '.' is not a folder of its own"),
        ("- results\n", "must hold keys"),
    ],
)
def test_results_that_cannot_be_known_are_refused(lab, text, words):
    Path("config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_results("config.yaml")


def test_a_split_that_the_data_lack_is_refused(lab):
    text = problems(options={"embeddings": {"splits": ["vall"]}})
    assert "embeddings.split(s): 'vall' is unknown (did you mean 'val'?). Allowed: val, test (data g)" in text


def test_a_split_given_twice_or_missing_is_refused(lab):
    base = {"source": "graphs", "path": "runs/graphs.npz"}
    assert "splits.val is given twice" in problems(data={"g": {**base, "splits": {"val": "runs/test.npz"}}})
    assert "path is missing" in problems(data={"g": {"source": "graphs", "splits": {"t": "runs/test.npz"}}})
    assert "data.g.windw is unknown" in problems(data={"g": {**base, "windw": 3}})
    assert "there is no file or folder runs/x.npz" in problems(data={"g": {**base, "path": "runs/x.npz"}})


def test_device_cpu_asks_for_no_gpu_anywhere(lab):
    asked = plan(resources={"cka": {"gpu": 2, "minutes": 5}}, device="cpu").resources["cka"]
    assert (asked["gpu"], asked["minutes"]) == (0, 5)
    assert plan(resources={"cka": {"gpu": 2}}).resources["cka"]["gpu"] == 2


def test_toggles_switch_artifacts_off(lab):
    assert "cka" not in plan(artifacts={"cka": False}).enabled
    assert "embeddings" in plan(artifacts={"cka": False}).enabled


def test_reserved_and_too_long_names_are_refused(lab):
    assert "reserved" in problems(["data\tgat\truns/a.ckpt\tg\t\t\t"])
    assert "is no name" in problems([f"{'x' * 101}\tgat\truns/a.ckpt\tg\t\t\t"])
