"""Results made by hand, and one figure of every kind that can be drawn, usual and not."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from artifacts import edges, origins, regressed
from artifacts.tiny import Classes, Echo, TinyData, feature_split
from figures.edges import edge_recovery_result, edge_scores_result, without_graphs
from matplotlib.figure import Figure

from assay.artifacts.attention_maps import AttentionMaps
from assay.artifacts.attention_weights import AttentionWeights, LayerAttention, SampleAttention
from assay.artifacts.cka import Cka, Thinning
from assay.artifacts.edge_tests import EdgeTests
from assay.artifacts.embeddings import Embeddings
from assay.artifacts.evaluation import Evaluation, compute
from assay.artifacts.fusion_policy import FusionPolicy
from assay.artifacts.gradcam import GradCam
from assay.artifacts.landscape import Landscape
from assay.artifacts.regression import Regression
from assay.errors import ResultWarning
from assay.figures import (
    attention_maps,
    attention_weights,
    cka,
    edge_recovery,
    edge_scores,
    edge_tests,
    embeddings,
    evaluation,
    fusion_policy,
    gradcam,
    landscape,
    record,
    regression,
)
from assay.numerics.calibration import calibration, reason_against

UNSAFE = "$x_{"  # mathtext that does not parse


def embeddings_result(labels: Sequence[int], *, d: int = 6, name: str = "gat", **columns) -> Embeddings:
    labels = np.asarray(labels, dtype=np.int64)
    noise = np.random.default_rng(0).standard_normal((len(labels), d))
    types = columns.get("attack_type")
    names = None if types is None else np.array([f"attack {code}" for code in types])
    columns = {"split": np.full(len(labels), "val"), "attack_type": None, "attack_name": names, **columns}
    return Embeddings(
        embeddings=(noise + 2 * labels[:, None] * np.eye(d)[0]).astype(np.float32),
        labels=labels,
        sample=np.arange(len(labels)),
        record_id=None,
        family=name,
        data="can",
        **columns,
    )


def softmax_layer(edge_index: np.ndarray, heads: int, *, sharpness: float, seed: int) -> LayerAttention:
    """Weights that are uniform in head 0 and sharper from head to head."""
    noise = np.random.default_rng(seed).standard_normal((edge_index.shape[1], heads))
    scores = np.exp(noise * np.linspace(0, sharpness, heads))
    sums = np.zeros((edge_index.max(initial=-1) + 1, heads))
    np.add.at(sums, edge_index[1], scores)
    return LayerAttention((scores / sums[edge_index[1]]).astype(np.float32), edge_index)


def attention_result(
    n: int, *, nodes: int = 9, edges: int = 30, layers: int = 2, heads: int = 4, name: str = "gat"
) -> AttentionWeights:
    samples = []
    for i in range(n):
        drawn = np.random.default_rng(i).integers(0, nodes, (2, edges))
        edge_index = np.concatenate([drawn, np.tile(np.arange(nodes), (2, 1))], axis=1)
        stack = [
            softmax_layer(edge_index, heads, sharpness=3, seed=10 * i + layer) for layer in range(layers)
        ]
        samples.append(SampleAttention(i, i % 2, np.arange(nodes), tuple(stack)))
    return AttentionWeights(n, tuple(samples), split="val", family=name, data="can")


def after_nothing(result: AttentionWeights) -> AttentionWeights:
    """The result with a sample of no node before the others."""
    bare = LayerAttention(np.zeros((0, 4), np.float32), np.zeros((2, 0), np.int64))
    layers = (bare,) * len(result.samples[0].layers)
    return replace(result, samples=(SampleAttention(0, 0, np.arange(0), layers), *result.samples))


def cka_result(matrix: Sequence[Sequence[float | None]], *, chance_sd: float = 0.03, **changed) -> Cka:
    matrix = [list(row) for row in matrix]
    names = {f"teacher_{i}_student_{j}": v for i, row in enumerate(matrix) for j, v in enumerate(row)}
    fields = {
        "scores": names,
        "matrix": matrix,
        "biased": matrix,
        "interval": [[None if v is None else [v - 0.1, v + 0.1] for v in row] for row in matrix],
        "chance_sd": chance_sd,
        "n": 50,
        "thinned": Thinning(False, 1, False, None, 0.3, 50),
        "undefined": {name: "student layer 1: constant" for name, v in names.items() if v is None},
        "compat": "none",
        "split": "val",
        "family": "gat",
        "teacher_family": "gat",
        "data": "can",
    }
    return Cka(**{**fields, **changed})


def published_cka_result(matrix: Sequence[Sequence[float | None]], **changed) -> Cka:
    undefined = {"interval": "is of the debiased score; compat is published"}
    interval = [[None for _ in row] for row in matrix]
    published = {"interval": interval, "undefined": undefined, "compat": "published"}
    return replace(cka_result(matrix), chance_sd=None, **published | changed)


def landscape_result(resolution: int, loss: Callable, *, name: str = "gat", **changed) -> Landscape:
    side = np.linspace(-1, 1, resolution) if resolution > 1 else np.zeros(1)
    x, y = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    losses = np.asarray(loss(x, y), dtype=np.float64)
    fields = {
        "x": x,
        "y": y,
        "loss": losses,
        "loss_at_checkpoint": float(loss(np.zeros(1), np.zeros(1))[0]),
        "resolution": resolution,
        "scale": 1.0,
        "ignore": "none",
        "compat": "none",
        "seed": 42,
        "split": "val",
        "n_samples": 500,
        "n_not_finite": int((~np.isfinite(losses)).sum()),
        "zero_norm": (),
        "family": name,
        "data": "can",
    }
    return Landscape(**{**fields, **changed})


def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.2 + 3 * x**2 + 5 * y**2


def with_holes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where(x + y > 1.2, np.inf, np.where(x + y < -1.2, np.nan, bowl(x, y)))


def labelled_split(split: str, labels: Sequence[int], *, classes: int = 2, types: int = 0, seed: int = 0):
    """Noisy logits that lean towards the label; attacks have one of `types` types."""
    generator = np.random.default_rng(seed)
    logits = generator.standard_normal((len(labels), classes)) + 1.5 * np.eye(classes)[np.asarray(labels)]
    drawn = (
        np.where(np.asarray(labels) > 0, generator.integers(1, types + 1, len(labels)), 0) if types else None
    )
    return feature_split(split, logits, list(labels), attack_type=drawn)


def evaluation_result(
    *splits, names: Mapping[int, str] | None = None, class_names: Sequence[str] = ()
) -> Evaluation:
    """Of a detector of attacks; with `class_names` of a classifier, of whose classes none is benign."""
    data = TinyData({part.split: part for part in splits}, name="can", attack_names=names or {})
    subject = Classes(class_names) if class_names else Echo()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)
        return compute(subject, data, splits=(), batch_size=1000, compat="none", seed=0)


def without_threshold(result: Evaluation) -> Evaluation:
    """The same ranks of a checkpoint that decides nothing."""
    splits = {}
    for split, metrics in result.splits.items():
        types = {name: replace(of_type, recall=None) for name, of_type in metrics.attack_types.items()}
        splits[split] = replace(metrics, confusion=None, recall=None, attack_types=types)
    return replace(result, splits=splits)


def policy_result(labels: Sequence[int], *, alphas: Sequence[float] | None = None, **changed) -> FusionPolicy:
    """Scores that come true about as often as they say; alphas, where given, are dealt out in turn."""
    labels = np.asarray(labels, dtype=np.int64)
    n, generator = len(labels), np.random.default_rng(1)
    score = generator.beta(1 + 2 * (labels > 0), 3 - 2 * (labels > 0)).astype(np.float32)
    score = changed.get("score", score)
    alpha = None if alphas is None else np.resize(np.asarray(alphas, np.float32), n)
    fields = {
        "split": np.full(n, "val"),
        "sample": np.arange(n),
        "label": labels,
        "attack_type": None,
        "attack_name": None,
        "alpha": alpha,
        "score": score,
        "decision": (score > 0.5).astype(np.int64),
        "q_values": None,
        "gat_conf": np.full(n, 0.5, np.float32) if alpha is None else 0.2 + 0.6 * alpha,
        "vgae_conf": generator.uniform(0.6, 0.8, n).astype(np.float32),
        "policy": "dqn" if alphas is not None else "mlp",
        "learnt_alpha": None,
        "degenerate": {},
        "family": "echo",
        "data": "can",
        **changed,
    }
    return FusionPolicy(**{**_calibrated(fields), **fields})


def _calibrated(fields: Mapping[str, np.ndarray]) -> dict[str, dict]:
    measured, reasons = {}, {}
    for split in dict.fromkeys(fields["split"].tolist()):
        here = fields["split"] == split
        labels, scores = (
            (fields["label"][here] > 0).astype(np.int64),
            fields["score"][here].astype(np.float64),
        )
        if reason := reason_against(labels):
            reasons[split] = reason
        else:
            measured[split] = calibration(
                scores.clip(0, 1), labels, block=1, generator=np.random.default_rng(0)
            )
    return {"calibration": measured, "uncalibrated": reasons}


def edge_tests_result(n: int = 80, *, names: Sequence[str] = (), k: int = 12, **options) -> EdgeTests:
    """Of a network with one planted pair."""
    network = edges.planted(n=n, k=k, edges=[(2, 3)])
    network = replace(network, functions=list(names) or network.functions)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)
        return replace(edges.edge_tests(network, n, **options), data="can")


def gradcam_result(n: int, n_classes: int, *, space=(24, 32), channels: int = 3, **changed) -> GradCam:
    """Maps with a spot that moves from class to class; the last class has no evidence."""
    generator, grid = np.random.default_rng(2), tuple(-(-side // 8) for side in space)
    raw = generator.standard_normal((n, n_classes, *grid)).astype(np.float32)
    raw[:, -1] = -np.abs(raw[:, -1])
    maps = raw.clip(0) / np.maximum(raw.clip(0).max(tuple(range(2, raw.ndim)), keepdims=True), 1e-9)
    for axis, side in enumerate(space):
        maps = maps.repeat(8, axis + 2).take(range(side), axis + 2)
    fields = {
        "raw": raw,
        "map": maps,
        "evidence": maps.any(tuple(range(2, maps.ndim))),
        "score": generator.standard_normal((n, n_classes)).astype(np.float32),
        "classes": np.tile(np.arange(n_classes), (n, 1)),
        "sanity": generator.uniform(-0.5, 0.6, (n, n_classes, 4)),
        "predicted": np.zeros(n, np.int64),
        "labels": np.arange(n) % (n_classes + 1) - 1,
        "record_id": np.array([f"record/{i}" for i in range(n)]),
        "sample": np.arange(n),
        "image": generator.random((n, channels, *space), dtype=np.float32),
        "class_names": np.array([f"class {k}" for k in range(n_classes)]),
        "layer": "stages.3",
        "method": "gradcam",
        "split": "val",
        "family": "echo",
        "data": "can",
    }
    return GradCam(**{**fields, **changed})


def attention_maps_result(
    n: int, layers: int, heads: int, *, grid=(3, 5), prefix: int = 1, channels: int = 1, **changed
) -> AttentionMaps:
    """Attention that is sharper from head to head."""
    generator, tokens = np.random.default_rng(3), prefix + int(np.prod(grid))
    scores = (
        generator.standard_normal((n, layers, heads, tokens, tokens))
        * np.linspace(0.1, 3, heads)[:, None, None]
    )
    shares = (np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)).astype(np.float32)
    received = shares.mean(3)[..., prefix:].reshape(n, layers, heads, *grid)
    fields = {
        "attention": shares,
        "cls_to_patches": shares[..., 0, prefix:].reshape(received.shape) if prefix else None,
        "received": received,
        "given_to_patches": received,
        "rollout": received.mean((1, 2)),
        "entropy": -(shares * np.log(shares)).sum(4).mean(3) / np.log(np.float32(tokens)),
        "grid": np.array(grid),
        "prefix": prefix,
        "keep": "all",
        "labels": np.zeros(n, np.int64),
        "record_id": np.array([f"record/{i}" for i in range(n)]),
        "sample": np.arange(n),
        "image": generator.random((n, channels, *(8 * side for side in grid)), dtype=np.float32),
        "split": "val",
        "family": "echo",
        "data": "can",
    }
    return AttentionMaps(**{**fields, **changed})


HALVES = [0, 1] * 40
TEN = list(range(10))
TEN_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
THREE_SPLITS = np.repeat(["train", "val", "test"], 40)

FIGURES: dict[str, Callable[[], Figure]] = {
    "embeddings": lambda: embeddings.draw(embeddings_result(HALVES)),
    "embeddings, types and splits": lambda: embeddings.draw(
        embeddings_result([0, 1] * 60, split=THREE_SPLITS, attack_type=np.arange(120) % 12)
    ),
    "embeddings, one class of one number": lambda: embeddings.draw(embeddings_result([0] * 5, d=1)),
    "embeddings, one sample": lambda: embeddings.draw(embeddings_result([1])),
    "embeddings, none": lambda: embeddings.draw(embeddings_result([])),
    "embeddings, unsafe": lambda: embeddings.draw(embeddings_result(HALVES, name=UNSAFE)),
    "attention": lambda: attention_weights.draw(attention_result(5, layers=3, heads=8)),
    "attention, one head": lambda: attention_weights.draw(attention_result(2, layers=1, heads=1)),
    "attention, wide and deep": lambda: attention_weights.draw(
        attention_result(2, nodes=70, edges=300, layers=10, heads=16)
    ),
    "attention, loops alone": lambda: attention_weights.draw(attention_result(2, edges=0)),
    "attention, first sample empty": lambda: attention_weights.draw(after_nothing(attention_result(2))),
    "attention, none": lambda: attention_weights.draw(attention_result(0)),
    "attention, unsafe": lambda: attention_weights.draw(attention_result(1, name=UNSAFE)),
    "cka": lambda: cka.draw(cka_result([[0.9, -0.02, None], [0.5, 0.01, None]])),
    "cka, published": lambda: cka.draw(published_cka_result([[0.9, 0.6], [0.7, 0.5]])),
    "cka, one cell": lambda: cka.draw(cka_result([[0.5]], n=7)),
    "cka, 24 x 24": lambda: cka.draw(cka_result(np.linspace(-0.1, 1, 576).reshape(24, 24).tolist())),
    "cka, no layer": lambda: cka.draw(cka_result([])),
    "cka, unsafe": lambda: cka.draw(cka_result([[0.5, 0.6]], family=UNSAFE, data=UNSAFE)),
    "landscape": lambda: landscape.draw(landscape_result(11, bowl)),
    "landscape, wide": lambda: landscape.draw(landscape_result(11, lambda x, y: np.exp(9 * bowl(x, y)))),
    "landscape, holes": lambda: landscape.draw(landscape_result(11, with_holes, zero_norm=("a",))),
    "landscape, below 0": lambda: landscape.draw(landscape_result(8, lambda x, y: x**2 - y**2)),
    "landscape, 2 x 2": lambda: landscape.draw(landscape_result(2, lambda x, y: bowl(x, y) + x)),
    "landscape, one point": lambda: landscape.draw(landscape_result(1, bowl)),
    "landscape, constant": lambda: landscape.draw(landscape_result(5, lambda x, y: 0 * x + 0.7)),
    "landscape, nothing finite": lambda: landscape.draw(landscape_result(5, lambda x, y: x * np.nan)),
    "landscape, near overflow": lambda: landscape.draw(landscape_result(5, lambda x, y: 1e306 * (2 + x))),
    "landscape, unsafe": lambda: landscape.draw(landscape_result(3, bowl, name=UNSAFE)),
    "evaluation": lambda: evaluation.draw(
        evaluation_result(
            *(
                labelled_split(split, HALVES, types=4, seed=i)
                for i, split in enumerate(("train", "val", "test"))
            )
        )
    ),
    "evaluation, six classes": lambda: evaluation.draw(
        evaluation_result(labelled_split("val", list(range(6)) * 20, classes=6, types=3))
    ),
    "evaluation, ten classes by name": lambda: evaluation.draw(
        evaluation_result(
            *(labelled_split(split, TEN * 12, classes=10, seed=i) for i, split in enumerate(("val", "test"))),
            class_names=TEN_NAMES,
        )
    ),
    "evaluation, two classes of which none is benign": lambda: evaluation.draw(
        evaluation_result(labelled_split("val", HALVES), class_names=("cat", "dog"))
    ),
    "evaluation, twenty classes": lambda: evaluation.draw(
        evaluation_result(
            labelled_split("val", list(range(18)) * 40, classes=20),
            class_names=[f"a long name of class {c}" for c in range(20)],
        )
    ),
    "evaluation, a hundred classes": lambda: evaluation.draw(
        evaluation_result(
            labelled_split("val", list(range(100)) * 9, classes=100),
            class_names=[f"class {c}" for c in range(100)],
        )
    ),
    "evaluation, samples without a label": lambda: evaluation.draw(
        evaluation_result(labelled_split("val", [*HALVES, -1, -1, -1]), class_names=("cat", "dog"))
    ),
    "evaluation, one class each": lambda: evaluation.draw(
        evaluation_result(labelled_split("val", [0] * 9), labelled_split("test", [1] * 9))
    ),
    "evaluation, many splits with long names": lambda: evaluation.draw(
        evaluation_result(*(labelled_split(f"split_of_a_longer_name_{i}", HALVES, types=3) for i in range(4)))
    ),
    "evaluation, scores without a threshold": lambda: evaluation.draw(
        without_threshold(evaluation_result(labelled_split("val", HALVES, types=4)))
    ),
    "evaluation, none": lambda: evaluation.draw(Evaluation({}, [], family="gat", data="can")),
    "evaluation, unsafe": lambda: evaluation.draw(
        evaluation_result(
            labelled_split(UNSAFE, HALVES, types=2), names={1: UNSAFE, 2: "a long name of an attack"}
        )
    ),
    "evaluation, unsafe classes": lambda: evaluation.draw(
        evaluation_result(labelled_split(UNSAFE, HALVES), class_names=(UNSAFE, f"a long name of {UNSAFE}"))
    ),
    "fusion policy": lambda: fusion_policy.draw(
        policy_result([0, 0, 0, 1] * 200, alphas=[0, 0.05, 0.4, 0.45, 0.45, 0.8, 0.85, 1, 1])
    ),
    "fusion policy, one alpha": lambda: fusion_policy.draw(
        policy_result(
            HALVES, alphas=[1], degenerate={"val": "Alpha is 1 for every sample: the VGAE is never used."}
        )
    ),
    "fusion policy, learnt alpha": lambda: fusion_policy.draw(
        policy_result([0, 1] * 200, policy="weighted_avg", learnt_alpha=0.831)
    ),
    "fusion policy, no alpha and one class": lambda: fusion_policy.draw(policy_result([0] * 300)),
    "fusion policy, one sample": lambda: fusion_policy.draw(policy_result([1], alphas=[0.5])),
    "fusion policy, many splits with long names": lambda: fusion_policy.draw(
        policy_result(
            [0, 1] * 240,
            alphas=np.linspace(0, 1, 21),
            split=np.repeat([f"split_of_a_longer_name_{i}" for i in range(6)], [10, 30, 80, 120, 120, 120]),
            degenerate={
                "split_of_a_longer_name_3": "All q-values are 0, " + "so that every sample is alike, " * 5
            },
        )
    ),
    "fusion policy, scores beyond 0 and 1": lambda: fusion_policy.draw(
        policy_result(HALVES, score=np.resize(np.array([-1e-6, 1 + 1e-6], np.float32), len(HALVES)))
    ),
    "fusion policy, none": lambda: fusion_policy.draw(policy_result([])),
    "fusion policy, unsafe": lambda: fusion_policy.draw(
        policy_result(HALVES, policy=UNSAFE, family=UNSAFE, data=UNSAFE, split=np.full(len(HALVES), UNSAFE))
    ),
    "regression": lambda: regression.draw(regressed.regression({"val": regressed.noisy(0, 200, 5)})),
    "regression, four splits": lambda: regression.draw(
        regressed.regression({f"split {i}": regressed.noisy(i, 30, 40, noise=20.0) for i in range(4)})
    ),
    "regression, constant targets": lambda: regression.draw(
        regressed.regression({"val": (np.ones((9, 2)), np.ones((9, 2)))})
    ),
    "regression, no split": lambda: regression.draw(Regression({}, "gat", "can")),
    "regression, multipoles": lambda: regression.draw(
        regressed.regression(
            {"train": regressed.noisy(0, 400, 5), "test": regressed.noisy(1, 300, 5)},
            names=[f"ell_{ell}" for ell in (500, 1000, 2000, 3000, 5000)],
        )
    ),
    "record": lambda: record.draw(
        origins.record(
            curves={
                **{name: origins.curve([2.0**-i for i in range(12)]) for name in ("train_loss", "val_loss")},
                **{f"val_metric_{i}": origins.curve([1.0, 2.0, "NaN", 3.0]) for i in range(7)},
            },
            hparams={
                "epoch": 12,
                "hyper_parameters": {f"a_rather_long_hyper_parameter_{i}": "x" * i for i in range(30)},
            },
        )
    ),
    "record, nothing known": lambda: record.draw(origins.record()),
    "record, unsafe": lambda: record.draw(
        origins.record(curves={UNSAFE: origins.curve([1.0, 2.0])}, config={UNSAFE: UNSAFE})
    ),
    "regression, unsafe name": lambda: regression.draw(
        regressed.regression({UNSAFE: regressed.noisy(0, 20, 2)}, family=UNSAFE)
    ),
    "edge tests": lambda: edge_tests.draw(edge_tests_result()),
    "edge tests, many pairs": lambda: edge_tests.draw(edge_tests_result(k=70)),
    "edge tests, published": lambda: edge_tests.draw(
        edge_tests_result(p_method="published", score="partial", layer_agg="max", reduction="l2")
    ),
    "edge tests, small p alone": lambda: edge_tests.draw(edge_tests_result(keep_p=0.05)),
    "edge tests, no p kept": lambda: edge_tests.draw(edge_tests_result(keep_p=1e-300)),
    "edge tests, nothing tested": lambda: edge_tests.draw(edge_tests_result(n=12)),
    "edge tests, long names": lambda: edge_tests.draw(
        edge_tests_result(names=[f"W{'WM' * i} pathway of a long name {i}" for i in range(12)])
    ),
    "edge tests, unsafe": lambda: edge_tests.draw(
        replace(edge_tests_result(names=[UNSAFE + str(i) for i in range(12)]), family=UNSAFE)
    ),
    "gradcam": lambda: gradcam.draw(gradcam_result(6, 4)),
    "gradcam, one map without evidence": lambda: gradcam.draw(gradcam_result(1, 1)),
    "gradcam, many classes": lambda: gradcam.draw(gradcam_result(2, 40, channels=1)),
    "gradcam, signals": lambda: gradcam.draw(gradcam_result(3, 3, space=(200,), channels=2)),
    "gradcam, a wide record": lambda: gradcam.draw(gradcam_result(2, 3, space=(12, 400), channels=1)),
    "gradcam, volumes": lambda: gradcam.draw(gradcam_result(2, 3, space=(8, 8, 8), channels=1)),
    "gradcam, nothing to compare with": lambda: gradcam.draw(
        gradcam_result(2, 3, sanity=np.full((2, 3, 4), np.nan))
    ),
    "gradcam, unsafe": lambda: gradcam.draw(
        gradcam_result(
            1,
            2,
            family=UNSAFE,
            data=UNSAFE,
            record_id=np.array([f"a long name of a record {UNSAFE}"]),
            class_names=np.array([UNSAFE, f"a long name of a class {UNSAFE}"]),
        )
    ),
    "attention maps": lambda: attention_maps.draw(attention_maps_result(3, 3, 4)),
    "attention maps, wide and deep": lambda: attention_maps.draw(attention_maps_result(1, 24, 16)),
    "attention maps, one head": lambda: attention_maps.draw(attention_maps_result(1, 1, 1)),
    "attention maps, no class token": lambda: attention_maps.draw(attention_maps_result(2, 2, 2, prefix=0)),
    "attention maps, signals": lambda: attention_maps.draw(attention_maps_result(2, 2, 3, grid=(20,))),
    "attention maps, volumes": lambda: attention_maps.draw(attention_maps_result(1, 2, 3, grid=(2, 3, 4))),
    "attention maps, unsafe": lambda: attention_maps.draw(
        attention_maps_result(1, 2, 2, family=UNSAFE, data=UNSAFE, record_id=np.array([UNSAFE]))
    ),
    "edge scores": lambda: edge_scores.draw(edge_scores_result(8, estimate=True)),
    "edge scores, many functions": lambda: edge_scores.draw(edge_scores_result(60)),
    "edge scores, 2 functions": lambda: edge_scores.draw(edge_scores_result(2)),
    "edge scores, all edges known": lambda: edge_scores.draw(edge_scores_result(4, everything=True)),
    "edge scores, unsafe": lambda: edge_scores.draw(
        edge_scores_result(3, names=[UNSAFE, "a long name of a function", "b"], family=UNSAFE)
    ),
    "edge recovery": lambda: edge_recovery.draw(edge_recovery_result(80)),
    "edge recovery, few targets": lambda: edge_recovery.draw(edge_recovery_result(8)),
    "edge recovery, no graph of the same degrees": lambda: edge_recovery.draw(
        without_graphs(edge_recovery_result(8))
    ),
    "edge recovery, existing edges": lambda: edge_recovery.draw(
        edge_recovery_result(20, positives="existing", top_k=("1", "2", "3", "4", "5", "10"))
    ),
    "edge recovery, no metric": lambda: edge_recovery.draw(replace(edge_recovery_result(8), metrics={})),
    "edge recovery, unsafe": lambda: edge_recovery.draw(edge_recovery_result(8, family=UNSAFE, data=UNSAFE)),
}
