"""Detection error trade-off of several systems on normal-deviate axes (Martin et al., 1997)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlib.report.style import INK, MUTED, colour_of, legend_below, new_figure, style

_TICKS = (0.00001, 0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99)
_MARKERS = ("s", "^", "D", "v", "P", "X")
_MAX_POINTS = 4000


@dataclass(frozen=True)
class DetCurve:
    """What is drawn of one system.

    Attributes:
        miss, false_alarm: (points,) rates by rising threshold.
        eer: equal error rate.
        best: (false-alarm rate, miss rate) of the lowest cost, by the words that name the cost, such as minDCF(0.01).
    """

    miss: np.ndarray
    false_alarm: np.ndarray
    eer: float
    best: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def det_plot(systems: Mapping[str, DetCurve], title: str = "") -> Figure:
    """Draw miss against false-alarm rates; normal scores give straight lines. A circle is the EER, others are costs.

    Args:
        systems: by name, at least one.
        title: above the picture.

    Raises:
        ValueError: there is nothing to draw.
    """
    if not systems:
        raise ValueError("there is no system to draw")
    colour = colour_of(list(systems))
    costs = list(dict.fromkeys(name for system in systems.values() for name in system.best))
    low, high = _limits(systems)
    with style():
        figure, (axes,) = new_figure(5.0, 5.4)
        ends = (_deviate(low), _deviate(high))
        axes.plot(ends, ends, color=MUTED, linewidth=0.8, alpha=0.6)
        for name, system in systems.items():
            x, y = _thinned(_deviate(system.false_alarm, low / 4), _deviate(system.miss, low / 4))
            axes.plot(x, y, color=colour[name], zorder=3)
            eer = float(_deviate(system.eer, low))
            axes.plot(eer, eer, marker="o", color=colour[name], markersize=6, markeredgecolor="white", zorder=5)
            for cost, marker in zip(costs, _MARKERS, strict=False):
                if cost in system.best:
                    place = _deviate(np.clip(system.best[cost], low, high), low)
                    axes.plot(*place, marker=marker, color=colour[name], markersize=5.5, markeredgecolor="white",
                              markeredgewidth=0.7, zorder=4, clip_on=False)  # fmt: skip
        ticks = [tick for tick in _TICKS if low <= tick <= high]
        labels = [f"{100 * tick:g}" for tick in ticks]
        places = _deviate(np.array(ticks))
        axes.set_xticks(places, _with_room(places, labels, 0.055 * (ends[1] - ends[0])))
        axes.set_yticks(_deviate(np.array(ticks)), labels)
        axes.grid(True)
        axes.set(xlim=ends, ylim=ends, aspect="equal", title=title, xlabel="false alarms, % of nontarget trials",
                 ylabel="misses, % of target trials")  # fmt: skip
        axes.spines[["top", "right"]].set_visible(True)
        handles = [Line2D([], [], color=colour[name], label=f"{name}, EER {100 * system.eer:.2f} %", linewidth=2.2)
                   for name, system in systems.items()]  # fmt: skip
        points = {"EER": "o"} | dict(zip(costs, _MARKERS, strict=False))
        handles += [Line2D([], [], color=INK, marker=marker, linestyle="none", markersize=5, label=name)
                    for name, marker in points.items()]  # fmt: skip
        legend_below(figure, handles)
        return figure


def _limits(systems: Mapping[str, DetCurve]) -> tuple[float, float]:
    """Ticks that hold the interesting part: from the smallest rate there is to the EERs and the marked costs."""
    smallest = min(
        float(rates[rates > 0.0].min()) for system in systems.values() for rates in (system.miss, system.false_alarm)
    )
    marked = [rate for system in systems.values() for place in system.best.values() for rate in place if rate < 1.0]
    highest = max([2.0 * system.eer for system in systems.values()] + [rate + 0.02 for rate in marked])
    low = max([tick for tick in _TICKS[:-4] if tick <= smallest], default=_TICKS[0])
    return min(low, 0.02), min(tick for tick in _TICKS if tick >= min(max(highest, 0.4), _TICKS[-1]))


def _with_room(places: np.ndarray, labels: Sequence[str], room: float) -> list[str]:
    """The labels from left to right, those without their room left empty."""
    shown, last = [], -np.inf
    for place, label in zip(places, labels, strict=True):
        shown.append(label if place - last >= room else "")
        last = place if shown[-1] else last
    return shown


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """No more points than a picture can show, evenly along the curve."""
    if len(x) <= _MAX_POINTS:
        return x, y
    length = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    kept = np.unique(np.searchsorted(length, np.linspace(0.0, length[-1], _MAX_POINTS)).clip(0, len(x) - 1))
    return x[kept], y[kept]


def _deviate(rates, floor: float = 1e-9):
    """Rates as places on the axis; 0 and 1, which are infinitely far, become places beyond its ends."""
    from scipy.special import ndtri

    return ndtri(np.clip(rates, floor, 1.0 - floor))
