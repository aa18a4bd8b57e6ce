"""The table: every family, data source and artifact, and who can be asked what. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar

from assay.errors import ConfigError

SCHEMA = 1  # of records and manifests; raised by hand where job, store or cli change what a result means

Value = int | float | str | bool | tuple[str, ...]
BatchKind = Literal["graphs", "states"]
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
    class_paths: tuple[str, ...] = ()  # the published classes it reads; never imported


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
    partners: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # role -> what it is asked; see `plan`
    also: tuple[str, ...] = ()
    in_parts: bool = False  # long: finished parts are kept, and `compute` takes `parts`
    options: Mapping[str, Option] = field(default_factory=dict)
    gpu: int = 0
    minutes: int = 10
    mem_mb: int = 4000


READERS: Mapping[BatchKind, str] = {  # prepared splits -> batches
    "graphs": "assay.data.collated",
    "states": "assay.data.states",
}
MAKERS: Mapping[BatchKind, str] = {"states": "fusion_states"}  # the artifact that makes them of other data

SEED = Option(42, "seed of everything drawn; the config's `seed` is its default", minimum=0)

FAMILIES: Mapping[str, Family] = {
    "gat": Family(
        module="assay.families.gat",
        batches="graphs",
        answers=frozenset({"attend", "class_features", "detect", "embed", "layers", "loss", "predict"}),
        class_paths=("graphids.core.models.supervised.gat.GAT",),
    ),
    "vgae": Family(
        module="assay.families.vgae",
        batches="graphs",
        answers=frozenset({"anomaly_features", "detect", "embed", "layers", "loss"}),
        class_paths=("graphids.core.models.autoencoder.vgae.VGAE",),
    ),
    "dgi": Family(
        module="assay.families.dgi",
        batches="graphs",
        answers=frozenset({"detect", "embed", "layers", "loss"}),
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
    "evaluation": Artifact(
        module="assay.artifacts.evaluation",
        file="evaluation.json",
        asks=frozenset({"detect"}),
        figure="assay.figures.evaluation",
        options={
            "splits": Option((), "splits to evaluate; empty: all of them"),
            "batch_size": Option(256, "samples in a forward pass", 1),
            "seed": SEED,
        },
        minutes=10,
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
