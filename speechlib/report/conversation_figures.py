"""Picture of a conversation: who spoke and who was found when, distances between utterances, tree of clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from speechlib.report.style import COLOURS, FAINT, INK, MUTED, new_figure, style

Turns = Sequence[tuple[float, float, str]]

_MIXED, _UNMATCHED = "#b4bac2", "#9aa1ab"
_WIDTH, _ROW, _LOWER = 9.6, 0.24, 3.7  # inches
_AROUND, _AROUND_LOWER = 1.25, 0.65  # inches for titles and labels
_NAME = 18  # letters of a name
_MINUTES = 600.0  # seconds from which on the time axis counts minutes
_FEW = 80  # leaves that have room
_STRIP = 0.035  # width of the strips of colours, of the panel's


@dataclass(frozen=True)
class Tree:
    """Utterances and how they were merged.

    Attributes:
        speakers: (utterances,) reference speakers, by leaf number.
        merges: (utterances - 1, 4) in scipy's form.
        distances: (utterances, utterances), lower is closer; None: not drawn.
        cut: largest distance at which clusters were merged; None: not drawn.
        distance: what it is called.
    """

    speakers: Sequence[str]
    merges: np.ndarray
    distances: np.ndarray | None = None
    cut: float | None = None
    distance: str = "distance"


def conversation_figure(
    reference: Turns, hypothesis: Turns, matches: Mapping[str, str], tree: Tree | None = None, title: str = ""
) -> Figure:
    """Draw a conversation: a row for each speaker and for each cluster, and below the distances and the tree.

    Args:
        reference: (start, duration, speaker) in seconds.
        hypothesis: (start, duration, cluster) in seconds.
        matches: the cluster that stands for each reference speaker; others are grey.
        tree: of the utterances; drawn from two of them on.
        title: above the picture.

    Raises:
        ValueError: there is nothing to draw, or the parts of the tree do not fit together.
    """
    if not reference and not hypothesis:
        raise ValueError("neither the reference nor the hypothesis has a turn: nothing to draw")
    names = list(dict.fromkeys(speaker for _, _, speaker in sorted(reference)))
    if tree is not None:
        num = len(tree.speakers)
        square = tree.distances is None or np.shape(tree.distances) == (num, num)
        if len(tree.merges) != num - 1 or not square:
            raise ValueError(f"{num} utterances, {len(tree.merges)} merges: expected one less, and distances of all")
        names += sorted(set(tree.speakers) - set(names))
        tree = tree if num > 1 else None
    colour = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    found = list(dict.fromkeys(cluster for _, _, cluster in sorted(hypothesis)))
    owner = {cluster: speaker for speaker, cluster in matches.items()}
    # A cluster has the row number and the colour of the speaker that it stands for; the others come after.
    found.sort(key=lambda cluster: names.index(owner[cluster]) if cluster in owner else len(names))
    of_cluster = {cluster: colour[owner[cluster]] if cluster in owner else _UNMATCHED for cluster in found}

    spoken = [name for name in names if any(speaker == name for _, _, speaker in reference)]
    heights = [_ROW * (max(1, len(rows)) + 0.2) for rows in (spoken, found)] + ([_LOWER] if tree else [])
    with style():
        figure, _ = new_figure(_WIDTH, sum(heights) + _AROUND + (_AROUND_LOWER if tree else 0.0))
        figure.clear()
        rows = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        above, below = figure.add_subplot(rows[0]), figure.add_subplot(rows[1])
        end = max(start + duration for start, duration, _ in (*reference, *hypothesis))
        begin = min(0.0, *(start for start, _, _ in (*reference, *hypothesis)))
        unit = 60.0 if end > _MINUTES else 1.0
        _timeline(above, reference, spoken, colour, unit)
        _timeline(below, hypothesis, found, of_cluster, unit)
        for axes in (above, below):
            axes.set_xlim(begin / unit, end / unit)
        above.tick_params(axis="x", labelbottom=False)
        above.set_title("Reference", fontsize=9.0)
        below.set_title("Found", fontsize=9.0)
        below.set_xlabel("time in minutes" if unit > 1.0 else "time in seconds")
        if tree:
            panels = rows[2].subgridspec(1, 2) if tree.distances is not None else rows[2].subgridspec(1, 1)
            if tree.distances is not None:
                _distances(figure, figure.add_subplot(panels[0]), tree, names, colour)
            _dendrogram(figure.add_subplot(panels[-1]), tree, colour)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return figure


def _timeline(axes: Axes, turns: Turns, rows: Sequence[str], colour: Mapping[str, str], unit: float) -> None:
    for place, name in enumerate(rows):
        spans = [(start / unit, duration / unit) for start, duration, speaker in turns if speaker == name]
        axes.broken_barh(spans, (place - 0.36, 0.72), facecolor=colour[name], linewidth=0)
    axes.set(ylim=(max(len(rows), 1) - 0.4, -0.6))
    axes.set_yticks(range(len(rows)), [_short(name) for name in rows])
    for label, name in zip(axes.get_yticklabels(), rows, strict=True):
        label.set(color=colour[name], fontweight="bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    if not rows:
        axes.text(0.5, 0.5, "nobody", transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _distances(
    figure: Figure, axes: Axes, tree: Tree, names: Sequence[str], colour: Mapping[str, str]
) -> None:
    """The matrix of distances, speaker by speaker."""
    rank = {name: place for place, name in enumerate(names)}
    places = np.array([rank[speaker] for speaker in tree.speakers])
    order = np.argsort(places, kind="stable")
    matrix = np.array(tree.distances, np.float64)[np.ix_(order, order)]
    np.fill_diagonal(matrix, np.nan)
    # A few far outliers would leave all others in one shade.
    low, high = np.nanpercentile(matrix, [1.0, 99.0])
    num = len(order)
    image = axes.imshow(matrix, cmap="YlGnBu_r", vmin=low, vmax=high, interpolation="nearest", aspect="auto")
    edges = np.flatnonzero(np.diff(places[order])) + 0.5
    for edge in edges:
        axes.axhline(edge, color="white", linewidth=0.9)
        axes.axvline(edge, color="white", linewidth=0.9)
    starts = np.concatenate([[-0.5], edges, [num - 0.5]])
    present = [names[place] for place in dict.fromkeys(places[order])]
    width = _STRIP * num
    for name, first, last in zip(present, starts[:-1], starts[1:], strict=True):
        for corner, across, down in (
            ((first, num - 0.5), last - first, width),
            ((-0.5 - width, first), width, last - first),
        ):
            axes.add_patch(Rectangle(corner, across, down, facecolor=colour[name], linewidth=0))
    axes.set(xlim=(-0.5 - width, num - 0.5), ylim=(num - 0.5 + width, -0.5))
    axes.set_xticks([])
    axes.set_yticks((starts[:-1] + starts[1:]) / 2.0, [_short(name) for name in present])
    for label, name in zip(axes.get_yticklabels(), present, strict=True):
        label.set(color=colour[name], fontweight="bold")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_facecolor("white")
    axes.set_title(f"Distances of {num} utterances, by reference speaker", fontsize=9.0)
    bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, extend="both")
    bar.set_label(tree.distance)
    bar.outline.set_visible(False)


def _dendrogram(axes: Axes, tree: Tree, colour: Mapping[str, str]) -> None:
    """The tree; what holds utterances of one speaker alone has that speaker's colour."""
    num = len(tree.speakers)
    merges = np.asarray(tree.merges, np.float64)
    # Where a distance falls from one merge to the next, a threshold that stops before the higher one stops before both.
    levels = np.maximum.accumulate(merges[:, 2])
    spread = float(levels[-1] - levels[0]) or max(1.0, abs(float(levels[0])))
    ground = float(levels[0]) - 0.08 * spread
    order = _leaf_order(merges, num)
    across = np.empty(2 * num - 1)
    across[order] = np.arange(num)
    height = np.concatenate([np.full(num, ground), levels])
    owner: list[str | None] = list(tree.speakers)
    brackets, colours, widths = [], [], []
    many = num > _FEW
    thick, thin = (0.8, 0.6) if many else (1.7, 1.0)
    for cluster, (first, second) in enumerate(merges[:, :2].astype(int), num):
        across[cluster] = (across[first] + across[second]) / 2.0
        owner.append(owner[first] if owner[first] == owner[second] else None)
        for child in (first, second):  # each half has the colour of what hangs on it
            top = height[cluster]
            # The lines of many leaves would fill the panel if they went down to the ground.
            bottom = max(ground, top - 0.05 * spread) if many and child < num else height[child]
            brackets.append([(across[child], bottom), (across[child], top), (across[cluster], top)])
            colours.append(_MIXED if owner[child] is None else colour[owner[child]])
            widths.append(thin if owner[child] is None else thick)
    axes.add_collection(LineCollection(brackets, colors=[to_rgb(name) for name in colours], linewidths=widths))
    strip = 1.6 * _STRIP * spread
    for place, leaf in enumerate(order):
        face = colour[tree.speakers[leaf]]
        axes.add_patch(Rectangle((place - 0.5, ground - strip), 1.0, strip, facecolor=face, linewidth=0))
    axes.set(xlim=(-0.5, num - 0.5), ylim=(ground - strip, float(levels[-1]) + 0.04 * spread), ylabel=tree.distance)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.grid(axis="y", color=FAINT)
    axes.set_title("Tree, leaves by reference speaker", fontsize=9.0)
    handles = [
        Line2D([], [], color=MUTED, linewidth=1.7, label="one speaker alone, coloured"),
        Line2D([], [], color=_MIXED, linewidth=1.0, label="several speakers"),
    ]
    if tree.cut is not None and ground <= tree.cut <= levels[-1] + 0.04 * spread:
        axes.axhline(tree.cut, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="cut"))
    axes.legend(handles=handles, loc="upper right", bbox_to_anchor=(1.02, -0.01), ncols=len(handles), fontsize=7.5)


def _leaf_order(merges: np.ndarray, num: int) -> list[int]:
    """Leaves from left to right, so that no two branches cross; of two clusters the older one stands left."""
    order, waiting = [], [2 * num - 2]
    while waiting:
        cluster = waiting.pop()
        if cluster < num:
            order.append(cluster)
            continue
        waiting += merges[cluster - num, 1::-1].astype(int).tolist()
    return order


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
