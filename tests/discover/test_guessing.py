"""Families, names, teachers and the best of a run are told from few signs, and not where signs fail."""

from pathlib import Path

import pytest
import torch
from discover import trees
from families import checkpoints
from families.autoencoders import hparams as autoencoder_hparams
from families.autoencoders import random_state as autoencoder_state
from families.fusion.examples import CLASS_PATHS
from families.fusion.examples import random_state as fusion_state
from families.graphs import REFERENCE
from families.vision.examples import resnet_state, vit_state
from families.vision.test_names import as_new_transformers, as_old_transformers, as_torchvision

from assay import catalog
from assay.discover.choosing import chosen, trained
from assay.discover.config_keys import data_of, expert_texts, hparams_of, teacher_texts
from assay.discover.families import SIGNATURES, family_of
from assay.discover.finding import Candidate, core_of
from assay.discover.naming import cleaned, unique_names
from assay.discover.references import References, acyclic
from assay.discover.runs import Point, Run

GSNN = REFERENCE.parent / "gsnn" / "model.pt"


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


STATES = {
    "vit by timm": ("vit", vit_state),
    "vit wrapped": ("vit", lambda: prefixed(vit_state(), "module.model.")),
    "vit by old transformers": ("vit", lambda: as_old_transformers(vit_state())),
    "vit by new transformers": ("vit", lambda: as_new_transformers(vit_state())),
    "vit by torchvision": ("vit", lambda: as_torchvision(vit_state())),
    "resnet": ("cnn", resnet_state),
    "resnext": ("cnn", lambda: resnet_state(bottleneck=True, groups=4, inner=8)),
    "resnet encoder": ("cnn", lambda: prefixed(resnet_state(classes=0), "encoder.")),
    "plain convolutions": ("cnn", trees.plain_state),
    "gsnn": ("gsnn", lambda: torch.load(GSNN, weights_only=True)["state_dict"]),
    "mlp": ("mlp", lambda: {"network.0.weight": (3, 4), "network.0.bias": (3,)}),
    "older mlp": (
        "mlp",
        lambda: {"fc1.weight": (3, 4), "fc1.bias": (3,), "out.weight": (1, 3), "out.bias": (1,)},
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_dict_is_of_the_one_family_that_reads_it(case):
    family, state = STATES[case]
    assert family_of(trees.header(state()), {}).family == family


@pytest.mark.parametrize("family", ["gat", "vgae", "dgi", "fusion"])
def test_tensors_without_the_class_that_their_family_asks_are_named_but_not_proposed(family):
    states = {
        "gat": lambda: checkpoints.reference_student()[0],
        "vgae": lambda: autoencoder_state(autoencoder_hparams("vgae"), seed=0),
        "dgi": lambda: autoencoder_state(autoencoder_hparams("dgi"), seed=0),
        "fusion": lambda: fusion_state("dqn"),
    }
    guess = family_of(trees.header(states[family]()), {})
    assert guess.family == ""
    assert guess.because.startswith(f"looks like {family}, whose checkpoints name their class")


@pytest.mark.parametrize("family", [name for name, row in catalog.FAMILIES.items() if row.class_paths])
def test_every_class_of_the_table_is_sure(family):
    for class_path in catalog.FAMILIES[family].class_paths:
        guess = family_of(trees.header({"w": (1,)}, class_path=class_path), {})
        assert (guess.family, guess.confidence) == (family, "sure")


def test_every_family_of_the_table_has_a_signature():
    assert SIGNATURES.keys() == catalog.FAMILIES.keys()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"fc.weight": (3, 4)},
        {"network.0.weight": (8, 3, 3, 3), "network.0.bias": (8,)},
        {"network.0.weight": (3, 4), "head.weight": (2, 3)},
        {"f.0.weight": (8, 3), "h.weight": (2, 8)},
    ],
)
def test_other_tensors_are_of_no_family(state):
    guess = family_of(trees.header(state), {})
    assert guess.family == ""
    assert guess.because.startswith("no family has tensors named")


def test_a_config_makes_a_guess_surer_but_never_makes_one():
    assert family_of(trees.header(vit_state()), {"model.name": "vit_small"}).confidence == "likely"
    assert family_of(trees.header(vit_state()), {"model.name": "vitamin"}).confidence == "possible"
    assert family_of(trees.header({"w": (1,)}), {"model.name": "vit_small"}).family == ""


def test_names_are_names_of_the_sheet_each_once_and_none_that_stands_there():
    wanted = [
        ("gat", Path("a/x/m.pt")),
        ("gat", Path("a/y/m.pt")),
        ("Data", Path("d.pt")),
        ("é/../b c", Path("e.pt")),
    ]
    assert unique_names(wanted, ["e_b_c"]) == ["gat_x", "gat_y", "Data_2", "e_._b_c"]


@pytest.mark.parametrize("text", ["", "..", "a" * 300, "\u65e5\u672c", "-x", "a..b", "x/y\tz", "."])
def test_any_text_becomes_a_name_that_the_sheet_takes(text):
    from assay.row_problems import name_problems

    assert list(name_problems(cleaned(text))) == []


@pytest.mark.parametrize(
    ("stem", "core"),
    [
        ("gat_best", "gat"),
        ("epoch=3-step=40", ""),
        ("epoch=3-val_loss=0.25-v1", ""),
        ("last-v2", ""),
        ("resnet_18", "resnet_18"),
        ("gat_s42", "gat_s42"),
        ("gat-seed=1", "gat-seed=1"),
        ("vit_epoch_10", "vit"),
    ],
)
def test_the_checkpoints_of_one_training_share_a_core(stem, core):
    assert core_of(stem) == core


def group(*names, history=None, headers=None):
    run = Run("lightning", Path("r"), history=history or {})
    headers = headers or {}
    return [
        trained(Candidate(Path("r", n), run, ("r",)), trees.header({}, **headers.get(n, {}))) for n in names
    ]


def test_the_best_by_a_metric_in_the_names_falls_or_rises_as_the_metric_does():
    assert (
        chosen(group("e=1-val_loss=0.5.ckpt", "e=2-val_loss=0.25.ckpt"), "best")[0].name
        == "e=2-val_loss=0.25.ckpt"
    )
    assert (
        chosen(group("e=1-val_acc=0.5.ckpt", "e=2-val_acc=0.25.ckpt"), "best")[0].name
        == "e=1-val_acc=0.5.ckpt"
    )


def test_what_lightning_watched_wins_and_the_latest_file_is_believed():
    said = (("a.ckpt", "a.ckpt", 1), ("b.ckpt", "b.ckpt", 2), ("c.ckpt", "b.ckpt", 3))
    watched = {
        name: {"monitored": {"monitor": "f", "best": f"/x/{best}"}, "counts": {"global_step": step}}
        for name, best, step in said
    }
    best, because = chosen(group("a.ckpt", "b.ckpt", "c.ckpt", headers=watched), "best")
    assert (best.name, because) == ("b.ckpt", "the best of 3 by f")


def test_a_metric_by_steps_is_the_last_one_up_to_the_checkpoint():
    history = {"val/f1": [Point(0.1, step=5), Point(0.3, step=10), Point(0.9, step=15)]}
    assert chosen(group("step=10.ckpt", "step=17.ckpt", history=history), "best")[0].name == "step=17.ckpt"


def test_without_a_metric_or_on_request_it_is_the_last():
    assert chosen(group("epoch=9.ckpt", "epoch=10.ckpt"), "best")[0].name == "epoch=10.ckpt"
    assert chosen(group("best.ckpt", "last.ckpt"), "last")[0].name == "last.ckpt"
    unknown = {"val_thing": [Point(1.0, epoch=9), Point(2.0, epoch=10)]}
    assert "no metric" in chosen(group("epoch=9.ckpt", "epoch=10.ckpt", history=unknown), "best")[1]


def test_keys_of_teachers_and_experts_are_known_by_many_names():
    config = {
        "kd.teacher_ckpt_path": "a",
        "teacher": "b",
        "temperature": "c",
        "teacher_forcing": "d",
        "vgae_ckpt_path": "e",
    }
    assert teacher_texts(config) == ["b", "a"]
    more = {"experts.0": "f", "num_experts": "g", "experts_list": "h,i"}
    assert expert_texts({**config, **more}) == ["h", "i", "e", "f"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model.activation": "gelu", "data.name": "x"}, {"activation": "gelu"}),
        ({"a.activation": "gelu", "b.activation": "gelu"}, {"activation": "gelu"}),
        ({"a.activation": "gelu", "b.activation": "relu"}, {}),
        ({"output_names.0": "tau", "output_names.1": "z"}, {"output_names": "tau,z"}),
        ({"output_names.0": "a b"}, {}),
        ({"output_names": "['tau','z']"}, {}),
        ({"activation.gelu": True}, {}),
        ({"activation": True}, {"activation": "true"}),
    ],
)
def test_hyper_parameters_are_those_that_the_config_says_once(config, said):
    assert dict(hparams_of(config, ["activation", "output_names"])) == said


def test_data_is_known_by_name_by_path_and_where_only_one_fits(lab):
    from assay.discover.project import read_project

    data = read_project(str(lab / "config.yaml")).data
    assert data_of({"dataset": "/x/SLIDES.npz"}, data, batches=("images",), usual="")[0] == "slides"
    path = f"/elsewhere/{lab.name}/pictures"
    assert data_of({"data.path": path}, data, batches=("images",), usual="other")[0] == "slides"
    assert data_of({"dataset": "can"}, data, batches=("images",), usual="")[0] == "slides"
    assert data_of({"dataset": "can"}, {}, batches=("images",), usual="")[0] == ""


def test_a_text_that_could_mean_two_checkpoints_means_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    references = References()
    for name in ("a", "b"):
        references.add(name, Path("runs", name, "last.ckpt"), {"same"})
    assert references.meant("runs/b/last.ckpt", []) == "b"
    assert references.meant("/gone/b/last.ckpt", []) == "b"
    assert references.meant("../b/last.ckpt", [Path("runs/a")]) == "b"
    assert references.meant("same", []) == ""
    assert references.meant("/gone/last.ckpt", []) == ""


def test_a_text_whose_end_is_that_of_two_checkpoints_means_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    references = References()
    for name in ("a", "b"):
        references.add(name, Path("runs", name, "x", "last.ckpt"))
    assert references.meant("/gone/x/last.ckpt", []) == ""
    assert references.meant("/gone/a/x/last.ckpt", []) == "a"


def test_teachers_in_a_circle_lose_the_link_that_closes_it():
    assert acyclic({"a": "b", "b": "c", "c": "a", "d": "a"}) == {"a": "b", "b": "c", "d": "a"}
    assert acyclic({"a": "a"}) == {}


def test_experts_are_named_where_each_role_gets_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.project(tmp_path)
    trees.gat(tmp_path / "runs" / "gat.ckpt")
    (tmp_path / "runs" / "vgae.ckpt").write_bytes((REFERENCE / "vgae.ckpt").read_bytes())
    content = {"state_dict": fusion_state("mlp"), "class_path": CLASS_PATHS["mlp"]}
    named = {"vgae_ckpt_path": "/old/runs/vgae.ckpt", "gat_ckpt_path": "/old/runs/gat.ckpt"}
    trees.saved({**content, "hyper_parameters": named}, tmp_path / "runs" / "both.ckpt")
    trees.saved(
        {**content, "hyper_parameters": {"vgae_ckpt_path": "runs/vgae.ckpt"}}, tmp_path / "runs" / "one.ckpt"
    )
    found = trees.discovered("runs", "--config", "config.yaml")["rows"]
    both, one = found["runs/both.ckpt"], found["runs/one.ckpt"]
    assert (both["row"]["experts"], both["row"]["data"], both["open"]) == ("vgae,gat", "can", [])
    assert one["row"]["experts"] == ""
    assert one["open"][-1] == "experts: its config names none that were found"
