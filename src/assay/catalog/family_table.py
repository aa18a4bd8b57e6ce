"""Every model family: what it takes and what it can answer. Plain data."""

from collections.abc import Mapping

from assay.catalog.rows import Family

FAMILIES: Mapping[str, Family] = {
    "gat": Family(
        module="assay.families.gat",
        batches="graphs",
        answers=frozenset({"attend", "class_features", "detect", "embed", "layers", "loss", "predict"}),
        may_lack=frozenset({"attend"}),
        class_paths=("graphids.core.models.supervised.gat.GAT",),
    ),
    "vgae": Family(
        module="assay.families.vgae",
        batches="graphs",
        answers=frozenset({"anomaly_features", "compat", "detect", "embed", "layers", "loss"}),
        class_paths=("graphids.core.models.autoencoder.vgae.VGAE",),
    ),
    "dgi": Family(
        module="assay.families.dgi",
        batches="graphs",
        answers=frozenset({"compat", "detect", "embed", "layers", "loss"}),
        class_paths=("graphids.core.models.autoencoder.dgi.DGI",),
    ),
    "fusion": Family(
        module="assay.families.fusion",
        batches="states",
        answers=frozenset({"decide", "detect"}),
        class_paths=tuple(
            f"graphids.core.models.fusion.{name}"
            for name in (
                "dqn.DQNFusionModule",
                "bandit.BanditFusionModule",
                "mlp.MLPFusionModule",
                "moe.MoEFusionModule",
                "weighted_avg.WeightedAvgModule",
            )
        ),
    ),
    "gsnn": Family(
        module="assay.families.gsnn",
        batches="tables",
        answers=frozenset({"layers", "loss", "regress", "trace"}),
        may_lack=frozenset({"trace"}),
        beside=(".network.npz", ".network.parquet", ".ctor.json"),
    ),
    "mlp": Family(
        module="assay.families.mlp",
        batches="tables",
        answers=frozenset({"embed", "layers", "loss", "regress"}),
        class_paths=(
            "reionemu.models.four_param_emulator.FourParamEmulator",
            "reionemu.models.mc_dropout_emulator.MCDropoutEmulator",
        ),
    ),
    "vit": Family(
        module="assay.families.vit",
        batches="images",
        answers=frozenset(
            {"attend_tokens", "detect", "embed", "explain", "layers", "loss", "pool", "predict"}
        ),
        may_lack=frozenset({"detect", "explain", "loss", "predict"}),
        class_paths=tuple(
            f"transformers.{name}"
            for name in (
                "ViTForImageClassification",
                "ViTModel",
                "ViTMAEForPreTraining",
                "ViTMAEModel",
                "Dinov2WithRegistersForImageClassification",
                "Dinov2WithRegistersModel",
            )
        ),
    ),
    "cnn": Family(
        module="assay.families.cnn",
        batches="images",
        answers=frozenset({"detect", "embed", "explain", "layers", "loss", "pool", "predict"}),
        may_lack=frozenset({"detect", "explain", "loss", "predict"}),
        class_paths=("transformers.ResNetForImageClassification", "transformers.ResNetModel"),
    ),
}
