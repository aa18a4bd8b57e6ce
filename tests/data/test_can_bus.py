"""Logs to prepared graphs: the published reference, the split, the vocabulary's scope and the scaler."""

from pathlib import Path

import numpy as np
import pytest
from data.can_files import OPTIONS, traffic, write_csv

from assay.data.can_bus import prepare
from assay.errors import AssayError, Refused

REFERENCE = Path(__file__).parents[1] / "reference" / "can"
TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def published():
    with np.load(REFERENCE / "graphs_w100_s100.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def prepared():
    raw = REFERENCE / "raw"
    files = {"train": sorted(raw.glob("train_*/*.csv")), "test": sorted(raw.glob("test_01/*.csv"))}
    options = {"window": 100, "stride": 100, "vocab_scope": "train", "val_fraction": 0.2}
    return prepare(files, **options, scaler="z_benign", sequence_length=1, sequence_stride=1)


def test_split_sizes_and_number_of_ids_equal_the_published(prepared, published):
    sizes = {split: len(graphs) for split, graphs in prepared.splits.items()}
    assert sizes == {split: int(published[f"{split}_n"]) for split in ("train", "val", "test")}
    assert prepared.facts["num_ids"] == published["num_ids"]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_graphs_equal_the_published_after_scaling(prepared, published, split):
    graphs = prepared.splits[split]
    for number in range(int(published[f"{split}_n"])):
        theirs = {
            key: published[f"{split}_{number}_{key}"]
            for key in ("x", "edge_index", "edge_attr", "node_id", "y", "attack_type", "graph_wid")
        }
        ours = graphs.select(np.flatnonzero(graphs.graph_wid == theirs["graph_wid"]))
        by_id = np.argsort(theirs["node_id"])
        np.testing.assert_array_equal(ours.node_id, theirs["node_id"][by_id])
        np.testing.assert_allclose(ours.x, theirs["x"][by_id], atol=TOLERANCE, rtol=0)
        assert (ours.y[0], ours.attack_type[0]) == (theirs["y"][0], theirs["attack_type"][0])
        np.testing.assert_allclose(
            edge_rows(ours.node_id[ours.edge_index], ours.edge_attr),
            edge_rows(theirs["node_id"][theirs["edge_index"]], theirs["edge_attr"]),
            atol=TOLERANCE,
            rtol=0,
        )


def edge_rows(ids, edge_attr):
    """Edges in an order that only their content decides."""
    rows = np.concatenate([ids.T, edge_attr], axis=1)
    keys = np.round(rows[:, [0, 1, *range(3, 13), 2]], 4)
    return rows[np.lexsort(keys.T[::-1])]


@pytest.mark.parametrize("part", ["x", "edge_attr"])
def test_the_scaler_equals_the_published(prepared, published, part):
    ours = prepared.facts["scaler"][part]
    np.testing.assert_allclose(ours["center"], published[f"scaler_{part}_mean"], atol=TOLERANCE)
    np.testing.assert_allclose(ours["scale"], published[f"scaler_{part}_std"], atol=TOLERANCE)
    assert ours["only_centred"] == []


def test_graphs_are_in_the_order_of_time(prepared):
    for graphs in prepared.splits.values():
        assert (np.diff(graphs.graph_wid) == 100).all()
        assert (np.diff(graphs.time) > 0).all()


def test_a_record_id_names_the_line_of_the_first_message(prepared):
    record = str(prepared.splits["test"].record_id[2])
    assert record == "test_01/fuzzing_x.csv:202"
    line = (REFERENCE / "raw" / "test_01" / "fuzzing_x.csv").read_text().splitlines()[201]
    assert float(line.split(",")[0]) == prepared.splits["test"].time[2]


def log(tmp_path, n, name="logs/normal.csv", **traffic_options):
    return write_csv(tmp_path / name, traffic(0, n, **traffic_options))


@pytest.mark.parametrize(
    ("window", "stride", "n_rows", "train", "val"),
    [
        (10, 10, 100, range(8), range(8, 10)),
        (10, 25, 110, range(4), range(4, 5)),
        (10, 5, 105, range(15), range(16, 20)),  # gap 1
        (10, 3, 67, range(13), range(16, 20)),  # gap 3
    ],
)
def test_val_is_the_end_and_no_message_is_in_both_sides(tmp_path, window, stride, n_rows, train, val):
    options = OPTIONS | {"window": window, "stride": stride}
    splits = prepare({"train": [log(tmp_path, n_rows)]}, **options).splits
    assert splits["train"].graph_wid.tolist() == [stride * k for k in train]
    assert splits["val"].graph_wid.tolist() == [stride * k for k in val]
    assert splits["train"].graph_wid[-1] + window <= splits["val"].graph_wid[0]


def test_without_val_fraction_all_windows_are_train(tmp_path):
    prepared = prepare({"train": [log(tmp_path, 105)]}, **OPTIONS | {"val_fraction": 0.0, "stride": 5})
    assert list(prepared.splits) == ["train"]
    assert len(prepared.splits["train"]) == 20


def test_too_few_windows_for_val_are_refused(tmp_path):
    with pytest.raises(Refused, match=r"has 4 windows: val_fraction 0.2 leaves 4 for train and 0 for val"):
        prepare({"train": [log(tmp_path, 40)]}, **OPTIONS)


def test_a_split_without_a_full_window_is_refused(tmp_path):
    files = {"train": [log(tmp_path, 100)], "test": [log(tmp_path, 9, "test/benign.csv")]}
    with pytest.raises(Refused, match=r"split test has 9 messages in 1 logs \(test/benign.csv first\).* 10"):
        prepare(files, **OPTIONS)


def test_a_split_without_logs_is_refused(tmp_path):
    with pytest.raises(Refused, match="split test has no log"):
        prepare({"train": [log(tmp_path, 100)], "test": []}, **OPTIONS)


def test_a_file_of_another_suffix_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(Refused, match=r"a.txt is no CAN log; allowed: .csv, .log, .asc, .blf"):
        prepare({"train": [tmp_path / "a.txt"]}, **OPTIONS)


@pytest.mark.parametrize("splits", [("test",), ("train", "val")])
def test_only_train_and_test_splits_have_logs(tmp_path, splits):
    path = log(tmp_path, 100)
    with pytest.raises(AssayError, match="allowed: train, and test splits; not val"):
        prepare({split: [path] for split in splits}, **OPTIONS)


def test_ids_of_a_test_split_are_unknown_or_known_by_scope(tmp_path):
    files = {
        "train": [log(tmp_path, 100, ids=("0A0", "1E5"))],
        "test": [log(tmp_path, 100, "test/benign.csv", ids=("0A0", "FFF", "EEE"))],
    }
    by_train = prepare(files, **OPTIONS)
    assert by_train.facts["num_ids"] == 3
    assert set(by_train.splits["test"].node_id) == {0, 1}  # FFF and EEE are one node
    assert by_train.facts["unknown_messages"]["test"] > 0 == by_train.facts["unknown_messages"]["train"]
    by_all = prepare(files, **OPTIONS | {"vocab_scope": "all"})
    assert by_all.facts["vocabulary"]["entries"] == {"0A0": 1, "1E5": 2, "EEE": 3, "FFF": 4}
    assert set(by_all.splits["test"].node_id) == {1, 3, 4}


def test_the_scaler_is_fitted_on_benign_training_graphs_only(tmp_path):
    train = [log(tmp_path, 300, attacks=0.05)]
    raw = prepare({"train": train}, **OPTIONS).splits
    assert 0 < raw["train"].y.mean() < 1
    scaled = prepare({"train": train}, **OPTIONS | {"scaler": "z_benign"}).splits
    nodes = np.repeat(raw["train"].y, np.diff(raw["train"].node_ptr)) == 0
    mean, std = raw["train"].x[nodes].mean(axis=0), raw["train"].x[nodes].std(axis=0)
    varies = std > 0
    for split in ("train", "val"):
        expected = (raw[split].x - mean)[:, varies] / std[varies]
        np.testing.assert_allclose(scaled[split].x[:, varies], expected, atol=1e-3)


def test_training_logs_without_a_benign_graph_are_refused_unless_nothing_is_fitted(tmp_path):
    files = {"train": [log(tmp_path, 100, attacks=1.0)]}
    with pytest.raises(Refused, match=r"split train: all 8 graphs are attacks, so scaler z_benign"):
        prepare(files, **OPTIONS | {"scaler": "z_benign"})
    assert prepare(files, **OPTIONS).splits["train"].y.all()


def test_one_class_and_overlapping_clocks_are_warnings(tmp_path):
    files = [log(tmp_path, 100, f"logs/{name}.csv", start=start) for name, start in (("a", 0.0), ("b", 0.2))]
    warnings = prepare({"train": files}, **OPTIONS).facts["warnings"]
    assert warnings[0] == (
        "split train: the clocks of logs/b.csv and logs/a.csv overlap; their messages are interleaved by time"
    )
    assert warnings[1:] == [
        "split train: all 16 samples have label 0",
        "split val: all 4 samples have label 0",
    ]


def test_logs_one_after_the_other_give_no_warning_of_overlap(tmp_path):
    files = [log(tmp_path, 100, f"logs/{name}.csv", start=start) for name, start in (("b", 0.0), ("a", 99.0))]
    prepared = prepare({"train": files}, **OPTIONS)
    assert not any("overlap" in text for text in prepared.facts["warnings"])
    assert prepared.splits["train"].record_id[0] == "logs/b.csv:2"


def test_equal_timestamps_keep_the_order_of_files_and_rows(tmp_path):
    rows = [(1.0, name, b"", 0) for name in ("A", "B", "A", "B", "B")]
    files = [write_csv(tmp_path / "logs" / name, rows) for name in ("1.csv", "2.csv")]
    graphs = prepare({"train": files}, **OPTIONS | {"val_fraction": 0.0}).splits["train"]
    nodes = graphs.edge_index[0].tolist()
    assert nodes == [1, 0, 1, 1, 0, 1, 0, 1, 1]  # of messages 1 .. 9
    assert graphs.record_id[0] == "logs/1.csv:2"


def test_facts_are_json_and_name_the_attacks(prepared):
    import json

    facts = json.loads(json.dumps(prepared.facts, allow_nan=False))
    assert facts == prepared.facts
    assert facts["attack_names"]["1"] == "dos"
    assert facts["attack_names"]["2"] == "fuzzing"
    assert facts["attack_names"]["3"] == "gear"
    assert facts["attack_names"]["0"] == "benign"
    assert len(facts["attack_names"]) == 18


def test_sequences_never_cross_from_train_to_val(tmp_path):
    options = OPTIONS | {"window": 10, "stride": 10, "val_fraction": 0.4}
    files = {"train": [log(tmp_path, 200)]}
    alone = prepare(files, **options).splits
    split = prepare(files, **options | {"sequence_length": 3, "sequence_stride": 2}).splits
    assert len(split["val"]) == len(alone["val"]) - 4
    assert len(split["train"]) == len(alone["train"]) - 4 - 4  # windows between the two are left out
    assert split["train"].graph_wid.max() + 4 * 10 < alone["val"].graph_wid.min()
    assert set(split["val"].node_sequence_step) == {0, 1, 2}
