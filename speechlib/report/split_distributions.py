"""Pictures of how a number is distributed by two labels at once, such as emotion and gender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from speechlib.report.style import INK, colour_of, legend_below, new_figure, style

_ROOM = 0.84  # of the distance between two groups


def split_distributions(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    ylabel: str,
    xlabel: str = "",
    title: str = "",
    part_label: str = "",
) -> Figure:
    """Draw the outline, middle half and median of a number in each part of each group, the parts side by side.

    Args:
        values: by group (along the axis), by part (a colour each), the numbers; a part may be missing.
        ylabel: what the number is, and in what unit.
        xlabel: what the groups are.
        title: above the picture.
        part_label: what the parts are.

    Raises:
        ValueError: there is nothing to draw, or values are not finite.
    """
    parts = sorted({part for group in values.values() for part, members in group.items() if len(members)})
    wrong = [name for name, group in values.items() if not all(np.isfinite(list(m)).all() for m in group.values())]
    if not parts or wrong:
        raise ValueError(f"expected finite values in some group, there are none in {', '.join(wrong) or 'any'}")
    colour, width = colour_of(parts), _ROOM / len(parts)
    with style():
        figure, (axes,) = new_figure(max(3.8, 1.2 + (0.36 + 0.3 * len(parts)) * len(values)), 3.4)
        axes.grid(axis="y")
        for place, group in enumerate(values.values()):
            for index, part in enumerate(parts):
                members = np.asarray(group.get(part, ()), np.float64)
                if not members.size:
                    continue
                middle = place + (index - (len(parts) - 1) / 2) * width
                if members.max() > members.min():  # one value has no density
                    body = axes.violinplot(members, [middle], widths=0.92 * width, showextrema=False)["bodies"][0]
                    body.set(facecolor=colour[part], alpha=0.4, linewidth=0)
                low, median, high = np.percentile(members, [25, 50, 75])
                axes.plot([middle] * 2, [low, high], color=colour[part], linewidth=3.0, solid_capstyle="butt", zorder=4)
                axes.plot(middle, median, "o", markersize=4.2, color="white", markeredgecolor=INK, zorder=5)
        names = list(values)
        slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 9 else {}
        axes.set_xticks(range(len(names)), names, **slant)
        axes.tick_params(axis="x", length=0)
        axes.set(ylabel=ylabel, xlabel=xlabel, title=title, xlim=(-0.6, len(names) - 0.4))
        legend_below(figure, [Patch(color=colour[part], alpha=0.7, label=part) for part in parts], part_label)
        return figure
