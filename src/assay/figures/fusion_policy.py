"""A fusion policy drawn: which alphas it chooses and when, its scores by class, and whether they come true."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter
from scipy.stats import binomtest

from assay.artifacts.fusion_policy import FusionPolicy
from assay.figures.style import (
    BLACK,
    COLOURS,
    GREY,
    class_name,
    legend_below,
    look,
    say,
    styled,
    titled_figure,
    wrapped,
)
from assay.numerics.calibration import reliability

STEPS = 20  # of alpha from 0 to 1, as published; other alphas stand at the nearest
BINS = 20  # of scores
HEADER_CHARACTERS, TITLE_CHARACTERS = 90, 50


@styled
def draw(result: FusionPolicy) -> Figure:
    """A part for each split: scores and their reliability; where alphas are chosen, these and what goes with them."""
    splits = list(dict.fromkeys(result.split.tolist()))
    inches = 2.9 if result.alpha is None else 4.7
    figure = titled_figure(_title(result), _notes(result), height_inches=0.7 + inches * max(len(splits), 0.5))
    if not splits:
        say(figure.add_subplot(), "no sample")
        return figure
    parts = figure.subfigures(len(splits), 1, squeeze=False)[:, 0]
    for part, split in zip(parts, splits, strict=True):
        _draw_split(part, result, split)
    return figure


def _title(result: FusionPolicy) -> str:
    whose = f"Fusion policy {result.policy} of {result.family} on {result.data}: n = {len(result.label)}"
    if result.learnt_alpha is not None:
        return f"{whose}. Learnt alpha: {result.learnt_alpha:.3f}."
    return f"{whose}. It has no alpha." if result.alpha is None else whose


def _notes(result: FusionPolicy) -> list[str]:
    said = [
        "Bars: shares of their class. Dashed: the lowest score that is called an attack. Reliability: bins of about as "
        "many samples; lines: confidence 0.95; dotted: scores that come true."
    ]
    if result.alpha is not None or result.learnt_alpha is not None:
        said.append("Alpha is the weight of the GAT against the VGAE.")
    if result.alpha is not None:
        said.append("Certainty: what an expert says of itself, the mean over the samples with that alpha.")
    return [" ".join(said)]


def _draw_split(figure: SubFigure, result: FusionPolicy, split: str) -> None:
    here = result.split == split
    figure.suptitle(_header(result, split), fontsize=8, x=0.01, ha="left")
    if result.alpha is None:
        shares, truth = figure.subplots(1, 2)
        shares.set_xlabel("score")
    else:
        (alphas, shares), (company, truth) = figure.subplots(2, 2, sharex="col")
        _draw_alphas(alphas, result.alpha[here], result.label[here] != 0)
        _draw_company(company, result, here, result.alpha[here])
    _draw_scores(shares, result, here)
    _draw_reliability(truth, result, split)


def _header(result: FusionPolicy, split: str) -> str:
    """How much of which class is decided right and, where it does not decide sample by sample, why."""
    here = result.split == split
    attack, right = result.label[here] != 0, _right(result)[here]
    groups = (("benign", right[~attack]), ("attack" if attack.sum() == 1 else "attacks", right[attack]))
    said = [
        f"{len(of)} {name}" + (f" ({of.mean():.1%} decided right)" if len(of) else "") for name, of in groups
    ]
    lines = [f"{split}: {', '.join(said)}", result.degenerate.get(split, "")]
    return "\n".join(wrapped(line, HEADER_CHARACTERS) for line in lines if line)


def _right(result: FusionPolicy) -> Bool[np.ndarray, " n"]:
    return (result.decision != 0) == (result.label != 0)


def _draw_alphas(axes: Axes, alpha: Float[np.ndarray, " n"], attack: Bool[np.ndarray, " n"]) -> None:
    edges = (np.arange(STEPS + 2) - 0.5) / STEPS
    _draw_shares(axes, alpha.astype(np.float64), attack, edges)
    axes.set(title="alpha: benign above, attacks below", xlim=(edges[0], edges[-1]))


def _draw_scores(axes: Axes, result: FusionPolicy, here: Bool[np.ndarray, " n"]) -> None:
    scores = _scores(result)[here]
    _draw_shares(axes, scores, result.label[here] != 0, np.linspace(0, 1, BINS + 1))
    called = scores[result.decision[here] != 0]
    if len(called):
        axes.axvline(called.min(), color=GREY, linestyle="--", linewidth=0.8)
    axes.set(title="score: benign above, attacks below", xlim=(-0.03, 1.03))


def _scores(result: FusionPolicy) -> Float64[np.ndarray, " n"]:
    """What is read as a probability: a divergence of a rounding below 0 gives a score below it."""
    return result.score.astype(np.float64).clip(0, 1)


def _draw_shares(
    axes: Axes,
    values: Float64[np.ndarray, " n"],
    attack: Bool[np.ndarray, " n"],
    edges: Float64[np.ndarray, " edges"],
) -> None:
    """Shares of each class as bars, those of attacks downwards, on one scale."""
    highest = 0.0
    for label, chosen in enumerate((~attack, attack)):
        share = np.histogram(values[chosen], edges)[0] / max(chosen.sum(), 1)
        signed = -share if label else share
        axes.bar(
            edges[:-1],
            signed,
            np.diff(edges),
            align="edge",
            color=look(label).colour,
            label=class_name(label),
        )
        highest = max(highest, share.max())
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.set(ylabel="share of the class", ylim=(-1.08 * highest, 1.08 * highest))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    axes.locator_params(axis="y", nbins=5)


def _draw_company(
    axes: Axes, result: FusionPolicy, here: Bool[np.ndarray, " n"], alpha: Float[np.ndarray, " chosen"]
) -> None:
    """How often a decision is right at each alpha, and how certain the experts are there."""
    right, groups = _right(result)[here], list(_by_alpha(alpha))
    at = np.array([where for where, _ in groups])
    shares = np.array([right[chosen].mean() for _, chosen in groups])
    intervals = np.array([_interval(right[chosen]) for _, chosen in groups])
    errors = np.abs(intervals.T - shares)  # a rounding may put a bound across its share
    axes.errorbar(
        at,
        shares,
        errors,
        color=BLACK,
        marker="o",
        elinewidth=0.8,
        zorder=1,
        label="decided right",
        markersize=5,
    )
    for i, (expert, certainty) in enumerate((("GAT", result.gat_conf), ("VGAE", result.vgae_conf)), start=2):
        means = [certainty[here][chosen].clip(0, 1).mean() for _, chosen in groups]
        kind = look(i)
        axes.plot(
            at,
            means,
            color=kind.colour,
            linestyle=kind.line,
            marker=kind.marker,
            markersize=3,
            label=f"{expert}'s certainty",
        )
    axes.set(xlabel="alpha", ylabel="share or certainty", ylim=(-0.03, 1.03), title="at each alpha")
    legend_below(axes, ncols=3)


def _by_alpha(alpha: Float[np.ndarray, " n"]) -> Iterator[tuple[float, Bool[np.ndarray, " n"]]]:
    """Each alpha that is chosen, and which samples have it."""
    steps = np.rint(alpha.astype(np.float64) * STEPS)
    for step in np.unique(steps).tolist():
        yield step / STEPS, steps == step


def _interval(right: Bool[np.ndarray, " n"]) -> tuple[float, float]:
    found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _draw_reliability(axes: Axes, result: FusionPolicy, split: str) -> None:
    here = result.split == split
    labels: Int64[np.ndarray, " n"] = (result.label[here] != 0).astype(np.int64)
    table = reliability(_scores(result)[here], labels)
    errors = np.abs(np.stack([table.low, table.high]) - table.rate)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=0.8)
    axes.errorbar(table.score, table.rate, errors, color=COLOURS[0], marker="o", markersize=3, elinewidth=0.8)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xlabel="score", ylabel="share of attacks")
    axes.set_title(_measured(result, split))


def _measured(result: FusionPolicy, split: str) -> str:
    """The numbers of the calibration, or why there are none."""
    if split not in result.calibration:
        return wrapped(f"reliability; no ECE: {result.uncalibrated[split]}", TITLE_CHARACTERS)
    found = result.calibration[split]
    error = f"{found.error:.3f}".replace("-", "\N{MINUS SIGN}")
    together = f", labels in blocks of {found.block}" if found.block > 1 else ""
    return (
        f"reliability: ECE {found.ece:.3f}, p = {found.p:.2g}\n"
        f"by chance {found.ece_chance:.3f}, 95 % below {found.ece_chance_high:.3f}; error {error}\n"
        f"Brier {found.brier:.3f}, log loss {found.log_loss:.3f} nats{together}"
    )
