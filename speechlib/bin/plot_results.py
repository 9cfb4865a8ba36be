"""Draw one metric of many result.json files: a dot per seed, the mean of each group."""

from pathlib import Path

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import read_results
from speechlib.report.result_figures import grouped_dots, seed_dots
from speechlib.report.results_page import field_of, matching, natural_key
from speechlib.report.style import figure_bytes


def main(argv: list[str] | None = None) -> None:
    """Read results, write a picture of bars (groups along the axis, series in colours) or of rows of dots."""
    parser = KaldiArgumentParser(
        prog="plot_results",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_results --pattern 'clustering/*/*/result.json' --group extra.layer "
        "--series extra.train_speakers --metric mr_strict_oracle --known L5,590=0.125 results/demo table1.png",
    )
    add = parser.add_argument
    add("--kind", choices=("bars", "rows"), default="bars", help="bars along the axis, or a row per condition")
    add("--pattern", required=True, help="paths of the results below the folder; * stays within a part of the path")
    add("--metric", required=True, help="name of the metric")
    add("--group", required=True, metavar="FIELD", help="bars: what stands along the axis; rows: what a row is")
    add("--series", metavar="FIELD", help="bars: what has a colour each; rows: families of rows; as in make_results")
    add("--series-label", default="{}", help="text of a series in the legend, {} stands for its value")
    add("--known", action="append", default=[], metavar="GROUP[,SERIES]=VALUE", help="number to compare with")
    add("--known-label", default="paper", help="what these numbers are")
    add("--label", help="what is measured (default: the metric's name)")
    add("--group-label", default="", help="what the groups are")
    add("--title", default="", help="above the picture")
    add("--low", type=float, help="rows: where the axis begins")
    add("results", help="folder of result.json files, however deep")
    add("picture", help=".png, .svg or .pdf")
    options = parser.parse_args(argv)

    found = matching(read_results(options.results), options.pattern)
    if not found:
        raise ValueError(f"{options.results}: no result.json matches {options.pattern}")
    values: dict[str, dict[str, list[float]]] = {}
    series_of, groups = {}, {}
    for path, result in found.items():
        if options.metric not in result["metrics"]:
            raise ValueError(f"{path}: there is no metric {options.metric}; there are {', '.join(result['metrics'])}")
        group = field_of(path, result, options.group)
        series = field_of(path, result, options.series) if options.series else ""
        series_of[str(series)], groups[str(group)] = series, group
        outer, inner = (str(group), str(series)) if options.kind == "bars" else (str(series), str(group))
        values.setdefault(outer, {}).setdefault(inner, []).append(result["metrics"][options.metric]["value"])
    values = {
        outer: {inner: members[inner] for inner in sorted(members, key=natural_key)}
        for outer, members in sorted(values.items(), key=lambda item: natural_key(item[0]))
    }
    label = options.label or options.metric
    if options.kind == "rows":
        labelled = {options.series_label.replace("{}", family): rows for family, rows in values.items()}
        figure = seed_dots(labelled, label, options.title, options.low)
    else:
        known: dict[str, dict[str, float]] = {}
        for argument in options.known:
            place, equals, number = argument.rpartition("=")
            group, _, series = place.partition(",")
            if not equals or group not in groups or series not in series_of:
                raise ValueError(
                    f"--known {argument}: expected GROUP[,SERIES]=VALUE with a group of {', '.join(groups)}"
                    + (f" and a series of {', '.join(series_of)}" if options.series else "")
                )
            known.setdefault(group, {})[options.series_label.replace("{}", series)] = float(number)
        labelled = {
            group: {options.series_label.replace("{}", series): seeds for series, seeds in members.items()}
            for group, members in values.items()
        }
        figure = grouped_dots(labelled, label, options.title, known, options.known_label, options.group_label)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, Path(options.picture).suffix[1:]))


if __name__ == "__main__":
    run(main)
