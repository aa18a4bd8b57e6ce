"""Every artifact: its file, what it asks, its options and its usual cost. Plain data."""

from collections.abc import Mapping
from dataclasses import replace

from assay.catalog.rows import Artifact, Option

SEED = Option(42, "seed of everything drawn; the config's `seed` is its default", minimum=0)
COMPAT = Option(
    "none",
    "published: numbers that depend on the batches, as the old ones did",
    choices=("none", "published"),
)
CRITERION = Option(
    "mse", "loss whose gradients are taken, the mean over outputs", choices=("mse", "mae", "huber", "bce")
)
TRACED_SPLIT = Option("val", "split whose samples are traced")
TRACED_SAMPLES = Option(10000, "samples drawn from the split; all, in order, where it is smaller", 3)
SALIENCY_SPLIT = Option("val", "split whose records are looked at")
RECORDS = Option((), "ids of the records to look at; empty: a draw")

ARTIFACTS: Mapping[str, Artifact] = {
    "embeddings": Artifact(
        module="assay.artifacts.embeddings",
        file="embeddings.npz",
        asks=frozenset({"embed"}),
        figure="assay.figures.embeddings",
        options={
            "splits": Option(("val",), "splits to embed; empty: all of them"),
            "max_samples": Option(2000, "samples drawn from a split; all, in order, where it is smaller", 1),
            "batch_size": Option(256, "samples in a forward pass", 1),
            "latent": Option(
                "mean", "of an embedding that is random: its mean, or one sample", choices=("mean", "sample")
            ),
            "pooling": Option(
                "auto",
                "of images: cls, the class token; mean or gap, that of the patches, of a CNN that of its positions; "
                "auto: as the head does",
                choices=("auto", "cls", "mean", "gap"),
            ),
            "layer": Option(
                "auto", "of images: the layer that is pooled, such as blocks.3; auto: what the head reads"
            ),
            "seed": SEED,
        },
        minutes=10,
    ),
    "attention_weights": Artifact(
        module="assay.artifacts.attention_weights",
        file="attention_weights.npz",
        asks=frozenset({"attend"}),
        figure="assay.figures.attention_weights",
        options={
            "split": Option("val", "split whose samples are shown"),
            "max_samples": Option(50, "samples drawn from the split; all, in order, where it is smaller", 1),
            "seed": SEED,
        },
        minutes=10,
    ),
    "cka": Artifact(
        module="assay.artifacts.cka",
        file="cka.json",
        asks=frozenset({"layers"}),
        figure="assay.figures.cka",
        partners={"teacher": frozenset({"layers"})},
        options={
            "split": Option("val", "split to compare on"),
            "max_samples": Option(500, "samples drawn from the split; all where it is smaller", 4),
            "batch_size": Option(256, "samples in a forward pass", 1),
            "compat": replace(
                COMPAT, help="published: the biased CKA of all samples drawn, as the old one was"
            ),
            "seed": SEED,
        },
        minutes=10,
    ),
    "landscape": Artifact(
        module="assay.artifacts.landscape",
        file="loss_landscape.parquet",
        asks=frozenset({"loss"}),
        asks_data={"labels": {}},
        figure="assay.figures.landscape",
        in_parts=True,
        options={
            "resolution": Option(51, "grid points a side; an odd number puts the checkpoint on the grid", 1),
            "scale": Option(1.0, "half the side of the grid, in units of the directions", 1e-6),
            "split": Option("val", "split whose loss is taken"),
            "max_graphs": Option(500, "samples drawn from the split; all, in order, where it is smaller", 1),
            "ignore": Option(
                "none",
                "parameters that no direction moves: biasbn, those of fewer than two dimensions, as biases and gains",
                choices=("none", "biasbn"),
            ),
            "compat": COMPAT,
            "seed": SEED,
        },
        gpu=1,
        minutes=120,
    ),
    "fusion_states": Artifact(
        module="assay.artifacts.fusion_states",
        file="fusion_states.npz",
        asks=frozenset({"decide"}),
        partners={"vgae": frozenset({"anomaly_features"}), "gat": frozenset({"class_features"})},
        options={
            "splits": Option((), "splits to take states of; empty: all of them"),
            "batch_size": Option(256, "samples in a forward pass", 1),
            "compat": COMPAT,
            "seed": SEED,
        },
        minutes=20,
    ),
    "fusion_policy": Artifact(
        module="assay.artifacts.fusion_policy",
        file="fusion_policy.parquet",
        asks=frozenset({"decide"}),
        figure="assay.figures.fusion_policy",
        options={
            "splits": Option((), "splits to decide on; empty: all of them"),
            "batch_size": Option(4096, "states in a forward pass", 1),
            "seed": SEED,
        },
        minutes=10,
    ),
    "dqn_policy": Artifact(
        module="assay.artifacts.dqn_policy",
        file="dqn_policy.json",
        asks=frozenset({"decide"}),
        on_request=True,
        options={
            "split": Option("val", "split to decide on"),
            "batch_size": Option(4096, "states in a forward pass", 1),
        },
        minutes=10,
    ),
    "evaluation": Artifact(
        module="assay.artifacts.evaluation",
        file="evaluation.json",
        asks=frozenset({"detect"}),
        asks_data={"labels": {}},
        figure="assay.figures.evaluation",
        options={
            "splits": Option((), "splits to evaluate; empty: all of them"),
            "batch_size": Option(256, "samples in a forward pass", 1),
            "compat": COMPAT,
            "seed": SEED,
        },
        minutes=10,
    ),
    "regression": Artifact(
        module="assay.artifacts.regression",
        file="regression.json",
        asks=frozenset({"regress"}),
        figure="assay.figures.regression",
        options={
            "splits": Option((), "splits to evaluate; empty: all of them"),
            "batch_size": Option(256, "samples in a forward pass", 1),
        },
        minutes=10,
    ),
    "record": Artifact(
        module="assay.artifacts.record",
        file="record/info.json",
        also=tuple(
            f"record/{name}"
            for name in ("configs.json", "results.json", "normalizers.npz", "provenance.json")
        ),
        asks=frozenset(),
        figure="assay.figures.record",
        origin=True,
        minutes=5,
        mem_mb=2000,
    ),
    "edge_scores": Artifact(
        module="assay.artifacts.edge_scores",
        file="edge_scores.npz",
        asks=frozenset({"trace"}),
        figure="assay.figures.edge_scores",
        options={
            "method": Option(
                "spearman", "correlation, of average ranks or of values", choices=("spearman", "pearson")
            ),
            "norm": Option(
                "l1", "of a channel T: its magnitude, its square or T itself", choices=("l1", "l2", "none")
            ),
            "agg": Option("sum", "how a function's channels become one", choices=("sum", "mean", "max")),
            "use_prenorm": Option(True, "recorded before the norm of each block; else after its last step"),
            "penalty_factor": Option(
                0.0,
                "multiply by (1 - it)^in-degree of the target and (1 + it)^out-degree of the source",
                0.0,
                1.0,
            ),
            "scale_by_act_mean": Option(False, "multiply by the mean activation of the source"),
            "estimate": Option(False, "bootstrap: the mean over draws of samples, and its spread"),
            "estimate_iters": Option(10, "draws of the bootstrap", 1),
            "estimate_n_samples": Option(2500, "samples in a draw, with replacement", 3),
            "row_chunk": Option(0, "sources taken at a time; 0: as many as memory allows", 0),
            "criterion": CRITERION,
            "pool": Option(
                "pooled",
                "pairs of layers stacked as rows, or correlated one by one and averaged",
                choices=("pooled", "per_layer"),
            ),
            "split": TRACED_SPLIT,
            "max_samples": TRACED_SAMPLES,
            "batch_size": Option(256, "samples in a forward pass", 1),
            "seed": SEED,
        },
        minutes=60,
        mem_mb=16000,
    ),
    "edge_tests": Artifact(
        module="assay.artifacts.edge_tests",
        file="edge_tests.parquet",
        asks=frozenset({"trace"}),
        figure="assay.figures.edge_tests",
        options={
            "score": Option(
                "corr",
                "correlations, or partial ones given the parents of the target",
                choices=("corr", "partial"),
            ),
            "layer_agg": Option(
                "mean",
                "over layers: the mean, or the strongest; p and q are of that test",
                choices=("mean", "max"),
            ),
            "reduction": Option("l1", "how a function's channels become one magnitude", choices=("l1", "l2")),
            "use_pre_norm": Option(True, "recorded before the norm of each block; else after its last step"),
            "exclude_self": Option(True, "without the pairs of a function with itself"),
            "ridge": Option(
                1e-8, "of `partial`, in units of the mean variance of the parents' activations", 0.0
            ),
            "p_method": Option(
                "exact",
                "p by the exact moments of permutations, or Fisher's z as published, which is not calibrated",
                choices=("exact", "published"),
            ),
            "criterion": CRITERION,
            "unit": Option(False, "average the samples of each unit first; the data must name them"),
            "batch": Option(False, "rank and centre within each batch; the data must name them"),
            "keep_p": Option(
                1.0, "rows with a p up to this; 1: all rows, those that are not tested, too", 0.0, 1.0
            ),
            "split": TRACED_SPLIT,
            "max_samples": TRACED_SAMPLES,
            "batch_size": Option(256, "samples in a forward pass", 1),
            "seed": SEED,
        },
        minutes=120,
        mem_mb=16000,
    ),
    "edge_recovery": Artifact(
        module="assay.artifacts.edge_recovery",
        file="edge_recovery.json",
        also=("edge_recovery.parquet",),
        asks=frozenset({"trace"}),
        asks_data={"held_out": {"positives": "held_out"}},
        figure="assay.figures.edge_recovery",
        options={
            "score_col": Option(
                "W",
                "what ranks the pairs: W of edge_scores, its excess over `expected`, corr or z of edge_tests",
                choices=("W", "excess", "corr", "z"),
            ),
            "top_k": Option(("1", "3", "5"), "whether a positive is among the first so many"),
            "positives": Option(
                "held_out",
                "edges removed before training, or those that the network has, which are no evidence",
                choices=("held_out", "existing"),
            ),
            "criterion": CRITERION,
            "use_prenorm": Option(True, "recorded before the norm of each block; else after its last step"),
            "split": TRACED_SPLIT,
            "max_samples": TRACED_SAMPLES,
            "batch_size": Option(256, "samples in a forward pass", 1),
            "seed": SEED,
        },
        minutes=60,
        mem_mb=16000,
    ),
    "gradcam": Artifact(
        module="assay.artifacts.gradcam",
        file="gradcam.npz",
        asks=frozenset({"explain"}),
        figure="assay.figures.gradcam",
        pages=True,
        in_parts=True,
        options={
            "split": SALIENCY_SPLIT,
            "records": RECORDS,
            "target_classes": Option((), "classes, by name or number, or predicted; empty: all"),
            "layer": Option("", "layer whose activations are mapped; empty: the default of the model"),
            "method": Option(
                "gradcam",
                "how activations and gradients become a map",
                choices=(
                    "gradcam",
                    "gradcam++",
                    "xgradcam",
                    "hirescam",
                    "layercam",
                    "elementwise",
                    "eigencam",
                    "eigengradcam",
                ),
            ),
            "max_records": Option(
                16, "records drawn where none is named; all, in order, where there are fewer", 1
            ),
            "batch_size": Option(16, "records in a forward pass", 1),
            "seed": SEED,
        },
        minutes=30,
        mem_mb=8000,
    ),
    "attention_maps": Artifact(
        module="assay.artifacts.attention_maps",
        file="attention_maps.npz",
        asks=frozenset({"attend_tokens"}),
        figure="assay.figures.attention_maps",
        pages=True,
        in_parts=True,
        options={
            "split": SALIENCY_SPLIT,
            "records": RECORDS,
            "keep": Option(
                "all",
                "rows of attention in the file: of all tokens, or of the class token",
                choices=("all", "cls"),
            ),
            "max_records": Option(
                8, "records drawn where none is named; all, in order, where there are fewer", 1
            ),
            "batch_size": Option(4, "records in a forward pass", 1),
            "seed": SEED,
        },
        minutes=30,
        mem_mb=16000,
    ),
}
