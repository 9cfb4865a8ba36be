"""The look that all figures share, with colours that colour-blind readers can tell apart (Okabe and Ito, 2008)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
INK, MUTED, FAINT = "#26292e", "#6b7280", "#e3e6ea"
# Okabe and Ito's palette without black and with its yellow darkened, which is hard to see on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#5b4b9a")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.labelsize": 9.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#aab0b8",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "svg.hashsalt": "speechlib",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and save inside this block to get the shared look, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float, columns: int = 1, rows: int = 1, **options) -> tuple[Figure, list[Axes]]:
    """A figure of a size in inches, and its axes row by row; no window system is touched.

    Args:
        width, height: size in inches.
        columns, rows: of equal axes.
        options: for `Figure.subplots`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def figure_bytes(figure: Figure, format: str) -> bytes:
    """The picture as the contents of a file; the same figure gives the same bytes.

    Args:
        figure: drawn with `style`.
        format: `png`, `svg` or `pdf`.

    Raises:
        ValueError: another format.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown picture format {format!r}: give one of {', '.join(FORMATS)}")
    # Dates and versions in the file would make every picture differ from the one before.
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
    metadata["pdf"] = {"CreationDate": None, "Creator": None, "Producer": None}
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=format, metadata=metadata[format])
    return buffer.getvalue()


def legend_below(figure: Figure, handles: Sequence[Artist], title: str = "") -> None:
    """Put the legend under the axes, in as many columns as fit the width of the figure."""
    longest = max(len(handle.get_label()) for handle in handles)
    columns = int(figure.get_figwidth() / (0.066 * longest + 0.5))
    figure.legend(handles=handles, loc="outside lower center", ncols=max(1, min(columns, len(handles))), title=title)


def colour_of(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name in the order given; beyond eight names the colours come again."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(dict.fromkeys(names))}


def marker_of(names: Sequence[str]) -> dict[str, str]:
    """A marker for each name; with `colour_of`, 64 names can be told apart."""
    distinct = list(dict.fromkeys(names))
    return {name: MARKERS[(index + index // len(COLOURS)) % len(MARKERS)] for index, name in enumerate(distinct)}
