"""Make log-likelihood ratios of scores, or fuse several systems into one, by logistic regression (Brummer's FoCal).

Trained on dev trials, other ones than those to be scored: --dev-trials, and --dev-scores once for each system. Or a
model that was stored before is used: --model without dev trials.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.backend.calibration import Calibration, train_calibration
from speechlib.io.atomic import write_json
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.scores import read_score_table, read_scores, write_scores
from speechlib.io.trials import Trials, read_trials, require_labels


def main(argv: Sequence[str] | None = None) -> None:
    """Train on the dev trials or read the model, write the calibrated scores in the order of the first file."""
    parser = KaldiArgumentParser(
        prog="calibrate_scores",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.calibrate_scores --dev-trials data/dev/trials --dev-scores "
        "exp/dev/scores exp/test/scores exp/test_calibrated/scores",
    )
    add = parser.add_argument
    add("--prior", type=float, default=None, metavar="P", help="prior of a target to train for (default: 0.5)")
    add("--dev-trials", metavar="FILE", help="labelled trials to learn from")
    add("--dev-scores", metavar="FILE", action="append", default=[], help="their scores, once a system")
    add("--model", metavar="JSON", help="weights and offset: written after training, read without dev trials")
    add("files", metavar="<scores> .. <scores-out>", nargs="+", help="score files, one a system; and the output")
    options = parser.parse_args(argv)
    *inputs, out = options.files
    if not inputs:
        raise ValueError("expected at least one score file and the file to write")
    if bool(options.dev_trials) != bool(options.dev_scores):
        raise ValueError("--dev-trials and --dev-scores belong together")
    if not options.dev_trials and (not options.model or options.prior is not None):
        raise ValueError("give --dev-trials and --dev-scores to learn from, or --model alone to use a stored model")
    if options.dev_scores and len(options.dev_scores) != len(inputs):
        raise ValueError(f"{len(inputs)} score files, but --dev-scores {len(options.dev_scores)} times: once for each")

    table = read_score_table(inputs[0])
    scores = np.stack([table.scores, *(read_scores(path, table.trials) for path in inputs[1:])])
    if options.dev_trials:
        dev = read_trials(options.dev_trials)
        target = require_labels(dev)
        warn_of_overlap(dev, table.trials)
        dev_scores = np.stack([read_scores(path, dev) for path in options.dev_scores])
        try:
            model = train_calibration(dev_scores, target, 0.5 if options.prior is None else options.prior)
        except ValueError as error:
            raise ValueError(f"{options.dev_trials}: {error}") from None
        for path, weight in zip(inputs, model.weights, strict=True):
            if weight < 0.0:
                warn(f"the weight of {path} is negative ({weight:.4g}): higher scores speak against the same speaker")
    else:
        model = read_model(options.model, len(inputs))
    calibrated = model.apply(scores)
    if options.dev_trials and options.model:
        write_json(
            options.model, {"weights": model.weights.tolist(), "offset": model.offset, "prior": model.prior}
        )
    write_scores(out, table.trials, calibrated)


def warn_of_overlap(dev: Trials, scored: Trials) -> None:
    """Say so if the calibration learns from utterances that it will be applied to."""
    shared = sorted((set(dev.enrol_names) | set(dev.test_names)) & (set(scored.enrol_names) | set(scored.test_names)))
    if shared:
        warn(f"{len(shared)} names of {dev.source} are among the scored ones, such as {shared[0]}: what is learnt from "
             "the scored trials flatters them (an oracle)")  # fmt: skip


def read_model(path: str, num_systems: int) -> Calibration:
    """Read what --model wrote.

    Raises:
        ValueError: no such model, or one of another number of systems.
    """
    with open(path, encoding="utf-8") as file:
        try:
            content = json.load(file)
            model = Calibration(np.array(content["weights"], dtype=np.float64), float(content["offset"]),
                                float(content["prior"]))  # fmt: skip
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}: no calibration: expected JSON with weights, offset and prior") from None
    if model.weights.shape != (num_systems,) or not np.isfinite([*model.weights, model.offset]).all():
        raise ValueError(f"{path}: a calibration of {model.weights.size} systems, but {num_systems} score files")
    return model


def warn(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"calibrate_scores: warning: {message}\n")


if __name__ == "__main__":
    run(main)
