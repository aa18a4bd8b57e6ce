"""Embeddings drawn: two principal components by class and by type of attack, and the separation in the full space."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from assay.artifacts.embeddings import Embeddings
from assay.figures.style import GREY, LIGHT, Look, class_name, legend_below, look, say, styled, titled_figure
from assay.numerics.separation import Score, reason_against, separation

MOST_DRAWN = 5000
MOST_TYPES = 7  # of attacks, in a legend
SEED = 0  # of what is left out above, and of the resampling


@styled
def draw(result: Embeddings) -> Figure:
    """One row a split: its samples by class, by type of attack where known, and how far the classes are apart."""
    splits, types = list(dict.fromkeys(result.split.tolist())), _types(result)
    drawn = _drawn(result.split, splits)
    points, explained = _principal(result.embeddings)
    typed = bool((types != "").any())
    height = 0.8 + 2.8 * max(len(splits), 1)
    figure = titled_figure(_title(result), _notes(drawn), height_inches=height)
    if not splits:
        say(figure.add_subplot(), "no sample")
        return figure
    grid = figure.subplots(len(splits), 2 + typed, squeeze=False, width_ratios=[1.2] * (1 + typed) + [1])
    for (first, *second, last), split in zip(grid, splits, strict=True):
        whole = result.split == split
        here = drawn & whole
        _scatter(first, points, _by_class(result.labels, here), title=f"{split}: n = {whole.sum()}, by class")
        for axes in second:
            _scatter(axes, points, _by_type(types, result.labels, here), title="by type of attack")
        for axes in (first, *second):
            _label_components(axes, points, explained)
        _draw_separation(last, result.embeddings[here], result.labels[here])
    return figure


def _title(result: Embeddings) -> str:
    width = result.embeddings.shape[1]
    return f"Embeddings of {result.family} on {result.data}: n = {len(result.labels)}, d = {width}"


def _notes(drawn: Bool[np.ndarray, " n"]) -> list[str]:
    shown = "all samples" if drawn.all() else f"{drawn.sum()} of {len(drawn)} samples, drawn at random,"
    return [
        f"PCA of all samples together; {shown} are shown. Separation is measured on the shown samples of the "
        "split in the full space: each class counts the same. Lines: confidence 0.95. Bars: chance."
    ]


def _drawn(split: np.ndarray, splits: list[str]) -> Bool[np.ndarray, " n"]:
    """Which samples are shown: all, or an equal number of each split."""
    generator, shown = np.random.default_rng(SEED), np.zeros(len(split), dtype=bool)
    for name in splits:
        rows = np.flatnonzero(split == name)
        shown[generator.permutation(rows)[: MOST_DRAWN // len(splits)]] = True
    return shown


def _principal(
    x: Float[np.ndarray, "n d"],
) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, " 2"]]:
    """The first two principal components and their shares of the variance; 0 where there is none.

    The largest loading of a component is positive, so that a result has one picture.
    """
    points, explained = np.zeros((len(x), 2)), np.zeros(2)
    if x.size == 0 or (x == x[0]).all():
        return points, explained
    pca = PCA(n_components=min(2, *x.shape), random_state=SEED)
    scores = pca.fit_transform(x - x.mean(0, dtype=np.float64))
    points[:, : scores.shape[1]] = scores
    explained[: scores.shape[1]] = pca.explained_variance_ratio_
    return points, explained


def _types(result: Embeddings) -> Shaped[np.ndarray, " n"]:
    """The type of each attack, text; "" of benign samples (whose log may carry one) and where it is not known."""
    if result.attack_type is None or result.attack_name is None:
        return np.full(len(result.labels), "")
    return np.where((result.labels != 0) & (result.attack_type > 0), result.attack_name, "")


Group = tuple[str, Look, Bool[np.ndarray, " n"]]


def _by_class(labels: Int64[np.ndarray, " n"], here: Bool[np.ndarray, " n"]) -> Iterator[Group]:
    for label in np.unique(labels).tolist():
        yield class_name(label), look(label), here & (labels == label)


def _by_type(
    types: Shaped[np.ndarray, " n"], labels: Int64[np.ndarray, " n"], here: Bool[np.ndarray, " n"]
) -> Iterator[Group]:
    """Benign samples, the most frequent types, and the rest of the attacks together."""
    names, counts = np.unique(types[types != ""], return_counts=True)
    frequent = np.sort(names[np.argsort(-counts, kind="stable")][:MOST_TYPES])
    yield "benign", Look(GREY, "o", "-"), here & (labels == 0)
    for i, name in enumerate(frequent.tolist()):
        yield name, look(i + 1), here & (types == name)
    yield "other or unknown", Look(GREY, "x", "-"), here & (labels != 0) & ~np.isin(types, frequent)


def _scatter(axes: Axes, points: Float64[np.ndarray, "n 2"], groups: Iterator[Group], *, title: str) -> None:
    """Every group that has a sample here; small ones lie on top of large ones."""
    for name, at, chosen in groups:
        if not chosen.any():
            continue
        axes.scatter(
            points[chosen, 0],
            points[chosen, 1],
            s=9,
            c=at.colour,
            marker=at.marker,
            alpha=0.6,
            linewidths=0.6 if at.marker == "x" else 0,
            zorder=2 - chosen.mean(),
            label=f"{name} ({chosen.sum()})",
            rasterized=True,
        )
    axes.set_title(title)
    legend_below(axes, handletextpad=0)


def _label_components(
    axes: Axes, points: Float64[np.ndarray, "n 2"], explained: Float64[np.ndarray, " 2"]
) -> None:
    """Axes with their share of the variance, and limits that all rows share."""
    axes.set_xlabel(f"PC 1 ({explained[0]:.1%} of variance)")
    axes.set_ylabel(f"PC 2 ({explained[1]:.1%} of variance)")
    low, high = points.min(0), points.max(0)
    room = np.where(high > low, 0.05 * (high - low), 1)
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])


def _draw_separation(axes: Axes, x: np.ndarray, labels: Int64[np.ndarray, " n"]) -> None:
    axes.set_title("separation, full space")
    if reason := reason_against(labels):
        say(axes, f"Not measured: {reason}.", characters=24)
        return
    found = separation(x, labels, generator=np.random.default_rng(SEED))
    rows = (
        ("macro silhouette", found.silhouette),
        ("kNN macro recall", found.recall),
        ("kNN AUROC", found.auroc),
    )
    for height, (name, score) in enumerate(rows):
        _draw_score(axes, name, score, height)
    axes.set(
        xlim=(-1, 1.05),
        ylim=(2.5, -0.8),
        xticks=[-1, -0.5, 0, 0.5, 1],
        yticks=[],
        xlabel=f"score (k = {found.k})",
    )
    axes.spines["left"].set_visible(False)


def _draw_score(axes: Axes, name: str, score: Score, height: int) -> None:
    axes.hlines(height, -1, 1, color=LIGHT, linewidth=0.6, zorder=0)
    axes.hlines(height, score.low, score.high, color="black")
    axes.plot(score.value, height, marker="o", color="black", markersize=4)
    axes.plot(score.chance, height, marker="|", color=GREY, markersize=7, markeredgewidth=1.2)
    axes.text(
        -1,
        height - 0.22,
        f"{name} {score.value:.2f} [{score.low:.2f}, {score.high:.2f}]\nchance {score.chance:.2f}",
        va="bottom",
        fontsize=7,
    )
