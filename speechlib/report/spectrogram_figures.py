"""Picture of a spectrogram with the snippets cut from it and the filters that slide over it (Lukic et al., 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from speechlib.report.style import COLOURS, new_figure, style


def spectrogram(
    values: np.ndarray,
    frames_per_second: float = 100.0,
    snippet_frames: int | None = None,
    filters: Sequence[tuple[int, int]] = (),
    title: str = "",
    value_label: str = "log(1 + 10000 x power)",
    bin_label: str = "mel band",
) -> Figure:
    """Draw a spectrogram; time runs to the right, frequency upwards.

    Args:
        values: (frames, bins) levels.
        frames_per_second: the time axis is in seconds.
        snippet_frames: mark the whole snippets of this many frames from the start, and shade what is dropped.
        filters: sizes (bins, frames) of filters to draw to scale, in the first snippet.
        title: above the picture.
        value_label, bin_label: what the colours and the bins are.

    Raises:
        ValueError: `values` is not a matrix with something in it.
    """
    values = np.asarray(values)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"need a matrix of frames by bins, got shape {values.shape}")
    num_frames, num_bins = values.shape
    seconds = num_frames / frames_per_second
    with style():
        figure, (axes,) = new_figure(min(7.2, max(3.6, 1.6 + 1.6 * seconds)), 2.9)
        image = axes.imshow(
            values.T, origin="lower", aspect="auto", cmap="magma", interpolation="nearest",
            extent=(0.0, seconds, 0.0, num_bins),
        )  # fmt: skip
        if snippet_frames:
            whole = num_frames // snippet_frames * snippet_frames
            for start in range(snippet_frames, whole + 1, snippet_frames):
                axes.axvline(start / frames_per_second, color="white", linewidth=1.0, linestyle=(0, (4, 3)))
            axes.axvspan(whole / frames_per_second, seconds, facecolor="white", alpha=0.45, linewidth=0)
        left = 0.04 * min(seconds, 1.0)
        for index, (bins, frames) in enumerate(filters):
            colour = COLOURS[(5, 4, 2, 3)[index % 4]]
            bottom = 0.42 * num_bins if bins < 0.5 * num_bins else 0.0
            axes.add_patch(
                Rectangle((left, bottom), frames / frames_per_second, bins, fill=False, edgecolor=colour, linewidth=1.6)
            )
            right = left + frames / frames_per_second
            axes.annotate(
                f"{bins} x {frames}", (right, bottom + bins / 2.0), xytext=(3, 0), textcoords="offset points",
                fontsize=7.5, fontweight="bold", color=colour, va="center",
            )  # fmt: skip
            left = right + 0.3 * min(seconds, 1.0)
        axes.set(xlabel="time (s)", ylabel=bin_label, title=title)
        bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=30)
        bar.set_label(value_label, fontsize=8.0)
        bar.outline.set_visible(False)
        return figure
