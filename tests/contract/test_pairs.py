"""Every (family, artifact) pair is made end to end, or has a reason why not."""

import dataclasses
import json
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract.examples import CHECKPOINTS, DATA, EXPERTS, SOURCES, subject

from assay import catalog, feeding, job
from assay.errors import ConfigError, ResultWarning
from assay.plan import Request, reason_against, request
from assay.protocols import Data, Samples
from assay.store import formats
from assay.store.artifacts import load_artifact
from assay.store.parts import KeptParts
from assay.training import take_in_training

SEEDS = {"one": 3, "other": 4, "v": 5, "g": 6}
TEACHERS = [name for name, row in catalog.FAMILIES.items() if "layers" in row.answers]
PAIRS = [(family, artifact) for family in catalog.FAMILIES for artifact in catalog.ARTIFACTS]


def teachers(family: str) -> list[str]:
    """The families that can teach one: theirs are the same batches."""
    batches = catalog.FAMILIES[family].batches
    return [name for name in TEACHERS if catalog.FAMILIES[name].batches == batches]


ANSWERED = [
    (family, artifact)
    for family, artifact in PAIRS
    if catalog.ARTIFACTS[artifact].asks <= catalog.FAMILIES[family].answers
]


@pytest.fixture
def plan_of(bench):
    """The plan of a checkpoint `one` of a family, and of its teacher `other` where it has one."""

    def planned(family: str, teacher: str = ""):
        kind = catalog.families()[family].batches
        kind = kind if kind in DATA else "graphs"
        for seed, split in enumerate(("val", "test")):
            DATA[kind](Path(f"runs/{split}.npz"), seed=seed)
        bench.configure(data__can__source=SOURCES[kind])
        others = {"other": teacher} if teacher else {}
        experts = EXPERTS if catalog.families()[family].batches == "states" else {}
        rows = [f"one\t{family}\truns/one.ckpt\tcan\t{'other' if teacher else ''}\t{','.join(experts)}"]
        for name, of in {"one": family, **others, **experts}.items():
            CHECKPOINTS[of](Path(f"runs/{name}.ckpt"), seed=SEEDS[name])
            rows += [f"{name}\t{of}\truns/{name}.ckpt\tcan\t\t"] if name != "one" else []
        Path("sheet.tsv").write_text("\n".join(["checkpoint\tfamily\tpath\tdata\tteacher\texperts", *rows]))
        return bench.plan()

    return planned


def made(plan, artifact: str) -> Request:
    """The request, after its intakes, its data and itself were made."""
    wish = request(plan, "one", artifact)
    if wish.made_from:
        made(plan, wish.made_from)
    for row in (wish.row, *wish.partners.values()):
        feeding.take_in(plan, row.checkpoint, "new")
    feeding.prepare(plan, wish.data.name, "new")
    if wish.table.origin:
        take_in_training(plan, "one", "new")
    assert job.make(wish, device="cpu") == Path(wish.target)
    return wish


def assert_same(one: Any, other: Any) -> None:
    """Equal in value and in type, arrays and nested results included."""
    assert type(one) is type(other)
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple):
        for member, twin in zip(one, other, strict=True):
            assert_same(member, twin)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    else:
        assert one == other


@pytest.mark.parametrize(("family", "artifact"), ANSWERED)
def test_a_pair_is_made_or_has_a_reason(plan_of, family, artifact):
    for teacher in ("", *teachers(family)):
        plan = plan_of(family, teacher)
        if reason := reason_against(plan, "one", artifact):
            with pytest.raises(ConfigError, match=f"{artifact} does not apply to one: it asks "):
                request(plan, "one", artifact)
            assert reason.startswith("asks ")
            continue
        wish = made(plan, artifact)
        record = json.loads(Path(wish.record).read_bytes())
        of_origin = {"training"} if wish.table.origin else set()
        assert record["inputs"].keys() == {"checkpoint", "data", *wish.table.partners, *of_origin}
        assert record["bytes"] == Path(wish.target).stat().st_size
        assert {Path("results", file): held["bytes"] for file, held in record["also"].items()} == {
            Path(path): Path(path).stat().st_size for path in wish.also
        }


@pytest.mark.parametrize(("family", "artifact"), ANSWERED)
def test_a_result_is_the_same_bytes_again_and_loads_back_equal(plan_of, family, artifact, tmp_path):
    plan = plan_of(family, family if family in TEACHERS else "")
    wish = made(plan, artifact)
    before = Path(wish.target).read_bytes()
    beside = [Path(path).read_bytes() for path in wish.also]
    loaded = load_artifact(wish.target)
    job.make(wish, device="cpu")
    assert Path(wish.target).read_bytes() == before
    assert [Path(path).read_bytes() for path in wish.also] == beside
    copy = tmp_path / Path(wish.target).name
    formats.save(loaded, copy)
    assert copy.read_bytes() == before
    assert_same(load_artifact(copy), loaded)


@pytest.mark.parametrize(("family", "artifact"), ANSWERED)
def test_compute_gives_what_is_loaded_back_and_leaves_the_models_as_found(
    plan_of, family, artifact, tmp_path
):
    plan = plan_of(family, family if family in TEACHERS else "")
    wish = made(plan, artifact)
    rows = [wish.row, *(wish.partners[role] for role in wish.table.partners)]
    subjects = [subject(row.family, tmp_path, seed=SEEDS[row.checkpoint]) for row in rows]
    data = job._opened(wish, "cpu")
    before = [fingerprint(each) for each in subjects]
    compute = import_module(wish.table.module).compute
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)
        parts = (KeptParts(tmp_path / "a", "key"),) if wish.table.in_parts else ()
        given = (job._origin(wish),) if wish.table.origin else (*subjects, data, *parts)
        result = compute(*given, **wish.options)
    assert_same(result, load_artifact(wish.target))
    assert [fingerprint(each) for each in subjects] == before


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_prepared_data_answer_the_protocols(plan_of, family):
    plan = plan_of(family)
    alone = next(name for of, name in ANSWERED if of == family and not catalog.ARTIFACTS[name].partners)
    data = job._opened(made(plan, alone), "cpu")
    assert isinstance(data, Data)
    assert tuple(data.splits) == ("val", "test")
    assert isinstance(data.draw("val", max_samples=3, seed=0), Samples)


def test_a_family_that_answers_less_gets_reasons_and_its_other_artifacts(plan_of, monkeypatch):
    gat = catalog.FAMILIES["gat"]
    mute = dataclasses.replace(gat, answers=frozenset({"detect"}))
    monkeypatch.setattr(catalog, "families", lambda: {"gat": gat, "mute": mute})
    monkeypatch.setitem(CHECKPOINTS, "mute", CHECKPOINTS["gat"])
    plan = plan_of("mute")
    reasons = {name: reason_against(plan, "one", name) for name in catalog.ARTIFACTS}
    asked = {name: ", ".join(sorted(row.asks - mute.answers)) for name, row in catalog.ARTIFACTS.items()}
    assert reasons == {
        name: f"asks for {words}, which family mute does not answer" if words else ""
        for name, words in asked.items()
    }
    assert reasons["evaluation"] == "" and asked["embeddings"] == "embed"
    assert catalog.reason_against(catalog.ARTIFACTS["cka"], "gat", {"teacher": "mute"}) == (
        "asks its teacher for layers, which family mute does not answer"
    )


def test_a_teacher_takes_the_same_batches():
    assert catalog.reason_against(catalog.ARTIFACTS["cka"], "gsnn", {"teacher": "gat"}) == (
        "asks its teacher for layers of the same samples, and family gat takes graphs, gsnn tables"
    )
    assert catalog.reason_against(catalog.ARTIFACTS["cka"], "gsnn", {"teacher": "gsnn"}) == ""


def fingerprint(loaded: Any) -> list[Any]:
    """Weights, hooks and modes of every module of a subject."""
    networks = [value for value in vars(loaded).values() if isinstance(value, torch.nn.Module)]
    assert networks
    modules = [module for network in networks for module in network.modules()]
    weights = [tensor.tolist() for network in networks for tensor in network.state_dict().values()]
    return [weights, [(len(module._forward_hooks), module.training) for module in modules]]
