"""Pictures of a clustering: the dendrogram by speaker and the error of every cut (Lukic et al., 2016, Fig. 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlib.report.style import COLOURS, INK, MUTED, colour_of, legend_below, new_figure, style

_MIXED = "#b4bac2"


def dendrogram(
    tree: np.ndarray,
    items: Sequence[str],
    speakers: Sequence[str],
    cuts: Mapping[str, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the tree with leaves from top to bottom; what holds one speaker alone has that speaker's colour.

    Args:
        tree: (items - 1, 4) merges in scipy's form.
        items: (items,) names by leaf number.
        speakers: (items,) the speaker of each item.
        cuts: distances to mark with a line, by the name to write at it.
        title: above the picture.

    Raises:
        ValueError: the lengths do not fit, or there are fewer than two items.
    """
    from scipy.cluster.hierarchy import dendrogram as layout_tree

    num_items = len(items)
    if num_items < 2 or np.shape(tree) != (num_items - 1, 4) or len(speakers) != num_items:
        raise ValueError(f"{num_items} items, {len(speakers)} speakers and {len(tree)} merges make no dendrogram")
    members = [[leaf] for leaf in range(num_items)]
    for first, second in np.asarray(tree)[:, :2].astype(int):
        members.append(members[first] + members[second])
    owners = [{speakers[leaf] for leaf in leaves} for leaves in members]
    whole = {
        cluster: len(leaves) == list(speakers).count(speakers[leaves[0]])
        for cluster, leaves in enumerate(members)
        if len(owners[cluster]) == 1
    }
    shape = layout_tree(tree, no_plot=True, link_color_func=str)
    order = shape["leaves"]
    colour = colour_of([speakers[leaf] for leaf in order])

    with style():
        figure, (axes,) = new_figure(7.2, 1.1 + 0.155 * max(num_items, 8))
        for low_high, ends, name in zip(shape["icoord"], shape["dcoord"], shape["color_list"], strict=True):
            cluster = int(name)
            pure = cluster in whole
            axes.plot(
                ends, low_high, color=colour[next(iter(owners[cluster]))] if pure else _MIXED,
                linewidth=1.9 if pure else 1.0, zorder=3 if pure else 2, solid_joinstyle="miter",
            )  # fmt: skip
        positions = 10.0 * np.arange(num_items) + 5.0
        found = {leaf for cluster, complete in whole.items() if complete for leaf in members[cluster]}
        axes.set_yticks(positions, [items[leaf] for leaf in order])
        for label, leaf in zip(axes.get_yticklabels(), order, strict=True):
            label.set(color=colour[speakers[leaf]], fontsize=7.0, fontweight="bold" if leaf in found else "normal")
        highest = float(np.asarray(tree)[:, 2].max())
        axes.set(xlim=(0.0, highest * 1.03 or 1.0), ylim=(10.0 * num_items, 0.0), xlabel="cosine distance of the merge")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        marks = sorted((cuts or {}).items(), key=lambda mark: mark[1])
        crowded = len(marks) == 2 and marks[1][1] - marks[0][1] < 0.15 * highest
        sides = ("right", "left") if crowded else ("center",) * len(marks)
        for (name, distance), side in zip(marks, sides, strict=True):
            axes.axvline(distance, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
            axes.annotate(
                name, (distance, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                fontsize=7.5, color=INK, ha=side, va="bottom",
            )  # fmt: skip
        if title:
            axes.set_title(title, pad=20 if cuts else 9)
        handles = [
            Line2D([], [], color=MUTED, linewidth=1.9, label="one speaker alone, in the speaker's colour"),
            Line2D([], [], color=_MIXED, linewidth=1.0, label="several speakers"),
            Line2D([], [], linestyle="none", label="bold: all of the speaker, and no other, in one cluster"),
        ]
        legend_below(figure, handles)
        return figure


def cut_curves(
    curves: Mapping[str, Mapping[str, np.ndarray]],
    marks: Mapping[str, Mapping[str, int]] | None = None,
    num_speakers: int | None = None,
    title: str = "",
) -> Figure:
    """Draw the misclassification rates against the number of clusters, strict and by best assignment side by side.

    Args:
        curves: by the name in the legend, columns num_clusters, mr_strict and mr_hungarian, (cuts,) each.
        marks: by the same name, the numbers of clusters of the cuts to mark: oracle_strict, oracle_hungarian (dots),
            chosen_strict, chosen_hungarian (rings); each may be missing.
        num_speakers: true number, drawn as a line.
        title: above the picture.
    """
    with style():
        figure, panels = new_figure(7.2, 3.1, columns=2, sharey=True)
        colour = dict(zip(curves, COLOURS * len(curves), strict=False))
        for axes, kind, name in zip(panels, ("strict", "hungarian"), ("strict", "best assignment"), strict=True):
            axes.grid(axis="y")
            if num_speakers is not None:
                axes.axvline(num_speakers, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
                axes.annotate(
                    f" {num_speakers} speakers", (num_speakers, 0.99), xycoords=("data", "axes fraction"),
                    fontsize=7.5, color=MUTED, va="top",
                )  # fmt: skip
            for label, curve in curves.items():
                clusters, rates = np.asarray(curve["num_clusters"]), np.asarray(curve[f"mr_{kind}"])
                axes.plot(clusters, rates, color=colour[label], label=label, drawstyle="steps-mid", zorder=2)
                for which, face in (("oracle", colour[label]), ("chosen", "white")):
                    place = (marks or {}).get(label, {}).get(f"{which}_{kind}")
                    if place is not None:
                        size, above = (4.6, 4) if which == "oracle" else (9.0, 3)
                        axes.plot(
                            place, rates[clusters == place][0], marker="o", markersize=size, markerfacecolor=face,
                            markeredgecolor=colour[label], markeredgewidth=1.6, zorder=above, clip_on=False,
                        )  # fmt: skip
            axes.set(title=f"MR, {name}", xlabel="number of clusters", ylim=(0.0, 1.03))
            axes.set_xlim(0.0, max(np.max(curve["num_clusters"]) for curve in curves.values()) + 1.0)
        panels[0].set_ylabel("misclassification rate")
        handles, _ = panels[0].get_legend_handles_labels()
        ring = {"marker": "o", "linestyle": "none", "color": MUTED}
        if marks:
            handles.append(Line2D([], [], label="best cut (oracle)", markersize=4.6, **ring))
            handles.append(Line2D([], [], label="chosen cut", markersize=8, markerfacecolor="white", **ring))
        legend_below(figure, handles)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return figure
