"""Pictures of what a model predicted: scores by group, whether its probabilities hold, numbers against the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from speechlib.report.style import COLOURS, FAINT, INK, MUTED, colour_of, legend_below, marker_of, new_figure, style

Score = tuple[float, float | None, float | None, int]  # value, ends of its interval (None: it has none), items


class Bin(Protocol):
    """Items whose probability fell between two limits, as `speechlib.metrics.calibration_error` counts them."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def group_scores(
    scores: Mapping[str, Mapping[str, Score]],
    xlabel: str,
    title: str = "",
    chance: float | None = None,
    interval_label: str = "95 % interval",
) -> Figure:
    """Draw a row for each group (a speaker, a gender) with its score and interval, in families.

    Args:
        scores: by family (`speaker`, `gender`), by group: value, ends of the interval or None, number of items.
        xlabel: what is measured.
        title: above the picture.
        chance: the score of guessing, drawn as a line.
        interval_label: what the intervals are.

    Raises:
        ValueError: there is nothing to draw.
    """
    num_rows = sum(len(family) for family in scores.values())
    if not num_rows:
        raise ValueError("there is no score to draw")
    colour = colour_of(list(scores))
    with style():
        figure, (axes,) = new_figure(5.4, 1.1 + 0.24 * (num_rows + len(scores)))
        axes.grid(axis="x")
        place, ticks, names = 0, [], []
        for family, groups in scores.items():
            axes.annotate(
                family, (0.0, place), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
                va="center", fontsize=8.0, fontweight="bold", color=colour[family],
            )  # fmt: skip
            for name, (value, low, high, count) in groups.items():
                place += 1
                if low is not None and high is not None:
                    axes.plot([low, high], [place] * 2, color=colour[family], alpha=0.35, linewidth=3.0, zorder=2)
                axes.plot(value, place, "o", markersize=5.0, color=colour[family], markeredgecolor="white",
                          markeredgewidth=0.6, zorder=3, clip_on=False)  # fmt: skip
                ticks.append(place)
                names.append(f"{name} ({count})")
            place += 1
        if chance is not None:
            axes.axvline(chance, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
        axes.set_yticks(ticks, names)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        lowest = min(value for family in scores.values() for value, *_ in family.values())
        axes.set(xlim=(min(0.0, lowest), 1.0), ylim=(place - 0.4, -0.6), xlabel=xlabel, title=title)
        handles = [Line2D([], [], color=MUTED, alpha=0.5, linewidth=3.0, label=interval_label)]
        if chance is not None:
            handles.append(Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label="chance"))
        legend_below(figure, handles)
        return figure


def reliability_diagram(bins: Sequence[Bin], error: float, title: str = "") -> Figure:
    """Draw for each bin of probability how often it came true (Guo et al., 2017, Figure 1), and how many it holds.

    Args:
        bins: from the lowest to the highest.
        error: expected calibration error.
        title: above the picture.

    Raises:
        ValueError: no bin has an item.
    """
    total = sum(bin.count for bin in bins)
    if not total:
        raise ValueError("there is no probability to draw")
    with style():
        figure, (above, below) = new_figure(3.9, 4.6, rows=2, sharex=True, height_ratios=[3, 1])
        above.grid()
        for bin in bins:
            width = bin.high - bin.low
            left = bin.low + 0.04 * width
            if bin.count:
                above.bar(left, bin.accuracy, 0.92 * width, align="edge", color=COLOURS[0], alpha=0.85, zorder=2)
                gap = bin.confidence - bin.accuracy
                above.bar(left, gap, 0.92 * width, bottom=bin.accuracy, align="edge", color=COLOURS[1], alpha=0.35,
                          zorder=2)  # fmt: skip
            below.bar(left, bin.count / total, 0.92 * width, align="edge", color=MUTED, alpha=0.6, zorder=2)
        above.plot([0, 1], [0, 1], color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=3)
        above.set(ylim=(0.0, 1.0), ylabel="share that came true", title=title or "Reliability")
        above.annotate(f"ECE {error:.3f}", (0.03, 0.95), xycoords="axes fraction", va="top", fontweight="bold")
        below.set(xlim=(0.0, 1.0), xlabel="probability of the decided class", ylabel="share of all")
        below.grid(axis="y")
        legend_below(figure, [Patch(color=COLOURS[0], alpha=0.85, label="came true"),
                              Patch(color=COLOURS[1], alpha=0.35, label="gap to what was said")])  # fmt: skip
        return figure


def regression_scatter(
    truth: Sequence[float],
    predicted: Sequence[float],
    label: str,
    measures: Mapping[str, float],
    groups: Sequence[str] | None = None,
    title: str = "",
    group_label: str = "",
) -> Figure:
    """Draw predicted numbers against true ones, with the line on which both are equal.

    Args:
        truth, predicted: (items,) numbers.
        label: what the numbers are.
        measures: to write into the picture, such as CCC.
        groups: (items,) to colour by, such as speakers.
        title: above the picture.
        group_label: what the groups are.

    Raises:
        ValueError: there is nothing to draw, the lengths differ, or a number is not finite.
    """
    truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
    groups = np.full(truth.shape, "") if groups is None else np.asarray(groups)
    if not truth.size or not truth.shape == predicted.shape == groups.shape:
        raise ValueError(f"{predicted.size} predictions and {groups.size} groups do not fit {truth.size} true numbers")
    if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
        raise ValueError("there are numbers that are not finite among truth and predictions")
    names = sorted(set(groups.tolist()))
    colour, marker = colour_of(names), marker_of(names)
    with style():
        figure, (axes,) = new_figure(4.3, 4.3)
        axes.grid(color=FAINT)
        for name in names:
            axes.plot(truth[groups == name], predicted[groups == name], linestyle="none", marker=marker[name],
                      markersize=4.4, color=colour[name], alpha=0.75, markeredgecolor="white", markeredgewidth=0.4,
                      label=name, zorder=3)  # fmt: skip
        low, high = min(truth.min(), predicted.min()), max(truth.max(), predicted.max())
        margin = 0.05 * (high - low) or 1.0
        ends = (low - margin, high + margin)
        axes.plot(ends, ends, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
        axes.set(xlim=ends, ylim=ends, xlabel=f"{label}: truth", ylabel=f"{label}: predicted", title=title)
        axes.set_aspect("equal")
        text = "\n".join(f"{name} {value:.3f}" for name, value in measures.items())
        axes.annotate(text, (0.03, 0.97), xycoords="axes fraction", va="top", fontweight="bold", zorder=4)
        if len(names) > 1:
            legend_below(figure, axes.get_legend_handles_labels()[0], group_label)
        return figure
