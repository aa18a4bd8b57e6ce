"""The manifest names every file with its digest, and is one text for one state of the results."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from cli.bench import CONFIG_FILE, N_MADE, N_NOT, N_OFF, Bench

from assay import catalog
from assay.provenance.manifest import write
from assay.seen import Seen

MANIFEST = Path("results/manifest.json")


def written(bench: Bench) -> dict:
    write(bench.plan())
    return json.loads(MANIFEST.read_bytes())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_visible_file_is_named_with_its_digest_and_length(made):
    visible = {name for name in made.files() if not Path(name).name.startswith(".")}
    files = written(made)["files"]
    assert files.keys() == visible - {"manifest.json"}
    for name, held in files.items():
        path = Path("results", name)
        assert held == {"sha256": sha256(path), "bytes": path.stat().st_size}


def test_every_source_is_named_with_its_digest(made):
    sources = written(made)["sources"]
    names = ("runs/big.ckpt", "runs/small.ckpt", "runs/test.npz", "runs/val.npz")
    assert sources == {name: sha256(Path(name)) for name in names}


def test_the_manifest_seals_itself(made):
    manifest = written(made)
    own = manifest.pop("sha256")
    text = json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert own == hashlib.sha256(text.encode()).hexdigest()


def test_the_same_results_give_the_same_bytes(made):
    written(made)
    before = {path: path.read_bytes() for path in Path("results").rglob("*manifest.json")}
    written(made)
    assert {path: path.read_bytes() for path in before} == before
    assert len(before) == 3


def test_the_order_of_keys_and_columns_changes_nothing(made):
    made.configure(
        data__more={"source": "graphs", "path": "runs/val.npz"}, options__cka={"seed": 42, "split": "val"}
    )
    assert made.assay("prepare", "more").code == 0
    before = written(made)
    config = yaml.safe_load(Path(CONFIG_FILE).read_text())
    turned = {name: reversed_keys(value) for name, value in reversed(config.items())}
    Path(CONFIG_FILE).write_text(yaml.safe_dump(turned, sort_keys=False))
    rows = [line.split("\t") for line in Path("sheet.tsv").read_text().splitlines()]
    Path("sheet.tsv").write_text("\n".join("\t".join(reversed(row)) for row in rows))
    content = MANIFEST.read_bytes()
    assert list(made.plan().data) == ["more", "can"]
    assert written(made) == before
    assert MANIFEST.read_bytes() == content


def test_targets_carry_state_reason_and_digest(made):
    Path("results/small/evaluation.json").unlink()
    targets = {(t["checkpoint"], t["artifact"]): t for t in written(made)["targets"]}
    assert len(targets) == 2 * len(catalog.artifacts())
    assert targets["small", "cka"]["sha256"] == sha256(Path("results/small/cka.json"))
    assert targets["small", "cka"]["state"] == "done"
    assert targets["small", "evaluation"]["state"] == "missing"
    assert targets["big", "cka"]["reasons"] == ["asks for a teacher, and the row names none"]


@pytest.mark.parametrize(("lost", "complete"), [("", True), ("cka.json", False), ("records/cka.json", False)])
def test_it_is_complete_where_every_wanted_target_is_done(made, lost, complete):
    if lost:
        Path("results/small", lost).unlink()
    manifest = written(made)
    assert manifest["complete"] is complete
    n_missing = {} if complete else {"missing": 1}
    n_done = N_MADE - len(n_missing)
    assert manifest["counts"] == {"done": n_done, "n/a": N_NOT, "off": N_OFF, **n_missing}


def test_a_partial_manifest_takes_another_token_so_that_the_next_run_repairs_it(made):
    write(made.plan(), "first")
    assert Seen.remembered(str(MANIFEST)).token == "first"
    Path("results/small/cka.json").rename("aside")
    write(made.plan(), "first")
    token = Seen.remembered(str(MANIFEST)).token
    assert token == f"after-{sha256(MANIFEST)[:12]}"
    Path("aside").rename("results/small/cka.json")
    write(made.plan(), token)
    assert Seen.remembered(str(MANIFEST)).token == token


def reversed_keys(value: object) -> object:
    return dict(reversed(value.items())) if isinstance(value, dict) else value


def test_a_wanted_figure_that_is_missing_makes_it_partial_and_is_named(made):
    made.configure(figures=True)
    for checkpoint, artifacts in {"big": [], "small": ["cka"]}.items():
        every = [*artifacts, "embeddings", "attention_weights", "landscape", "evaluation"]
        assert made.assay("draw", checkpoint, *every).code == 0
    manifest = written(made)
    assert (manifest["complete"], manifest["undrawn"]) == (True, [])
    assert "small/figures/cka.svg" in manifest["files"]
    Path("results/small/figures/cka.svg").unlink()
    manifest = written(made)
    assert (manifest["complete"], manifest["undrawn"]) == (False, ["small/figures/cka.svg"])
