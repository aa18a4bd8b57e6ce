"""Runs in every layout, as each tool leaves them."""

from pathlib import Path

from discover import trees

METRICS = "epoch,step,val_loss,train_loss\n0,9,0.5,\n0,9,,0.6\n1,19,0.2,\n2,29,0.4,\n"


def lightning(lab: Path) -> None:
    version = lab / "gat_big" / "version_3"
    for epoch in range(3):
        trees.gat(version / "checkpoints" / f"epoch={epoch}-step={10 * epoch + 10}.ckpt", epoch=epoch)
    trees.written(version / "hparams.yaml", {"dataset": "CAN", "seed": 7})
    trees.written(version / "metrics.csv", METRICS)


def hydra(lab: Path) -> None:
    for number, seed in enumerate((1, 2)):
        job = lab / "multirun" / "2026-01-02" / "10-00-00" / str(number)
        trees.gat(job / "best.ckpt")
        trees.gat(job / "last.ckpt")
        config = {
            "experiment": "distill",
            "data": {"name": "can"},
            "seed": seed,
            "teacher": {"ckpt_path": "/old/place/lab/gat_big/version_3/checkpoints/epoch=0-step=10.ckpt"},
            "out": "${hydra.runtime}",
        }
        trees.written(job / ".hydra" / "config.yaml", config)
        trees.written(job / ".hydra" / "overrides.yaml", [f"seed={seed}"])


def mlflow(lab: Path) -> None:
    run = lab / "mlruns" / "0" / "0123456789abcdef"
    trees.gat(run / "artifacts" / "gat.ckpt")
    trees.written(
        run / "meta.yaml", {"run_name": "brave-fish", "lifecycle_stage": "active", "run_id": run.name}
    )
    trees.written(lab / "mlruns" / "0" / "meta.yaml", {"name": "Default", "experiment_id": "0"})
    trees.written(run / "params" / "data" / "name", "can")
    trees.written(run / "params" / "teacher", "gat_big_v3")
    trees.written(run / "metrics" / "val_loss", "1700000000000 0.5 0\n1700000000001 0.25 10\n")
    deleted = lab / "mlruns" / "0" / "fedcba9876543210"
    trees.gat(deleted / "artifacts" / "gat.ckpt")
    trees.written(deleted / "meta.yaml", {"run_name": "gone", "lifecycle_stage": "deleted"})


def wandb(lab: Path) -> None:
    files = lab / "wandb" / "run-20260102_030405-ab12cd34" / "files"
    trees.state("vit", files / "model.pt")
    values = {"model": "vit_tiny", "num_heads": 2, "dataset": "slides"}
    config = {"wandb_version": 1, **{key: {"desc": None, "value": value} for key, value in values.items()}}
    trees.written(files / "config.yaml", {**config, "_wandb": {"value": {"cli_version": "0.19"}}})
    trees.written(files / "wandb-summary.json", {"val_loss": 0.5, "_step": 3})
    trees.state("resnet", lab / "myproject" / "zz99yy88" / "checkpoints" / "epoch=1.ckpt")
    other = lab / "wandb" / "offline-run-20260102_030406-zz99yy88" / "files"
    trees.written(other / "config.yaml", {"name": {"value": "residual"}, "dataset": {"value": "slides"}})


def plain(lab: Path) -> None:
    trees.mlp(lab / "emulators" / "small_best.pt")
    trees.mlp(lab / "emulators" / "small_last.pt")
    trees.state("resnet", lab / "emulators" / "resnet_18.pth")
    trees.saved({"weight": trees.torch.zeros(2)}, lab / "emulators" / "odd.pt")
    trees.written(lab / "emulators" / "notes.pt", "no checkpoint")


LAYOUTS = (lightning, hydra, mlflow, wandb, plain)
