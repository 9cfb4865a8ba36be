"""Put the predictions of folds together: one table of all utterances, sorted, each of which is tested in one fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.predictions import read_predictions, write_predictions


def main(argv: Sequence[str] | None = None) -> None:
    """Read tables of predictions, write one."""
    parser = KaldiArgumentParser(
        prog="merge_predictions",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.merge_predictions exp/predictions.csv exp/fold1/predictions.csv "
        "exp/fold2/predictions.csv",
    )
    parser.add_argument("merged", metavar="<out.csv>", help="where all of them go")
    parser.add_argument("tables", nargs="+", metavar="<predictions.csv>", help="of one fold each")
    args = parser.parse_args(argv)

    rows: dict[str, tuple[str, str, np.ndarray]] = {}
    origin: dict[str, str] = {}
    classes = read_predictions(args.tables[0]).classes
    for path in args.tables:
        table = read_predictions(path)
        if table.classes != classes:
            raise ValueError(
                f"{path}: classes {', '.join(table.classes)}, but {args.tables[0]} has {', '.join(classes)}: a class "
                "is missing in the training part of a fold"
            )
        for name, *row in zip(table.files, table.truth, table.predicted, table.probabilities, strict=True):
            if name in rows:
                raise ValueError(f"{path}: {name} is in {origin[name]}, too: expected each file in one fold")
            rows[name], origin[name] = tuple(row), path
    names = sorted(rows)
    truth, predicted, probabilities = zip(*(rows[name] for name in names), strict=True)
    write_predictions(args.merged, names, truth, predicted, classes, np.array(probabilities))
    print(f"merge_predictions: {len(names)} files of {len(args.tables)} folds in {args.merged}")


if __name__ == "__main__":
    run(main)
