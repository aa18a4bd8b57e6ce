"""Trees that Lightning, transformers and assay.record make themselves are discovered, and run."""

import json
import pickle
import warnings
from pathlib import Path

import pytest
import torch
from discover import trees
from torch import nn

from assay.record import save_record


def test_records_of_save_record_are_proposed_and_half_a_record_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = torch.load(trees.mlp(tmp_path / "x.pt"))
    model = {"class_name": "FourParamEmulator", "activation": "gelu"}
    save_record("baseline", "runs", model_config=model, checkpoint=state)
    half = save_record("half", "runs", checkpoint=state)
    (half / "info.json").unlink()
    save_record("bare", "runs", metrics={"val_loss": 1.0})
    damaged = save_record("damaged", "runs", checkpoint=state)
    (damaged / "results.json").write_text('{"schema_version": 1, "metrics": NaN')
    found = trees.discovered("runs", "--data", "tables")
    (path, content), *others = found["rows"].items()
    assert not others
    assert path == "runs/baseline/model.pt"
    assert content["row"]["checkpoint"] == "baseline"
    assert content["row"]["family"] == "mlp"
    assert content["row"]["hparams"] == "activation=gelu"
    assert content["confidence"] == "likely"
    assert found["skipped"]["runs/half"].startswith("holds no whole record: it lacks info.json")
    assert found["skipped"]["runs/bare"] == "is a record without a model"
    assert "results.json" in found["skipped"]["runs/damaged"]


def pickled_by_torch(path):
    torch.save(nn.Linear(2, 2), path)


def bare_pickle(path):
    path.write_bytes(pickle.dumps({"w": [1.0]}, protocol=2))


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (pickled_by_torch, "torch.nn.modules.linear.Linear"),
        (bare_pickle, "a bare pickle, which runs code when loaded"),
    ],
)
def test_a_model_that_is_a_pickle_is_skipped_though_its_record_is_whole(tmp_path, monkeypatch, write, reason):
    monkeypatch.chdir(tmp_path)
    folder = save_record("pickled", "runs", checkpoint={"w": torch.zeros(2)})
    write(folder / "model.pt")
    (folder / "provenance.json").unlink()
    trees.mlp(tmp_path / "runs" / "good.pt")
    found = trees.discovered("runs")
    assert list(found["rows"]) == ["runs/good.pt"]
    assert reason in found["skipped"]["runs/pickled/model.pt"]


def test_folders_of_save_pretrained_are_proposed_and_a_trainers_best_step_is_kept(tmp_path, monkeypatch):
    import transformers

    monkeypatch.chdir(tmp_path)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=8,
        image_size=16,
        patch_size=8,
    )
    model = transformers.models.vit.modeling_vit.ViTForImageClassification(config)
    for name in ("checkpoint-5", "checkpoint-10"):
        model.save_pretrained(tmp_path / "out" / name)
        state = {"best_model_checkpoint": "/gone/out/checkpoint-5", "best_metric": 0.1}
        trees.written(tmp_path / "out" / name / "trainer_state.json", state)
        torch.save({"state": {}}, tmp_path / "out" / name / "optimizer.pt")
    bert = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=9)
    transformers.models.bert.modeling_bert.BertModel(bert).save_pretrained(tmp_path / "bert")
    trees.project(tmp_path, slides=trees.pictures(tmp_path / "pictures", 16, 16, 3))
    found = trees.discovered(".", "-o", "sheet.tsv", "--config", "config.yaml")
    (path, content), *others = found["rows"].items()
    assert not others
    assert path == "out/checkpoint-5"
    assert content["row"]["checkpoint"] == "out"
    assert content["confidence"] == "sure"
    assert content["row"]["hparams"] == ""
    assert found["skipped"]["bert"] == "no family reads the class transformers.BertModel"
    assert found["skipped"]["out/checkpoint-10"].startswith("another of its run is proposed: checkpoint-5")
    trees.assert_runs("out")


def test_runs_that_lightning_makes_are_proposed_with_the_checkpoint_that_it_calls_best(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained_by_lightning(tmp_path)
    assert len(list(tmp_path.rglob("*.ckpt"))) == 3
    trees.project(tmp_path, slides=trees.pictures(tmp_path / "pictures", 6, 5))
    found = trees.discovered("logs", "-o", "sheet.tsv", "--config", "config.yaml")
    (path, content), *others = found["rows"].items()
    assert not others
    assert Path(path).parent == Path("logs/tiny/version_0/checkpoints")
    assert Path(path).name.startswith("epoch=0")
    assert "the best of 3 by val_loss" in content["because"]
    assert content["row"]["checkpoint"] == "tiny_v0"
    assert content["row"]["family"] == "cnn"
    trees.assert_runs("tiny_v0")


def trained_by_lightning(folder):
    """Three epochs of a network whose val_loss is that of the first, then larger."""
    import pytorch_lightning as lightning

    class Tiny(lightning.LightningModule):
        def __init__(self, stride: int = 1):
            super().__init__()
            self.save_hyperparameters()
            self.f = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
            self.h = nn.Linear(2, 3)

        def training_step(self, batch, _):
            return self.h(self.f(batch[0]).mean((2, 3))).square().mean()

        def validation_step(self, batch, _):
            self.log("val_loss", float(self.current_epoch + 1))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 1e-3)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(2, 1, 5, 5)))
    keep = lightning.callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=2, save_last=True)
    logger = lightning.loggers.CSVLogger(folder / "logs", name="tiny")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning.Trainer(
            max_epochs=3, logger=logger, callbacks=[keep], accelerator="cpu", enable_progress_bar=False,
            enable_model_summary=False, log_every_n_steps=1,
        )  # fmt: skip
        trainer.fit(Tiny(), data, data)


def test_json_of_a_discovery_has_rows_skipped_and_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.mlp(tmp_path / "runs" / "a.pt")
    content = json.loads(trees.run("discover", "runs", "--json").stdout)
    assert set(content) == {"headers_only", "rows", "skipped", "known"}
    assert content["rows"][0]["open"][0].startswith("data: its config names none")
