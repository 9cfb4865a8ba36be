"""Combine the predictions of experiments that ran, and score them as one: one decision of several models.

The experiments must have the same test parts. The result lies beside that of the first one, in <root>/<name>. Methods:
majority_voting, mean, max, sum, max_class, uncertainty_threshold (with --threshold), uncertainty_weighted,
confidence_weighted, performance_weighted (with --weights from other data, one an experiment).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.predictions import Predictions, read_predictions
from speechlib.io.results import read_result
from speechlib.traits.ensemble import METHODS, UNCERTAINTIES, combine_probabilities


def main(argv: Sequence[str] | None = None) -> None:
    """Read the predictions of all experiments, combine them, write the result of the whole."""
    parser = KaldiArgumentParser(
        prog="ensemble",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.ensemble --method mean svm.ini mlp.ini cnn.ini",
    )
    add = parser.add_argument
    add("--method", choices=METHODS, default="mean", help="rule")
    add("--threshold", type=float, default=1.0, help="of uncertainty_threshold: 0 trusts nobody, 1 the surest always")
    add("--weights", help="of performance_weighted, from 0 to 1, with commas: scores on data other than the test part")
    add("--uncertainty", choices=UNCERTAINTIES, default="entropy", help="how it is measured; nkululeko: as there")
    add("--name", help="folder below the first experiment's root (default: ensemble_<method>)")
    add("configs", nargs="+", metavar="<exp.ini>", help="experiments that ran, two or more")
    args = parser.parse_args(argv)
    if len(args.configs) < 2:
        raise ValueError("an ensemble needs two experiments or more")
    if args.method == "majority_voting" and len(args.configs) < 3:
        raise ValueError("majority_voting needs three experiments or more: of two, none has the majority")

    from speechlib.experiments.data import load_data
    from speechlib.experiments.outcome import experiment_folder, write_outcome
    from speechlib.experiments.run import score_line
    from speechlib.experiments.training import FoldOutcome

    inis = [ExperimentIni(path) for path in args.configs]
    tables, results, tests = [], [], []
    for ini in inis:
        folder = experiment_folder(ini)
        if not (folder / "result.json").is_file():
            raise FileNotFoundError(f"{folder}/result.json: not there: run the experiment {ini.path} first")
        results.append(read_result(folder / "result.json"))
        tables.append(read_predictions(folder / "predictions.csv"))
        tests.append(test_parts(folder / "split.tsv"))
    check_alike(args.configs, tables, tests)
    data = load_data(inis[0], say)
    if not data.classes:
        raise ValueError(f"{inis[0].path}: an ensemble decides between classes, this is a regression")
    probabilities = np.stack([table.probabilities for table in tables])
    weights = [float(weight) for weight in args.weights.split(",")] if args.weights else None
    decided, shares = combine_probabilities(args.method, probabilities, args.threshold, weights, args.uncertainty)
    outputs = decided_outputs(decided, shares)
    rows = np.unique(np.concatenate([fold.test for fold in data.folds]))
    names = [data.samples.names[row] for row in rows]
    if names != tables[0].files:
        raise ValueError(f"{inis[0].path}: the data have changed since the experiment: run it again")
    of_row = dict(zip(rows.tolist(), outputs, strict=True))
    folds = [FoldOutcome(fold, np.stack([of_row[row] for row in fold.test.tolist()])) for fold in data.folds]
    leaks = {kind: text for result in results for kind, text in result["extra"].get("leaks", {}).items()}
    extra = {
        "method": args.method, "models": [result["extra"]["experiment"] for result in results],
        "features": ["ensemble"], "model": args.method, "weights": weights,
        "threshold": args.threshold if args.method == "uncertainty_threshold" else None,
    }  # fmt: skip
    name = args.name or f"ensemble_{args.method}"
    summary = write_outcome(inis[0], data, [folds], leaks, extra, name)
    say(f"{experiment_folder(inis[0]).with_name(name)}/result.json: {score_line(summary)}")


def test_parts(path: Path) -> list[str]:
    """Lines of split.tsv about test parts: what an experiment is scored on; dev belongs to its training."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.split("\t")[1:2] == ["test"]]


def check_alike(configs: Sequence[str], tables: Sequence[Predictions], tests: Sequence[list[str]]) -> None:
    """Raise a ValueError if the experiments do not have the same test parts, files and classes."""
    for config, table, test in zip(configs, tables, tests, strict=True):
        if not table.classes:
            raise ValueError(f"{config}: its predictions have no probabilities: an ensemble needs a classification")
        if test != tests[0]:
            raise ValueError(f"{config} and {configs[0]} have different splits: an ensemble needs one split for all")
        if (table.files, table.truth, table.classes) != (tables[0].files, tables[0].truth, tables[0].classes):
            raise ValueError(f"{config} and {configs[0]} predict other files or classes: run both again")


def decided_outputs(decided: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(samples, classes) shares whose largest entry is the decision, where rounding or a tie would hide it."""
    outputs = shares.copy()
    rows = np.flatnonzero(outputs.argmax(1) != decided)
    outputs[rows, decided[rows]] = outputs[rows].max(1) + 1e-9
    return outputs / outputs.sum(1, keepdims=True)


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"ensemble: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
