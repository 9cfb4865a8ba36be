"""Draw the learned weights of layers: a dot for each layer_weights.tsv, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.report.layer_weight_figures import layer_weights
from speechlib.report.style import figure_bytes

HEADER = "layer\tweight"


def main(argv: Sequence[str] | None = None) -> None:
    """Read weights, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_layer_weights",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_layer_weights exp/loso/weights.png exp/loso/*/layer_weights.tsv",
    )
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    parser.add_argument("tables", nargs="+", metavar="layer_weights.tsv", help="of trainings on the same layers")
    args = parser.parse_args(argv)

    tables = {path: read_layer_weights(path) for path in args.tables}
    layers = list(tables[args.tables[0]])
    for path, weights in tables.items():
        if list(weights) != layers:
            raise ValueError(
                f"{path}: layers {', '.join(map(str, weights))}, but {args.tables[0]} has "
                f"{', '.join(map(str, layers))}: draw them apart"
            )
    figure = layer_weights(layers, np.array([list(weights.values()) for weights in tables.values()]), args.title)
    with atomic_write(args.picture) as file:
        file.write(figure_bytes(figure, Path(args.picture).suffix[1:]))


def read_layer_weights(path: str) -> dict[int, float]:
    """Weight by layer.

    Raises:
        ValueError: it is no table as train_layer_network writes it; with file and line.
    """
    header, *lines = Path(path).read_text(encoding="utf-8").splitlines() or [""]
    if header != HEADER:
        raise ValueError(f"{path}:1: expected the columns layer and weight with a tab between, got {header!r}")
    found: dict[int, float] = {}
    for number, line in enumerate(lines, 2):
        try:
            layer, weight = line.split("\t")
            found[int(layer)] = float(weight)
        except ValueError:
            raise ValueError(f"{path}:{number}: expected a layer and its weight, got {line!r}") from None
    if not found:
        raise ValueError(f"{path}: no layer in it")
    return found


if __name__ == "__main__":
    run(main)
