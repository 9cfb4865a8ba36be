"""Draw one metric of many result.json files by layer or over the course of training, with its intervals by speaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import merge_seeds, read_results
from speechlib.report.layer_figures import Point, interval_lines
from speechlib.report.results_page import field_of, group_rows, matching, natural_key
from speechlib.report.style import figure_bytes


def main(argv: Sequence[str] | None = None) -> None:
    """Read results, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_layers",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_layers --pattern 'phones/*/*/true/*/result.json' --metric per "
        "--x extra.layer --order extra.depth --series extra.state exp/demo per.png",
    )
    add = parser.add_argument
    add("--pattern", required=True, action="append", help="paths of the results below the folder; may be repeated")
    add("--metric", required=True, help="name of the metric")
    add("--x", required=True, metavar="FIELD", help="what stands along the axis: numbers, or texts with --order")
    add("--order", metavar="FIELD", help="number that texts along the axis are ordered by")
    add("--series", required=True, metavar="FIELD[,FIELD]", help="what has a colour each; several fields are joined")
    add("--series-order", metavar="FIELD", help="number that the series are ordered by (default: their names)")
    add("--level", action="append", default=[], metavar="NAME=METRIC", help="metric whose mean is a line across")
    add("--known", action="append", default=[], metavar="NAME=VALUE", help="number to compare with, a line across")
    add("--label", help="what is measured (default: the metric's name)")
    add("--x-label", default="", help="what stands along the axis")
    add("--title", default="", help="above the picture")
    add("results", help="folder of result.json files, however deep")
    add("picture", help=".png, .svg or .pdf")
    options = parser.parse_args(argv)

    everything = read_results(options.results)
    found = {path: result for pattern in options.pattern for path, result in matching(everything, pattern).items()}
    if not found:
        raise ValueError(f"{options.results}: no result.json matches {', '.join(options.pattern)}")
    fields = [options.x, *options.series.split(",")]
    rows = group_rows(found, fields, merge_seeds)
    series: dict[str, dict] = {}
    ranks, places = {}, {}
    for row in rows:
        if options.metric not in row.summary:
            raise ValueError(f"{row.paths[0]}: there is no metric {options.metric}; there are {', '.join(row.summary)}")
        x, name = row.key[0], ", ".join(map(str, row.key[1:]))
        series.setdefault(name, {})[x] = point_of(row.summary[options.metric])
        ranks[name] = natural_key(field_of(row.paths[0], row.results[0], options.series_order)
                                  if options.series_order else name)  # fmt: skip
        if options.order:
            places[x] = field_of(row.paths[0], row.results[0], options.order)
    series = {name: series[name] for name in sorted(series, key=ranks.get)}
    levels = {}
    for argument in options.level:
        name, _, metric = argument.partition("=")
        levels[name] = float(np.mean([row.summary[metric]["mean"] for row in rows]))
    for argument in options.known:
        name, equals, value = argument.rpartition("=")
        if not equals:
            raise ValueError(f"--known {argument}: expected NAME=VALUE")
        levels[name] = float(value)
    order = sorted(places, key=places.get) if options.order else None
    figure = interval_lines(series, options.label or options.metric, options.x_label, options.title, levels, order)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


def point_of(summary: Mapping) -> Point:
    """Mean over seeds, and the means of the ends of their intervals."""
    low, high = summary["interval"] or (summary["mean"], summary["mean"])
    return summary["mean"], low, high


if __name__ == "__main__":
    run(main)
