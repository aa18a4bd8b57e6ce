"""Everything that the published guide to vision artifacts promises, through the command, each with what it changes."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from cli.bench import CONFIG_FILE, Bench
from contract.examples import save_cnn, save_vit
from data.image_files import noise, save, table

from assay import plan
from assay.catalog import ARTIFACTS
from assay.data import image_reading
from assay.families.vit import VitSubject
from assay.store.artifacts import load_artifact

KINDS = ("embeddings", "gradcam", "attention_maps")
N_VAL, N_TEST = 20, 18  # more than a worker is handed at a time
CLASSES = ("cat", "cow", "dog")
CONFIG = {
    "checkpoints": "sheet.tsv",
    "device": "cpu",
    "artifacts": {name: False for name in ARTIFACTS if name not in KINDS},
    "data": {"pets": {"source": "images", "path": "runs/pets", "splits": {"test": "runs/pets"}}},
    "options": {"gradcam": {"max_records": N_VAL}, "attention_maps": {"max_records": N_VAL}},
}
SHEET = """checkpoint\tfamily\tpath\tdata
v\tvit\truns/v.pt\tpets
v_other\tvit\truns/v_other.pt\tpets
c\tcnn\truns/c.pt\tpets
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Bench:
    """Images of two splits, three checkpoints, and the artifacts of the first; not to be changed."""
    bench = Bench(tmp_path_factory.mktemp("guide") / "bench")
    (bench.folder / "config").mkdir(parents=True)
    pets = bench.folder / "runs" / "pets"
    rows = []
    for i in range(N_VAL + N_TEST):
        split = "val" if i < N_VAL else "test"
        save(pets / f"{i:02}.png", noise(16, 16, seed=i))
        rows.append(f"{i:02}.png,{split} {i},{CLASSES[i % 3]},{split}")
    table(pets, "file,record_id,label,split", *rows)
    save_vit(bench.folder / "runs" / "v.pt", seed=1)
    save_vit(bench.folder / "runs" / "v_other.pt", seed=2)
    save_cnn(bench.folder / "runs" / "c.pt", seed=3)
    (bench.folder / CONFIG_FILE).write_text(yaml.safe_dump(CONFIG))
    (bench.folder / "sheet.tsv").write_text(SHEET)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bench.folder)
        make(bench, "v", *KINDS)
    return bench


@pytest.fixture
def bench(finished, tmp_path, monkeypatch) -> Bench:
    """A copy of it; the working folder."""
    bench = finished.copy(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    return bench


def make(bench: Bench, checkpoint: str, *artifacts: str, results: str = "results", **options):
    """The last artifact, made with these options."""
    chosen = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    run = bench.assay("make", checkpoint, *artifacts, *chosen)
    assert run.code == 0, run.text
    return load_artifact(Path(results, checkpoint, f"{artifacts[-1]}.npz"))


def made(artifact: str, checkpoint: str = "v"):
    return load_artifact(Path("results", checkpoint, f"{artifact}.npz"))


def wanted(bench: Bench) -> set[tuple[str, str]]:
    return {(wish.row.checkpoint, wish.artifact) for wish in plan.requests(bench.plan())}


def test_there_are_three_kinds_of_artifact_and_a_network_of_convolutions_has_no_attention(bench):
    assert wanted(bench) == {
        *(("v", kind) for kind in KINDS),
        *(("v_other", kind) for kind in KINDS),
        ("c", "embeddings"),
        ("c", "gradcam"),
    }
    assert made("embeddings").embeddings.shape == (N_VAL, 12)
    assert made("gradcam").map.shape == (N_VAL, 3, 16, 16)
    assert made("attention_maps").attention.shape == (N_VAL, 3, 2, 5, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_toggle_leaves_out_its_kind_alone(bench, kind):
    bench.configure(**{f"artifacts__{kind}": False})
    assert {artifact for _, artifact in wanted(bench)} == set(KINDS) - {kind}
    said = {
        (pair["checkpoint"], pair["artifact"]): pair for pair in json.loads(bench.assay("list", "--json").out)
    }
    assert (said["v", kind]["state"], said["v", kind]["reasons"]) == ("off", ["not wanted by config"])


def test_pages_are_named_by_record_and_class(bench):
    make(bench, "v", "gradcam", "attention_maps", records="val 3")
    run = bench.assay("draw", "v", "gradcam", "attention_maps")
    assert run.code == 0, run.text
    assert {path.name for path in Path("results/v/figures/gradcam/val_3").iterdir()} == {
        f"{number}.png" for number in range(3)
    }
    assert Path("results/v/figures/attention_maps/val_3.png").exists()


@pytest.mark.parametrize(
    ("splits", "n"),
    [("", {"val": N_VAL, "test": N_TEST}), ("test", {"test": N_TEST}), ("val", {"val": N_VAL})],
)
def test_the_splits_of_embeddings_are_those_that_are_named_or_all(bench, splits, n):
    found = make(bench, "v", "embeddings", splits=splits)
    assert {split: int((found.split == split).sum()) for split in set(found.split.tolist())} == n
    assert found.record_id.tolist() == [
        f"{split} {i + N_VAL * (split == 'test')}" for split in n for i in range(n[split])
    ]


@pytest.mark.parametrize("kind", ["gradcam", "attention_maps"])
def test_maps_are_of_the_split_that_is_named(bench, kind):
    found = make(bench, "v", kind, split="test")
    assert found.record_id.tolist() == [f"test {i}" for i in range(N_VAL, N_VAL + N_TEST)]


@pytest.mark.parametrize(
    ("kind", "arrays"), [("gradcam", ("raw", "map")), ("attention_maps", ("attention", "rollout"))]
)
@pytest.mark.parametrize("checkpoint", ["v", "c"])
def test_one_record_alone_is_its_row_of_the_whole_run(bench, checkpoint, kind, arrays):
    if (checkpoint, kind) not in wanted(bench):
        pytest.skip("does not apply")
    whole = make(bench, checkpoint, kind)
    for i in (0, 7, N_VAL - 1):
        alone = make(bench, checkpoint, kind, records=f"val {i}")
        assert alone.record_id.tolist() == [f"val {i}"]
        for name in arrays:
            np.testing.assert_allclose(
                getattr(alone, name)[0], getattr(whole, name)[i], rtol=0, atol=1e-5, err_msg=name
            )


def test_target_classes_are_those_that_are_named_in_their_order(bench):
    whole, found = made("gradcam"), make(bench, "v", "gradcam", target_classes="2,0")
    assert (found.classes == [2, 0]).all()
    np.testing.assert_allclose(found.raw, whole.raw[:, [2, 0]], rtol=0, atol=1e-6)


def test_the_output_folder_holds_everything(bench):
    bench.configure(results="elsewhere")
    before = set(Path("results").rglob("*"))
    make(bench, "v", *KINDS, results="elsewhere")
    assert {path.name for path in Path("elsewhere/v").glob("*.npz")} == {f"{kind}.npz" for kind in KINDS}
    assert set(Path("results").rglob("*")) == before


@pytest.mark.parametrize(
    ("kind", "asked"), [("embeddings", "embed"), ("gradcam", "cut"), ("attention_maps", "attend_tokens")]
)
def test_a_batch_has_as_many_records_as_it_is_told_and_decides_nothing(bench, monkeypatch, kind, asked):
    seen, own = [], getattr(VitSubject, asked)

    def spied(self, batch, **more):
        seen.append(len(batch.x))
        return own(self, batch, **more)

    monkeypatch.setattr(VitSubject, asked, spied)
    array = {"embeddings": "embeddings", "gradcam": "raw", "attention_maps": "attention"}[kind]
    for size in (1, 16):
        seen.clear()
        found = make(bench, "v", kind, batch_size=size)
        assert max(seen) == size
        np.testing.assert_allclose(getattr(found, array), getattr(made(kind), array), rtol=0, atol=1e-6)


def test_so_many_workers_read_the_images_as_are_asked_for_and_nothing_goes_stale(bench, monkeypatch):
    asked = []

    class Spied(image_reading.ProcessPoolExecutor):
        def __init__(self, workers, **more):
            asked.append(workers)
            super().__init__(workers, **more)

    monkeypatch.setattr(image_reading, "ProcessPoolExecutor", Spied)
    before = {path: path.read_bytes() for path in Path("results/data/pets").glob("[!.]*")}
    bench.configure(data__pets__num_workers=2)
    assert bench.assay("why", "v", "gradcam").out == "results/v/gradcam.npz: done\n"
    assert asked == []
    assert bench.assay("prepare", "pets").code == 0
    assert asked == [2]
    assert {path: path.read_bytes() for path in before} == before


def test_a_sweep_is_a_row_for_each_checkpoint(bench):
    one, other = made("gradcam"), make(bench, "v_other", "gradcam")
    assert not np.allclose(one.raw, other.raw)
    assert (one.record_id == other.record_id).all()
    convolutions = make(bench, "c", "gradcam")
    assert (convolutions.family, one.family) == ("cnn", "vit")


def test_a_class_or_record_that_there_is_not_ends_the_job_and_says_which(bench):
    for option, word in (("target_classes=9", "no class '9'"), ("records=val 99", "no record val 99")):
        run = bench.assay("make", "v", "gradcam", "--set", option)
        assert (run.code, word in run.err) == (1, True)
