"""Pictures of phones that tell the speaker, and of frames that are alike (Shon et al., 2018, Figures 7 and 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlib.report.style import COLOURS, FAINT, INK, MUTED, colour_of, new_figure, style

Segment = tuple[float, float, str]  # start and end in seconds, label
_SMALLEST = 0.012  # share of the width that a label needs


class Trace(NamedTuple):
    """Similarity to the speaker's model over the time of an utterance."""

    title: str
    times: np.ndarray  # (frames,) seconds
    cosines: np.ndarray  # (frames,)
    phones: Sequence[Segment]


def critical_phones(
    trace: Trace, panels: Mapping[str, Mapping[str, Mapping[str, object]]], class_of: Mapping[str, str]
) -> Figure:
    """Draw an example of a trace, and below it how often phones are critical beside how often they occur.

    Args:
        trace: the example, with its highest and lowest frame marked.
        panels: by heading, by phone: `critical` and `occurrences` (counts), `interval` and `occurrence_interval` (of
            the shares). Phones that never occur are left out.
        class_of: class of each phone: phones of one class stand together, with its colour.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not panels:
        raise ValueError("there is no count of critical phones to draw")
    classes = list(dict.fromkeys(class_of.values()))
    colour = colour_of(classes)
    with style():
        rows = 1 + len(panels)
        figure, axes_of = new_figure(9.6, 2.5 * rows + 0.4, rows=rows)
        _draw_trace(axes_of[0], trace)
        for axes, (heading, table) in zip(axes_of[1:], panels.items(), strict=True):
            phones = [phone for phone in class_of if table[phone]["occurrences"]]
            total = {kind: max(sum(table[phone][kind] for phone in table), 1) for kind in ("critical", "occurrences")}
            x = np.arange(len(phones))
            for kind, ends, offset in (("occurrences", "occurrence_interval", -0.2), ("critical", "interval", 0.2)):
                share = np.array([table[phone][kind] / total[kind] for phone in phones])
                low, high = np.array([table[phone][ends] for phone in phones]).T
                colours = [colour[class_of[phone]] if kind == "critical" else FAINT for phone in phones]
                axes.bar(x + offset, share, 0.38, color=colours, edgecolor=MUTED, linewidth=0.4, zorder=2)
                axes.errorbar(
                    x + offset, share, yerr=[np.maximum(share - low, 0), np.maximum(high - share, 0)], fmt="none",
                    ecolor=MUTED, elinewidth=0.8, zorder=3,
                )  # fmt: skip
            axes.set_xticks(x, phones, rotation=90, fontsize=7)
            for label, phone in zip(axes.get_xticklabels(), phones, strict=True):
                label.set_color(colour[class_of[phone]])
            axes.set(title=heading, ylabel="share", xlim=(-0.7, len(phones) - 0.3))
            axes.grid(axis="y")
        names = "  ".join(classes)
        axes_of[-1].set_xlabel(
            f"grey: share of the segments; coloured: share of the critical frames; by class ({names})"
        )
        return figure


def similarity_matrices(
    panels: Mapping[str, np.ndarray], axes_phones: tuple[Sequence[Segment], Sequence[Segment]],
    times: Mapping[str, tuple[np.ndarray, np.ndarray]], names: tuple[str, str], title: str = "",
) -> Figure:  # fmt: skip
    """Draw cosines between the frames of two utterances, with their phones along both axes.

    Args:
        panels: by heading, (frames of the first, frames of the second) cosines.
        axes_phones: phones of the first utterance (vertical axis) and of the second (horizontal).
        times: by heading, seconds of the frames of both.
        names: of the utterances.
        title: above the picture.

    Raises:
        ValueError: there is nothing to draw, or sizes that do not fit.
    """
    if not panels:
        raise ValueError("there is no matrix to draw")
    ends = tuple(phones[-1][1] for phones in axes_phones)
    with style():
        figure, axes_of = new_figure(5.0 * len(panels) + 0.6, 5.0, columns=len(panels))
        for axes, (heading, matrix) in zip(axes_of, panels.items(), strict=True):
            rows, columns = times[heading]
            if matrix.shape != (len(rows), len(columns)):
                raise ValueError(f"a matrix of {matrix.shape} for {len(rows)} and {len(columns)} frames")
            image = axes.pcolormesh(
                _edges(columns), _edges(rows), matrix, cmap=_diverging(), vmin=-1, vmax=1, rasterized=True
            )
            axes.set(xlim=(0, ends[1]), ylim=(ends[0], 0), title=heading, xlabel=names[1])
            _phone_axis(axes, axes_phones[1], ends[1], vertical=False)
            _phone_axis(axes, axes_phones[0], ends[0], vertical=True)
        axes_of[0].set_ylabel(names[0])
        figure.colorbar(image, ax=axes_of, shrink=0.6, aspect=30, label="cosine")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return figure


def _draw_trace(axes: Axes, trace: Trace) -> None:
    axes.plot(trace.times, trace.cosines, color=COLOURS[0], linewidth=1.3, zorder=3)
    end = max(trace.phones[-1][1], float(trace.times[-1]))
    low, high = float(trace.cosines.min()), float(trace.cosines.max())
    for index, (start, past, label) in enumerate(trace.phones):
        if index % 2:
            axes.axvspan(start, past, color=FAINT, alpha=0.5, linewidth=0, zorder=1)
        if past - start > _SMALLEST * end:
            axes.annotate(label, ((start + past) / 2, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2),
                          textcoords="offset points", ha="center", fontsize=6.5, color=MUTED)  # fmt: skip
    for frame, name in ((int(trace.cosines.argmax()), "most"), (int(trace.cosines.argmin()), "least")):
        inside = [label for start, past, label in trace.phones if start <= trace.times[frame] < past]
        axes.plot(trace.times[frame], trace.cosines[frame], marker="o", markersize=5, color=COLOURS[1], zorder=4)
        axes.annotate(f"{name}: /{inside[0] if inside else '-'}/", (trace.times[frame], trace.cosines[frame]),
                      xytext=(6, 2 if name == "most" else -9), textcoords="offset points", fontsize=8,
                      color=INK)  # fmt: skip
    axes.set(xlim=(0, end), ylim=(low - 0.2, high + 0.25), xlabel="seconds", ylabel="cosine to the speaker")
    axes.set_title(trace.title, pad=16)


def _phone_axis(axes: Axes, phones: Sequence[Segment], end: float, vertical: bool) -> None:
    """Boundaries as lines, labels where there is room."""
    for start, _, _ in phones[1:]:
        (axes.axhline if vertical else axes.axvline)(start, color="white", linewidth=0.35, alpha=0.7)
    shown = [(0.5 * (start + past), label) for start, past, label in phones if past - start > _SMALLEST * end]
    setter = axes.set_yticks if vertical else axes.set_xticks
    setter([place for place, _ in shown], [label for _, label in shown], fontsize=5.5,
           rotation=0 if vertical else 90)  # fmt: skip
    axes.tick_params(axis="y" if vertical else "x", length=1.5, pad=1)


def _edges(times: np.ndarray) -> np.ndarray:
    """(frames + 1,) borders between (frames,) middles."""
    if len(times) == 1:
        return np.array([times[0] - 0.01, times[0] + 0.01])
    between = 0.5 * (times[1:] + times[:-1])
    return np.concatenate([[2 * times[0] - between[0]], between, [2 * times[-1] - between[-1]]])


def _diverging():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("cosine", ["#003a5c", COLOURS[5], "#ffffff", COLOURS[4], "#7a2e00"])
