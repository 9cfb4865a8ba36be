"""Draw the misclassification rates at every cut of one or several clusterings, with the oracle and the chosen cut."""

from pathlib import Path

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import read_curve
from speechlib.io.results import read_result
from speechlib.report.clustering_figures import cut_curves
from speechlib.report.style import figure_bytes


def main(argv: list[str] | None = None) -> None:
    """Read what cluster_embeddings wrote, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_cuts",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_cuts cuts.png L5=exp/clusters/L5 L7=exp/clusters/L7",
    )
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    parser.add_argument("clusterings", nargs="+", metavar="NAME=DIR", help="legend and folder of cluster_embeddings")
    options = parser.parse_args(argv)

    curves, marks, num_speakers = {}, {}, set()
    for argument in options.clusterings:
        name, equals, folder = argument.partition("=")
        if not equals or name in curves:
            raise ValueError(f"{argument}: expected NAME=DIR, with another name for each")
        curves[name] = read_curve(Path(folder) / "curve.tsv")
        result = read_result(Path(folder) / "result.json")
        num_speakers.add(result["counts"]["speakers"])
        marks[name] = {
            f"{which}_{kind}": result["metrics"][f"mr_{kind}{suffix}"]["selection"]["num_clusters"]
            for kind in ("strict", "hungarian")
            for which, suffix in (("oracle", "_oracle"), ("chosen", ""))
        }
    line_at = num_speakers.pop() if len(num_speakers) == 1 else None
    figure = cut_curves(curves, marks, line_at, options.title)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


if __name__ == "__main__":
    run(main)
