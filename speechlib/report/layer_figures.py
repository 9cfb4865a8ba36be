"""Pictures of what layers know: a measure by layer or over the course of training, with intervals (Shon et al., 2018,
Figures 2 to 4); confusion matrices (Figure 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlib.report.style import COLOURS, INK, MUTED, colour_of, legend_below, marker_of, new_figure, style

Point = tuple[float, float, float]  # value, lower and upper end of its interval


def interval_lines(
    series: Mapping[str, Mapping[float | str, Point]],
    ylabel: str,
    xlabel: str = "",
    title: str = "",
    levels: Mapping[str, float] | None = None,
    order: Sequence[str] | None = None,
) -> Figure:
    """Draw a line per series with the interval of every point.

    Args:
        series: by name in the legend, by place along the axis, value and interval. Places are numbers, or texts: then
            `order` says how they follow each other.
        ylabel: what is measured.
        xlabel: what the places are.
        title: above the picture.
        levels: numbers to compare with, drawn as lines across.
        order: of places that are texts.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not any(series.values()):
        raise ValueError("there is no value to draw")
    colour, marker = colour_of(list(series)), marker_of(list(series))
    position = None if order is None else {name: place for place, name in enumerate(order)}
    with style():
        figure, (axes,) = new_figure(6.2, 3.5)
        axes.grid(axis="y")
        shift = 0.0 if position is None else 0.05
        for index, (name, points) in enumerate(series.items()):
            places = sorted(points, key=(lambda x: x) if position is None else position.__getitem__)
            x = np.array([place if position is None else position[place] for place in places], float)
            x += shift * (index - (len(series) - 1) / 2)  # so that intervals do not hide each other
            value, low, high = np.array([points[place] for place in places]).T
            axes.errorbar(
                x, value, yerr=[np.maximum(value - low, 0), np.maximum(high - value, 0)], color=colour[name],
                marker=marker[name], markersize=5, markeredgecolor="white", markeredgewidth=0.6, elinewidth=1.0,
                capsize=2.5, zorder=3,
            )  # fmt: skip
        for name, level in (levels or {}).items():
            axes.axhline(level, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=2)
            axes.annotate(
                name, (0.0, level), xycoords=("axes fraction", "data"), xytext=(4, -4), textcoords="offset points",
                va="top", fontsize=7.5, color=MUTED,
            )  # fmt: skip
        if position is not None:
            axes.set_xticks(range(len(order)), order)
        axes.set(ylabel=ylabel, xlabel=xlabel, title=title)
        axes.set_ylim(bottom=0.0)
        handles = [
            Line2D([], [], color=colour[name], marker=marker[name], markersize=5, markeredgecolor="white", label=name)
            for name in series
        ]
        legend_below(figure, [*handles, Line2D([], [], color=MUTED, marker="|", linestyle="none", markersize=9,
                                               label="95 % interval by speaker")])  # fmt: skip
        return figure


def accuracy_heading(name: str, metric: Mapping[str, object]) -> str:
    """Heading of a panel: what it shows, and its accuracy with the interval.

    Args:
        name: of the layer.
        metric: value and interval, as in a result.
    """
    low, high = metric["interval"]
    return f"{name}: {100 * metric['value']:.0f} % right [{100 * low:.0f}, {100 * high:.0f}]"


def confusion_matrices(
    panels: Mapping[str, np.ndarray],
    classes: Sequence[str],
    intervals: Mapping[str, Sequence[Sequence[Sequence[float] | None]]] | None = None,
    title: str = "",
    unit: str = "segments",
    show_counts: bool = False,
) -> Figure:
    """Draw confusion matrices side by side: shares of each true class in percent, with their intervals or counts.

    Args:
        panels: by heading, (classes, classes) counts, true class by decided class.
        classes: names.
        intervals: by heading, lower and upper share of each cell; None for a class that does not occur.
        title: above the picture.
        unit: what is counted.
        show_counts: write how many there are below each share; where there are intervals, those are written.

    Raises:
        ValueError: there is nothing to draw, or a matrix of another size.
    """
    size = len(classes)
    xlabel = "decided class (percent, below: how many)" if show_counts and not intervals else "decided class"
    if not panels or any(np.shape(counts) != (size, size) for counts in panels.values()):
        raise ValueError(f"{size} classes do not fit matrices of {[np.shape(counts) for counts in panels.values()]}")
    with style():
        figure, axes_of = new_figure(4.9 * len(panels) + 0.5, 4.9, columns=len(panels))
        for axes, (heading, counts) in zip(axes_of, panels.items(), strict=True):
            totals = np.asarray(counts).sum(axis=1, keepdims=True)
            shares = np.divide(counts, totals, out=np.zeros((size, size)), where=totals > 0)
            axes.imshow(shares, cmap=_blues(), vmin=0.0, vmax=1.0)
            for row in range(size):
                for column in range(size):
                    if not totals[row]:
                        continue
                    dark = shares[row, column] > 0.55
                    ends = intervals[heading][row][column] if intervals else None
                    below = f"{100 * ends[0]:.0f}-{100 * ends[1]:.0f}" if ends else ""
                    if show_counts and not intervals:
                        below = f"{int(counts[row][column])}"
                    text = f"{100 * shares[row, column]:.0f}"
                    axes.text(column, row - (0.1 if below else 0.0), text, ha="center", va="center", fontsize=8.5,
                              color="white" if dark else INK)  # fmt: skip
                    axes.text(column, row + 0.28, below, ha="center", va="center", fontsize=5.5,
                              color="white" if dark else INK)  # fmt: skip
            names = [f"{name} ({int(total)})" for name, total in zip(classes, totals[:, 0], strict=True)]
            axes.set_xticks(range(size), classes, rotation=45, ha="right")
            axes.set_yticks(range(size), names)
            axes.set(title=heading, xlabel=xlabel, ylabel=f"true class ({unit})")
            axes.tick_params(length=0)
            for spine in axes.spines.values():
                spine.set_visible(False)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return figure


def _blues():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("share", ["#ffffff", COLOURS[5], COLOURS[0], "#003a5c"])
