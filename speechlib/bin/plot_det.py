"""Draw the detection error trade-off of one or several systems, with the points of their EER and lowest costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.scores import read_scores
from speechlib.io.trials import read_trials, require_labels
from speechlib.metrics.verification import detection_errors, equal_error_rate, parse_priors, sort_scores
from speechlib.report.det_plot import DetCurve, det_plot
from speechlib.report.style import FORMATS, figure_bytes


def main(argv: Sequence[str] | None = None) -> None:
    """Read trials and scores, write a picture."""
    parser = KaldiArgumentParser(
        prog="plot_det",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.plot_det --trials data/test/trials det.png i-vector=exp/ivector/scores "
        "x-vector=exp/xvector/scores",
    )
    parser.add_argument("--trials", required=True, metavar="FILE", help="labelled trials, all scored by every system")
    parser.add_argument("--p-target", default="0.01", metavar="P,..", help="costs to mark")
    parser.add_argument("--title", default="", help="above the picture")
    parser.add_argument("picture", help=".png, .svg or .pdf")
    parser.add_argument("systems", nargs="+", metavar="NAME=SCORES", help="legend, and score file")
    options = parser.parse_args(argv)

    priors = parse_priors(options.p_target)
    kind = Path(options.picture).suffix[1:]
    if kind not in FORMATS:
        raise ValueError(f"{options.picture}: expected a picture's name ending in .{', .'.join(FORMATS)}")
    trials = read_trials(options.trials)
    target = require_labels(trials)
    curves: dict[str, DetCurve] = {}
    for argument in options.systems:
        name, equals, path = argument.partition("=")
        if not equals or not name or name in curves:
            raise ValueError(f"{argument}: expected NAME=SCORES, with another name for each")
        scores = read_scores(path, trials)
        ordered = sort_scores(scores[target], scores[~target])
        _, miss, false_alarm = detection_errors(ordered)
        best = {}
        for prior in priors:
            place = int(np.argmin(prior * miss + (1.0 - prior) * false_alarm))
            best[f"minDCF({prior:g})"] = (float(false_alarm[place]), float(miss[place]))
        curves[name] = DetCurve(miss, false_alarm, equal_error_rate(ordered), best)
    figure = det_plot(curves, options.title)
    with atomic_write(options.picture) as file:
        file.write(figure_bytes(figure, kind))


if __name__ == "__main__":
    run(main)
