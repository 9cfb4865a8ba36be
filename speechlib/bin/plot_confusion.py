"""Draw confusion matrices of result.json files side by side, with intervals by speaker (Shon et al., 2018, Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import read_result
from speechlib.report.layer_figures import accuracy_heading, confusion_matrices
from speechlib.report.style import figure_bytes


def main(argv: Sequence[str] | None = None) -> None:
    """Read results, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_confusion",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_confusion confusion.png conv1=exp/broad/conv1/result.json "
        "fc2=exp/broad/fc2/result.json",
    )
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    parser.add_argument("results", nargs="+", metavar="NAME=FILE", help="heading and result of a panel")
    options = parser.parse_args(argv)

    panels, intervals, classes = {}, {}, None
    for argument in options.results:
        name, equals, path = argument.partition("=")
        if not equals or name in panels:
            raise ValueError(f"{argument}: expected NAME=FILE, with another name for each")
        result = read_result(path)
        extra = result["extra"]
        if "confusion" not in extra or (classes is not None and extra["classes"] != classes):
            raise ValueError(f"{path}: no confusion matrix, or of other classes than the one before")
        classes = extra["classes"]
        heading = accuracy_heading(name, result["metrics"]["accuracy"])
        panels[heading], intervals[heading] = extra["confusion"], extra["confusion_intervals"]
    figure = confusion_matrices(panels, classes, intervals, options.title)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


if __name__ == "__main__":
    run(main)
