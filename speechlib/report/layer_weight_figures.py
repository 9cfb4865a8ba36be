"""Picture of the weights by which a classifier mixes the layers of a network, over trainings on different folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlib.report.style import COLOURS, INK, legend_below, new_figure, style


def layer_weights(layers: Sequence[int], weights: np.ndarray, title: str = "") -> Figure:
    """Draw the weight of each layer, a dot a training and a bar for their mean.

    Args:
        layers: numbers.
        weights: (trainings, layers).
        title: above the picture.

    Raises:
        ValueError: the sizes disagree, or there is no training.
    """
    weights = np.asarray(weights, float)
    if weights.ndim != 2 or not len(weights) or weights.shape[1] != len(layers):
        raise ValueError(f"weights {weights.shape} do not fit {len(layers)} layers: expected a row a training")
    places = np.arange(len(layers))
    with style():
        figure, (axes,) = new_figure(6.2, 3.3)
        axes.grid(axis="y")
        axes.axhline(0.0, color=INK, linewidth=0.8, zorder=2)
        axes.bar(places, weights.mean(axis=0), width=0.66, color=COLOURS[5], alpha=0.55, zorder=1)
        # Beside each other, in the order of the trainings, so that equal weights do not hide each other.
        shifts = np.linspace(-0.22, 0.22, len(weights)) if len(weights) > 1 else np.zeros(1)
        for row, shift in zip(weights, shifts, strict=True):
            axes.plot(places + shift, row, ".", color=COLOURS[0], markersize=5, alpha=0.8, zorder=3)
        axes.set_xticks(places, [str(layer) for layer in layers])
        axes.set(xlabel="layer", ylabel="learned weight", title=title)
        legend_below(figure, [
            Line2D([], [], color=COLOURS[0], marker=".", linestyle="none", label="one training"),
            Line2D([], [], color=COLOURS[5], linewidth=6, alpha=0.55, label=f"mean of {len(weights)}"),
        ])  # fmt: skip
        return figure
