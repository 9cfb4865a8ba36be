"""Draw training logs: a panel for each measure, a line for each run."""

from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.report.result_figures import training_curves
from speechlib.report.style import figure_bytes


def main(argv: list[str] | None = None) -> None:
    """Read train.log files (tab-separated, a title line, updates first), write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_training",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_training training.png 1=exp/net/seed1 2=exp/net/seed2",
    )
    parser.add_argument("--measures", default="loss accuracy", help="columns of the log to draw")
    parser.add_argument("--log-measures", default="", help="those of them with a logarithmic axis")
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    parser.add_argument("runs", nargs="+", metavar="NAME=LOG", help="legend, and train.log or the folder that has it")
    options = parser.parse_args(argv)

    measures, runs = options.measures.split(), {}
    for argument in options.runs:
        name, equals, path = argument.partition("=")
        if not equals or name in runs:
            raise ValueError(f"{argument}: expected NAME=LOG, with another name for each")
        log = Path(path) / "train.log" if Path(path).is_dir() else Path(path)
        titles, table = read_log(log)
        missing = [measure for measure in measures if measure not in titles]
        if missing:
            raise ValueError(f"{log}: there is no column {', '.join(missing)}; there are {', '.join(titles)}")
        runs[name] = {measure: {"x": table[:, 0], "y": table[:, titles.index(measure)]} for measure in measures}
    figure = training_curves(runs, title=options.title, log_measures=options.log_measures.split())
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


def read_log(path: Path) -> tuple[list[str], np.ndarray]:
    """Column titles and (lines, columns) numbers of a log.

    Raises:
        ValueError: a line does not have a number for each title; with file and line.
    """
    title, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    titles = title.split("\t")
    rows = []
    for number, line in enumerate(lines, 2):
        try:
            rows.append([float(field) for field in line.split("\t")])
            if len(rows[-1]) != len(titles):
                raise ValueError
        except ValueError:
            raise ValueError(f"{path}:{number}: expected {len(titles)} numbers separated by tabs") from None
    if not rows:
        raise ValueError(f"{path}: nothing was logged yet")
    return titles, np.array(rows)


if __name__ == "__main__":
    run(main)
