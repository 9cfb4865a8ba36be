"""Pictures of results over several seeds: one dot per seed, the mean as a line; and training curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlib.report.style import COLOURS, INK, MUTED, colour_of, legend_below, marker_of, new_figure, style


def grouped_dots(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    ylabel: str,
    title: str = "",
    references: Mapping[str, Mapping[str, float]] | None = None,
    reference_label: str = "paper",
    group_label: str = "",
) -> Figure:
    """Draw bars of means with a dot for every seed, in groups of series.

    Args:
        values: by group (along the axis), by series (a colour each), the values of all seeds.
        ylabel: what is measured, and in what unit.
        title: above the picture.
        references: by group, by series, numbers to compare with, drawn as short lines.
        reference_label: what they are.
        group_label: what the groups are.

    Raises:
        ValueError: there is nothing to draw.
    """
    series = list(dict.fromkeys(name for group in values.values() for name in group))
    if not series:
        raise ValueError("there is no value to draw")
    colour = colour_of(series)
    width = 0.8 / len(series)
    with style():
        figure, (axes,) = new_figure(max(4.0, 1.6 + 0.42 * len(values) * len(series) + 0.3 * len(values)), 3.2)
        axes.grid(axis="y")
        for place, (group, members) in enumerate(values.items()):
            for index, name in enumerate(series):
                if name not in members:
                    continue
                middle = place + (index - (len(series) - 1) / 2.0) * width
                seeds = np.asarray(members[name], dtype=np.float64)
                axes.bar(middle, seeds.mean(), 0.86 * width, color=colour[name], alpha=0.32, linewidth=0, zorder=2)
                ends = [middle - 0.43 * width, middle + 0.43 * width]
                axes.plot(ends, [seeds.mean()] * 2, color=colour[name], linewidth=2.2, zorder=3)
                axes.plot(
                    middle + _spread(seeds, 0.5 * width), seeds, marker="o", markersize=3.8, linestyle="none",
                    color=colour[name], markeredgecolor="white", markeredgewidth=0.5, zorder=4, clip_on=False,
                )  # fmt: skip
                known = (references or {}).get(group, {}).get(name)
                if known is not None:
                    axes.plot(
                        middle, known, marker="_", markersize=64 * width, markeredgewidth=2.0, color=INK,
                        linestyle="none", zorder=5, clip_on=False,
                    )  # fmt: skip
        axes.set_xticks(range(len(values)), list(values))
        axes.tick_params(axis="x", length=0)
        axes.set(ylabel=ylabel, title=title, xlabel=group_label, ylim=(0.0, None), xlim=(-0.55, len(values) - 0.45))
        handles = []
        if len(series) > 1:
            handles = [Line2D([], [], color=colour[name], linewidth=5, alpha=0.7, label=name) for name in series]
        handles.append(Line2D([], [], color=MUTED, marker="o", markersize=4, linestyle="none", label="one seed"))
        handles.append(Line2D([], [], color=MUTED, linewidth=2.2, label="mean"))
        if references:
            handles.append(Line2D([], [], color=INK, linewidth=2.0, label=reference_label))
        legend_below(figure, handles)
        return figure


def seed_dots(
    values: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str, title: str = "", low: float | None = None
) -> Figure:
    """Draw one row per condition with a dot for every seed and a line at the mean; conditions come in families.

    Args:
        values: by family (a colour and a heading each), by condition, the values of all seeds.
        xlabel: what is measured, and in what unit.
        title: above the picture.
        low: where the axis begins; default: a little below the lowest value.

    Raises:
        ValueError: there is nothing to draw.
    """
    num_rows = sum(len(family) for family in values.values())
    if num_rows == 0:
        raise ValueError("there is no value to draw")
    with style():
        figure, (axes,) = new_figure(6.4, 1.2 + 0.27 * (num_rows + 0.9 * len(values)))
        axes.grid(axis="x")
        place, ticks, labels = 0.0, [], []
        for (family, conditions), colour in zip(values.items(), COLOURS * len(values), strict=False):
            if len(values) > 1:
                axes.annotate(
                    family, (0.0, place), xycoords=("axes fraction", "data"), xytext=(4, 0), va="center",
                    textcoords="offset points", fontsize=8.0, fontweight="bold", color=colour,
                )  # fmt: skip
                place += 0.9
            for condition, members in conditions.items():
                seeds = np.asarray(members, dtype=np.float64)
                axes.plot([seeds.min(), seeds.max()], [place] * 2, color=colour, alpha=0.3, linewidth=3.0, zorder=2)
                axes.plot([seeds.mean()] * 2, [place - 0.32, place + 0.32], color=colour, linewidth=2.2, zorder=3)
                axes.plot(
                    seeds, place + _spread(seeds, 0.9), marker="o", markersize=4.2, linestyle="none", color=colour,
                    markeredgecolor="white", markeredgewidth=0.5, zorder=4, clip_on=False,
                )  # fmt: skip
                ticks.append(place)
                labels.append(condition)
                place += 1.0
        axes.set_yticks(ticks, labels)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set(ylim=(place - 0.4, -0.6), xlabel=f"{xlabel} (dot: one seed, line: mean)", title=title)
        if low is not None:
            axes.set_xlim(left=low)
        return figure


def training_curves(
    runs: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]],
    xlabel: str = "updates",
    title: str = "",
    log_measures: Sequence[str] = (),
) -> Figure:
    """Draw measures over the course of training, a panel per measure, a line per run.

    Args:
        runs: by run, by measure (loss, accuracy), `{"x": (points,), "y": (points,)}`.
        xlabel: what `x` is.
        title: above the picture.
        log_measures: measures with a logarithmic axis.

    Raises:
        ValueError: there is nothing to draw.
    """
    measures = list(dict.fromkeys(measure for run in runs.values() for measure in run))
    if not measures:
        raise ValueError("there is no curve to draw")
    colour = colour_of(list(runs))
    with style():
        figure, panels = new_figure(3.7 * len(measures) if len(measures) > 1 else 5.2, 3.0, columns=len(measures))
        for axes, measure in zip(panels, measures, strict=True):
            axes.grid(axis="y")
            for name, run in runs.items():
                if measure in run:
                    axes.plot(run[measure]["x"], run[measure]["y"], color=colour[name], label=name, linewidth=1.3)
            axes.set(title=measure, xlabel=xlabel)
            axes.set_xlim(left=0.0)
            if measure in log_measures:
                axes.set_yscale("log")
            else:
                axes.set_ylim(bottom=0.0)
        if len(runs) > 1:
            # A run may lack a measure; the legend shows them all.
            handles = [Line2D([], [], color=colour[name], label=name) for name in runs]
            legend_below(figure, handles)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return figure


def scatter_panels(
    panels: Mapping[str, np.ndarray], labels: Sequence[str], title: str = "", legend_title: str = ""
) -> Figure:
    """Draw points in the plane, one panel each for several pictures of the same items, coloured by label.

    Args:
        panels: by heading, (items, 2) coordinates without meaning of their own (t-SNE).
        labels: (items,) such as speakers.
        title: above the picture.
        legend_title: what the labels are.

    Raises:
        ValueError: there is nothing to draw or the lengths differ.
    """
    labels = np.asarray(labels)
    if not panels or labels.size == 0 or any(np.shape(points) != (labels.size, 2) for points in panels.values()):
        raise ValueError(f"{labels.size} labels do not fit {[np.shape(points) for points in panels.values()]}")
    names = sorted(set(labels.tolist()))
    colour, marker = colour_of(names), marker_of(names)
    with style():
        figure, axes_of = new_figure(3.1 * len(panels) + 0.4, 3.5, columns=len(panels))
        for axes, (heading, points) in zip(axes_of, panels.items(), strict=True):
            for name in names:
                x, y = np.asarray(points)[labels == name].T
                axes.plot(
                    x, y, linestyle="none", marker=marker[name], markersize=5.2, color=colour[name], alpha=0.85,
                    markeredgecolor="white", markeredgewidth=0.5, label=name,
                )  # fmt: skip
            axes.set(title=heading, xticks=[], yticks=[])
            axes.margins(0.08)
            axes.spines[["top", "right"]].set_visible(True)
        legend_below(figure, axes_of[0].get_legend_handles_labels()[0], legend_title)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return figure


def tsne(vectors: np.ndarray, seed: int = 0, perplexity: float = 30.0) -> np.ndarray:
    """Coordinates in the plane that keep neighbours by cosine distance (van der Maaten and Hinton, 2008).

    Args:
        vectors: (items, dim), at least three.
        seed: of the random start.
        perplexity: made smaller where there are few items; a third of them at most.

    Returns:
        (items, 2) coordinates.

    Raises:
        ValueError: fewer than three items, or vectors that are not finite.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) < 3 or not np.isfinite(vectors).all():
        raise ValueError(f"t-SNE needs at least three finite vectors, got shape {vectors.shape}")
    perplexity = min(perplexity, (len(vectors) - 1) / 3.0)
    projection = TSNE(metric="cosine", init="random", random_state=seed, perplexity=perplexity, n_jobs=1)
    # n_jobs does not hold for the gradient: on a busy machine its thousand little parallel loops wait for each other.
    with threadpool_limits(1, "openmp"):
        return projection.fit_transform(vectors)


def _spread(values: np.ndarray, width: float) -> np.ndarray:
    """Offsets that keep equal values from hiding each other, the same at each call."""
    offsets = np.zeros(len(values))
    for value in np.unique(values.round(9)):
        same = np.flatnonzero(values.round(9) == value)
        offsets[same] = (np.arange(len(same)) - (len(same) - 1) / 2.0) * min(width / max(len(same), 1), width / 4.0)
    return offsets
