"""Pictures of labels and features before any model: how many, how they are distributed, what depends on what."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from speechlib.report.style import COLOURS, INK, MUTED, colour_of, legend_below, marker_of, new_figure, style

_MOST_POINTS = 80  # of a group that are drawn one by one


def value_counts(
    counts: Mapping[str, Mapping[str, int]], xlabel: str, title: str = "", part_label: str = "", ylabel="utterances"
) -> Figure:
    """Draw how often each value of a label occurs, as bars that may be stacked from parts.

    Args:
        counts: by value, by part (a split, a gender; one part of any name for plain bars), how many.
        xlabel: what the values are.
        title: above the picture.
        part_label: what the parts are.
        ylabel: what is counted.

    Raises:
        ValueError: there is nothing to draw.
    """
    parts = list(dict.fromkeys(part for value in counts.values() for part in value))
    if not parts:
        raise ValueError("there is no value to count")
    colour = colour_of(parts)
    with style():
        figure, (axes,) = new_figure(max(3.6, 1.2 + 0.62 * len(counts)), 3.2)
        axes.grid(axis="y")
        for place, value in enumerate(counts.values()):
            below = 0
            for part in parts:
                axes.bar(place, value.get(part, 0), 0.66, bottom=below, color=colour[part], edgecolor="white",
                         linewidth=0.8, zorder=2)  # fmt: skip
                below += value.get(part, 0)
            axes.annotate(f"{below}", (place, below), xytext=(0, 3), textcoords="offset points", ha="center",
                          fontsize=8.0, color=MUTED)  # fmt: skip
        _name_places(axes, list(counts))
        axes.margins(y=0.1)
        axes.set(ylabel=ylabel, xlabel=xlabel, title=title)
        if len(parts) > 1:
            legend_below(figure, [Patch(color=colour[part], label=part) for part in parts], part_label)
        return figure


def distributions(values: Mapping[str, Sequence[float]], ylabel: str, xlabel: str = "", title: str = "") -> Figure:
    """Draw how a number is distributed in each group: outline, quartiles and median, and the points where few.

    Args:
        values: by group, its numbers; at least one.
        ylabel: what the number is, and in what unit.
        xlabel: what the groups are.
        title: above the picture.

    Raises:
        ValueError: no group, an empty one, or values that are not finite.
    """
    groups = {name: np.asarray(members, np.float64) for name, members in values.items()}
    wrong = [name for name, members in groups.items() if not members.size or not np.isfinite(members).all()]
    if not groups or wrong:
        raise ValueError(f"expected finite values in every group, there are none in {', '.join(wrong) or 'any'}")
    colour = colour_of(list(groups))
    with style():
        figure, (axes,) = new_figure(max(3.6, 1.2 + 0.75 * len(groups)), 3.4)
        axes.grid(axis="y")
        for place, (name, members) in enumerate(groups.items()):
            if members.max() > members.min():  # one value has no density
                body = axes.violinplot(members, [place], widths=0.8, showextrema=False)["bodies"][0]
                body.set(facecolor=colour[name], alpha=0.22, linewidth=0)
            if members.size <= _MOST_POINTS:
                # Drawn with a seed: the same picture each time.
                aside = np.random.default_rng(0).uniform(-0.16, 0.16, members.size)
                axes.plot(place + aside, members, "o", markersize=3.0, color=colour[name], alpha=0.75,
                          markeredgecolor="white", markeredgewidth=0.4, zorder=3)  # fmt: skip
            low, median, high = np.percentile(members, [25, 50, 75])
            axes.plot([place] * 2, [low, high], color=INK, linewidth=3.2, solid_capstyle="butt", alpha=0.75, zorder=4)
            axes.plot(place, median, "o", markersize=4.6, color="white", markeredgecolor=INK, zorder=5)
        _name_places(axes, [f"{name}\n({members.size})" for name, members in groups.items()])
        axes.set(ylabel=ylabel, xlabel=xlabel, title=title)
        legend_below(figure, [
            Line2D([], [], color=INK, marker="o", markersize=4.6, markerfacecolor="white", linestyle="none",
                   label="median"),
            Line2D([], [], color=INK, linewidth=3.2, alpha=0.75, label="middle half"),
        ])  # fmt: skip
        return figure


def feature_scatter(
    x: Sequence[float],
    y: Sequence[float],
    labels: Sequence[str],
    xlabel: str,
    ylabel: str,
    title: str = "",
    legend_title: str = "",
) -> Figure:
    """Draw one number against another, coloured by label.

    Args:
        x, y: (items,) numbers.
        labels: (items,) such as emotions.
        xlabel, ylabel: what the numbers are, and in what unit.
        title: above the picture.
        legend_title: what the labels are.

    Raises:
        ValueError: there is nothing to draw or the lengths differ.
    """
    x, y, labels = np.asarray(x, np.float64), np.asarray(y, np.float64), np.asarray(labels)
    if not x.size or not x.shape == y.shape == labels.shape:
        raise ValueError(f"expected as many labels as points, got {labels.size} for {x.size} by {y.size}")
    names = sorted(set(labels.tolist()))
    colour, marker = colour_of(names), marker_of(names)
    with style():
        figure, (axes,) = new_figure(5.0, 4.0)
        axes.grid()
        for name in names:
            axes.plot(x[labels == name], y[labels == name], linestyle="none", marker=marker[name], markersize=4.8,
                      color=colour[name], alpha=0.8, markeredgecolor="white", markeredgewidth=0.5,
                      label=name)  # fmt: skip
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        legend_below(figure, axes.get_legend_handles_labels()[0], legend_title)
        return figure


def effect_bars(
    sizes: Mapping[str, float], xlabel: str, found: Collection[str], title: str = "", criterion: str = "p < 0.05"
) -> Figure:
    """Draw effect sizes or correlations as bars, in the order given, from top to bottom.

    Args:
        sizes: by feature; infinite ones are drawn at the end of the axis.
        xlabel: what the sizes are.
        found: the features that pass the criterion; the others are pale.
        title: above the picture.
        criterion: what they pass.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not sizes:
        raise ValueError("there is no effect to draw")
    most = max((abs(size) for size in sizes.values() if np.isfinite(size)), default=0.0) or 1.0
    with style():
        figure, (axes,) = new_figure(5.6, 1.2 + 0.21 * len(sizes))
        axes.grid(axis="x")
        for place, (name, size) in enumerate(sizes.items()):
            colour, alpha = COLOURS[0] if size >= 0 else COLOURS[1], 0.9 if name in found else 0.25
            length = np.clip(size, -1.1 * most, 1.1 * most)
            axes.barh(place, length, 0.66, color=colour, alpha=alpha, linewidth=0, zorder=2)
        axes.axvline(0.0, color=INK, linewidth=0.8, zorder=3)
        axes.set_yticks(range(len(sizes)), list(sizes), fontsize=7.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(xlabel=xlabel, title=title, ylim=(len(sizes) - 0.4, -0.6))
        legend_below(figure, [Patch(color=MUTED, alpha=0.9, label=criterion),
                              Patch(color=MUTED, alpha=0.25, label="not so")])  # fmt: skip
        return figure


def _name_places(axes, names: Sequence[str]) -> None:
    """Names below the places, aslant where they are long."""
    crowded = max(len(line) for name in names for line in name.split("\n")) > 9
    slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axes.set_xticks(range(len(names)), names, **slant)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="x", length=0)
