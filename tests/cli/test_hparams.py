"""What the column `hparams` and the files of a model folder decide: the intake follows them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from contract.examples import save_images
from families.vision.examples import vit_state
from safetensors.torch import save_file

from assay import feeding, plan, tokens
from assay.errors import Refused
from assay.provenance import manifest
from assay.provenance.status import Inspection
from assay.provenance.verify import verify
from assay.store.artifacts import load_artifact

INTAKE = Path("results/v/intake.json")
SMALL = {"channels": 1, "patch": (8, 8), "positions": 5, "classes": 3}


def row(path: str, hparams: str) -> None:
    Path("sheet.tsv").write_text(f"checkpoint\tfamily\tpath\tdata\thparams\nv\tvit\t{path}\tcan\t{hparams}\n")


@pytest.fixture
def images(bench):
    """A bench with images, the weights of a ViT in a file without hyper-parameters, and in a model folder."""
    save_images(Path("runs/val.npz"), seed=3)
    bench.configure(data__can={"source": "images", "path": "runs/val.npz"})
    torch.save(vit_state(**SMALL), "runs/vit.pth")
    Path("runs/vit").mkdir()
    save_file(vit_state(**SMALL), "runs/vit/model.safetensors")
    config = {"architectures": ["ViTForImageClassification"], "num_attention_heads": 2}
    Path("runs/vit/config.json").write_text(json.dumps(config))
    row("runs/vit.pth", "num_heads=2")
    return bench


def take_in(bench) -> str:
    token = tokens.intake_token(bench.plan(), "v")
    feeding.take_in(bench.plan(), "v", token)
    return token


def state_of(bench) -> tuple[str, tuple[str, ...]]:
    """The token of the intake, and why it is to be made again."""
    return tokens.intake_token(bench.plan(), "v"), Inspection(bench.plan()).intake_changes("v")


def test_hyper_parameters_of_the_sheet_reach_the_family(images):
    row("runs/vit.pth", "")
    with pytest.raises(Refused, match=r"runs/vit\.pth: .*\n.*num_heads is missing; .* as num_heads=12"):
        take_in(images)
    row("runs/vit.pth", "num_heads=2; class_names=a,b,c")
    take_in(images)
    hparams = json.loads(Path("results/v/hparams.json").read_bytes())
    assert hparams["hyper_parameters"] == {"num_heads": 2, "class_names": "a,b,c"}


def test_a_value_that_the_checkpoint_contradicts_is_refused_with_both(images):
    torch.save({"state_dict": vit_state(**SMALL), "hyper_parameters": {"num_heads": 3}}, "runs/vit.pth")
    with pytest.raises(Refused, match="num_heads is 3 in the checkpoint and 2 in the sheet's column hparams"):
        take_in(images)


def test_an_intake_is_stale_where_the_sheet_says_other_hyper_parameters_and_fresh_again(images):
    assert take_in(images) == "new"
    assert state_of(images) == ("new", ())
    row("runs/vit.pth", "num_heads=3")
    token, reasons = state_of(images)
    assert token.startswith("hparams-")
    assert reasons == ("hparams num_heads: 2 -> 3",)
    assert take_in(images) == token
    assert state_of(images) == (token, ())
    row("runs/vit.pth", "num_heads=3 class_names=a,b,c")
    assert state_of(images)[1] == ("hparams class_names: none -> a,b,c",)


def test_an_attempt_that_failed_is_made_again(images):
    take_in(images)
    row("runs/vit.pth", "num_heads=5")
    first = tokens.intake_token(images.plan(), "v")
    with pytest.raises(Refused):
        take_in(images)
    assert tokens.intake_token(images.plan(), "v") != first


def test_a_model_folder_gives_the_embeddings_of_its_weights_in_a_file(images):
    run = images.assay("make", "v", "embeddings")
    assert run.code == 0, run.text
    of_file = load_artifact("results/v/embeddings.npz").embeddings
    row("runs/vit", "layer_norm_eps=1e-6")
    run = images.assay("make", "v", "embeddings")
    assert run.code == 0, run.text
    np.testing.assert_array_equal(load_artifact("results/v/embeddings.npz").embeddings, of_file)


def test_a_record_says_that_pixels_were_not_normalised_until_the_sheet_says_how_they_are(images):
    row("runs/vit.pth", "num_heads=2")
    (warning,) = warnings_of(images, "embeddings")
    assert "the sheet's column hparams" in warning
    assert warnings_of(images, "record") == []
    assert "image_mean" not in images.assay("list").text
    row("runs/vit.pth", "num_heads=2 image_mean=0 image_std=1")
    assert warnings_of(images, "embeddings") == []


def warnings_of(bench, artifact: str) -> list[str]:
    """What the record of an artifact, made now, warns of."""
    run = bench.assay("make", "v", artifact)
    assert run.code == 0, run.text
    return json.loads(Path(f"results/v/records/{artifact}.json").read_bytes())["warnings"]


def test_every_file_of_a_folder_that_is_read_counts(images):
    row("runs/vit", "")
    take_in(images)
    assert state_of(images) == ("new", ())
    intake = json.loads(INTAKE.read_bytes())
    assert set(intake["beside"]) == {"runs/vit/config.json", "runs/vit/model.safetensors"}
    Path("runs/vit/README.md").write_text("not read")
    assert state_of(images) == ("new", ())
    Path("runs/vit/config.json").touch()
    assert state_of(images) == ("new", ())
    Path("runs/vit/preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5], "image_std": [0.5]})
    )
    token, reasons = state_of(images)
    assert token.startswith("after-")
    assert reasons[0].startswith("runs/vit changed, sha256 ")


def test_a_manifest_names_the_files_of_a_folder_and_verifies(images):
    row("runs/vit", "")
    assert images.assay("make", "v", "embeddings").code == 0
    manifest.write(images.plan())
    sources = json.loads(Path("results/manifest.json").read_bytes())["sources"]
    assert {name for name in sources if name.startswith("runs/vit")} == {
        "runs/vit/config.json",
        "runs/vit/model.safetensors",
    }
    assert verify("results").wrong == ()
    Path("runs/vit/config.json").write_text("{}")
    assert "runs/vit/config.json" in verify("results").wrong[0]


def test_a_folder_without_weights_is_refused_by_the_file_that_is_missing(images):
    row("runs/vit", "")
    Path("runs/vit/model.safetensors").unlink()
    with pytest.raises(Refused, match=r"runs/vit/model\.safetensors: there is no such file"):
        take_in(images)


def test_an_encoder_lacks_what_needs_a_head_and_has_the_rest(images):
    torch.save(vit_state(**{**SMALL, "classes": 0}), "runs/vit.pth")
    take_in(images)
    reason = plan.reason_against(images.plan(), "v", "landscape")
    assert reason.startswith(
        "asks for loss, which the checkpoint lacks: the checkpoint is an encoder without a head"
    )
    assert plan.reason_against(images.plan(), "v", "embeddings") == ""
    run = images.assay("make", "v", "embeddings")
    assert run.code == 0, run.text
