"""The table: every family, data source and artifact, and who can be asked what. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar

from assay.errors import ConfigError

SCHEMA = 1  # of records and manifests; raised by hand where job, store or cli change what a result means

Value = int | float | str | bool | tuple[str, ...]
BatchKind = Literal["graphs", "images", "states", "tables"]
TableRow = TypeVar("TableRow")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its default, which fixes its type, what it means, and what it may be."""

    default: Value
    help: str
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A model family: what it takes, what it can answer (see `protocols`), where it is computed."""

    module: str
    batches: BatchKind
    answers: frozenset[str]
    may_lack: frozenset[str] = frozenset()  # by some checkpoints not answered: `lacks` of the module
    class_paths: tuple[str, ...] = ()  # the published classes it reads; never imported
    beside: tuple[str, ...] = ()  # suffixes of files that may lie beside a checkpoint and belong to it


@dataclass(frozen=True, slots=True)
class Source:
    """A data source: which raw files it reads, what it makes of them, under which options."""

    module: str
    batches: BatchKind
    suffixes: tuple[str, ...]
    primary: str  # the split that `path` holds
    derived: Mapping[str, str] = field(default_factory=dict)  # split cut from it -> its share's option
    sidecar: str = ""  # suffix of a file that may lie beside a raw file and belongs to it
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact: its file, what it asks of a subject and of its partners, options and usual cost."""

    module: str
    file: str
    asks: frozenset[str]
    figure: str = ""  # the module that draws it; none where empty
    pages: bool = False  # the module draws a folder of pictures, too
    partners: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # role -> what it is asked; see `plan`
    also: tuple[str, ...] = ()
    in_parts: bool = False  # long: finished parts are kept, and `compute` takes `parts`
    on_request: bool = False  # made only where a toggle or a row names it
    options: Mapping[str, Option] = field(default_factory=dict)
    gpu: int = 0
    minutes: int = 10
    mem_mb: int = 4000


READERS: Mapping[BatchKind, str] = {  # prepared splits -> batches
    "graphs": "assay.data.collated",
    "images": "assay.data.image_splits",
    "states": "assay.data.states",
    "tables": "assay.data.tables",
}
MAKERS: Mapping[BatchKind, str] = {"states": "fusion_states"}  # the artifact that makes them of other data

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

SOURCES: Mapping[str, Source] = {
    "can_bus": Source(
        module="assay.data.can_bus",
        batches="graphs",
        suffixes=(".csv", ".log", ".asc", ".blf"),
        primary="train",
        derived={"val": "val_fraction"},
        sidecar=".attacks.csv",
        options={
            "window": Option(100, "messages in a window", minimum=2),
            "stride": Option(100, "messages from one window to the next", minimum=1),
            "vocab_scope": Option("train", "whose ids are known", choices=("train", "all")),
            "val_fraction": Option(
                0.2, "share of the training windows, the last ones, that is `val`", 0.0, 0.9
            ),
            "scaler": Option(
                "z_benign",
                "how features are scaled, fitted on benign training graphs",
                choices=("z_benign", "robust_benign", "none"),
            ),
            "sequence_length": Option(1, "windows in a graph; above 1 a graph is a sequence of windows", 1),
            "sequence_stride": Option(1, "windows from one window of a sequence to the next", 1),
        },
    ),
    "graphs": Source(
        module="assay.data.graphs",
        batches="graphs",
        suffixes=(".npz", ".safetensors"),
        primary="val",
    ),
    "fusion_states": Source(
        module="assay.data.fusion_states",
        batches="states",
        suffixes=(".npz",),
        primary="val",
    ),
    "network": Source(
        module="assay.data.network",
        batches="tables",
        suffixes=(".npz", ".parquet", ".csv"),
        primary="val",
        sidecar=".held_out.csv",
    ),
    "table": Source(
        module="assay.data.table",
        batches="tables",
        suffixes=(".h5", ".hdf5", ".he5", ".parquet", ".csv"),
        primary="train",
        derived={"val": "val_fraction", "test": "test_fraction"},
        options={
            "val_fraction": Option(
                0.2, "share of the rows of `path`, drawn at random, that is `val`", 0.0, 0.9
            ),
            "test_fraction": Option(0.0, "the same for `test`", 0.0, 0.9),
            "split_seed": Option(42, "seed of the permutation that is cut, as in training", 0),
            "normalize_x": Option(
                True, "inputs less their mean over `train`, divided by their deviation there"
            ),
            "normalize_y": Option(False, "the same for the targets"),
        },
    ),
    "images": Source(
        module="assay.data.images",
        batches="images",
        suffixes=(".png", ".jpg", ".jpeg", ".nii", ".nii.gz", ".dcm", ".npz", ".csv"),
        primary="val",
        options={
            "height": Option(0, "pixels; with `width` 0: as the images are, which must agree", 0),
            "width": Option(0, "pixels; set it with `height`", 0),
            "channels": Option(0, "1 grey, 3 colour; 0: as the images are, which must agree", 0),
            "resize": Option(
                "stretch",
                "to height and width: stretch; crop, the centre; or pad, the whole with zeros around it",
                choices=("stretch", "crop", "pad"),
            ),
            "crop_fraction": Option(
                1.0, "of crop: the share of each side that is kept; 0.875 keeps 224 of 256", 0.1, 1.0
            ),
            "interpolation": Option("bilinear", "of a resize; antialiased", choices=("bilinear", "bicubic")),
            "intensities": Option(
                "window",
                "of NIfTI and grey DICOM: window, of the file, or where it has none minmax; minmax; percentile, 1 to "
                "99; or none, in the units of the file",
                choices=("window", "minmax", "percentile", "none"),
            ),
            "slice_axis": Option(2, "axis of a NIfTI volume that is cut into slices", 0, 2),
            "slices": Option("all", "slices of a volume, or frames: all, middle, or start:stop:step"),
            "class_names": Option((), "classes in the order of the model; empty: sorted, or numbers"),
            "max_pixels": Option(100_000_000, "pixels, or voxels, that a file may have", 1),
            "num_workers": Option(
                0, "processes that read files; 0: none beside the job. Changes no sample", 0
            ),
        },
    ),
}

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
        figure="assay.figures.edge_recovery",
        on_request=True,
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


@cache
def families() -> Mapping[str, Family]:
    """Every family by name: ours, then those of installed distributions (`assay.families`)."""
    return _with_rows(FAMILIES, "assay.families")


@cache
def artifacts() -> Mapping[str, Artifact]:
    """Every artifact by name: ours, then those of installed distributions (`assay.artifacts`)."""
    rows = _with_rows(ARTIFACTS, "assay.artifacts")
    files = [row.file for row in rows.values()]
    if twice := next((file for file in files if files.count(file) > 1), None):
        raise ConfigError(
            f"two artifacts of the table have the file {twice}: an installed distribution adds it."
        )
    return rows


def reason_against(artifact: Artifact, family: str, partners: Mapping[str, str]) -> str:
    """Why an artifact does not apply to a checkpoint; empty where it does.

    `partners` holds the families of the row's partners by role.
    """
    if lacks := artifact.asks - families()[family].answers:
        return f"asks for {', '.join(sorted(lacks))}, which family {family} does not answer"
    for role, asks in artifact.partners.items():
        if role not in partners:
            return f"asks for {'an' if role[0] in 'aeiou' else 'a'} {role}, and the row names none"
        takes, given = families()[partners[role]].batches, families()[family].batches
        if role == "teacher" and takes != given:
            asked = f"asks its teacher for {', '.join(sorted(asks))} of the same samples"
            return f"{asked}, and family {partners[role]} takes {takes}, {family} {given}"
        if lacks := asks - families()[partners[role]].answers:
            return f"asks its {role} for {', '.join(sorted(lacks))}, which family {partners[role]} does not answer"
    return ""


def _with_rows(ours: Mapping[str, TableRow], group: str) -> dict[str, TableRow]:
    rows = dict(ours)
    for point in _installed().select(group=group):
        if point.name in rows:
            owner = point.dist.name if point.dist else point.value
            raise ConfigError(
                f"{group}: {point.name!r} of the distribution {owner} stands in the table already."
            )
        rows[point.name] = point.load()
    return rows


@cache
def _installed() -> Any:  # of a type that differs between Python 3.11 and 3.12
    return entry_points()
