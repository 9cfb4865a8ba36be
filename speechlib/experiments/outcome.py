"""What an experiment leaves: split.tsv, predictions.csv, result.json, and the numbers in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from speechlib.experiments.data import ExperimentData
from speechlib.experiments.folds import PARTS
from speechlib.experiments.training import FoldOutcome, gathered
from speechlib.io.atomic import write_text
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.predictions import write_predictions
from speechlib.io.results import write_result
from speechlib.metrics import classification, regression
from speechlib.metrics.bootstrap import bootstrap_statistic


def experiment_folder(ini: ExperimentIni, name: str | None = None) -> Path:
    """`<root>/<name>`, by default with the name of the experiment."""
    return Path(os.path.expanduser(ini.get("EXP", "root"))) / (name or ini.get("EXP", "name"))


def store_folder(ini: ExperimentIni) -> str:
    """Folder of the feature stores, below root unless it is absolute."""
    return os.path.join(os.path.expanduser(ini.get("EXP", "root")), os.path.expanduser(ini.get("EXP", "store")))


def write_split(path: Path, data: ExperimentData, target: str) -> str:
    """Write which sample is in which part of which fold, and return the hash of that table."""
    labels = data.samples.columns[target]
    lines = []
    for fold in data.folds:
        for part in PARTS:
            lines += [f"{fold.name}\t{part}\t{data.samples.key(row)}\t{labels[row]}\n" for row in getattr(fold, part)]
    text = "fold\tpart\tdatabase\tsample\tstart\tend\tlabel\n" + "".join(sorted(lines))
    write_text(path, text)
    return hashlib.sha256(text.encode()).hexdigest()


def write_outcome(
    ini: ExperimentIni,
    data: ExperimentData,
    runs: Sequence[Sequence[FoldOutcome]],
    leaks: Mapping[str, str],
    extra: Mapping[str, Any],
    name: str | None = None,
) -> dict[str, Any]:
    """Write the files of an experiment; result.json comes last, so that a folder with it is complete.

    Args:
        ini, data: of the experiment.
        runs: outcomes of all folds by run (seed). Scores are means over the runs; predictions.csv has the first run's.
        leaks: that were found and allowed.
        extra: more for result.json.
        name: of the folder below root, where it is not the experiment's (an ensemble's, a test's).

    Returns:
        The summary: scores, intervals, scores by fold, hash of the split.
    """
    name = name or ini.get("EXP", "name")
    folder, target = experiment_folder(ini, name), ini.get("DATA", "target")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").unlink(missing_ok=True)
    split_hash = write_split(folder / "split.tsv", data, target)
    rows, outputs = gathered(data, runs[0])
    write_row_predictions(folder / "predictions.csv", data, rows, outputs)
    saved = ini.get("EXP", "save_test")
    if saved:
        write_row_predictions(folder / saved, data, rows, outputs)
    of_runs = [gathered(data, outcomes)[1] for outcomes in runs]
    seed = ini.get("EXP", "seed")
    metrics, intervals = score_outputs(data, rows, of_runs, seed)
    folds = [_fold_summary(data, outcome) for outcome in runs[0]]
    tuned = bool(ini.tuned()) or any(outcome.epoch and len(outcome.fold.dev) for outcome in runs[0])
    summary = {
        **metrics, "ci95": intervals, "folds": folds, "split_sha256": split_hash, "leaks": sorted(leaks),
    }  # fmt: skip
    selection = {"cut": "dev" if tuned else "fixed"}
    if tuned:
        selection["how"] = "parameters by training speakers left out in turn, epochs by a dev part of training"
    write_result(
        folder / "result.json",
        task=f"{target} {ini.get('EXP', 'type')}",
        metrics={key: {"value": value, "interval": intervals.get(key)} for key, value in metrics.items()},
        counts={
            "samples": len(rows), "speakers": len(set(data.speakers or [])), "folds": len(data.folds),
            "classes": len(data.classes), "runs": len(runs),
        },
        selection=selection,
        labels=folder / "split.tsv",
        seed=[seed + run for run in range(len(runs))] if len(runs) > 1 else seed,
        extra={
            "experiment": name, "leaks": dict(leaks), "leaks_text": ", ".join(sorted(leaks)) or "none",
            "transductive": ini.get("FEATS", "scale") == "speaker",
            "intervals": "speakers" if data.speakers else "samples", "notes": data.notes, **extra,
        },
        summary=summary,
    )  # fmt: skip
    return summary


def write_row_predictions(path: Path, data: ExperimentData, rows: np.ndarray, outputs: np.ndarray) -> None:
    """predictions.csv of some rows."""
    names = [data.samples.names[row] for row in rows]
    if data.classes:
        truth = [data.classes[data.target[row]] for row in rows]
        predicted = [data.classes[place] for place in outputs.argmax(1)]
        write_predictions(path, names, truth, predicted, data.classes, outputs)
    else:
        truth = [f"{data.target[row]:.9g}" for row in rows]
        write_predictions(path, names, truth, [f"{value:.9g}" for value in outputs[:, 0]])


def score_outputs(
    data: ExperimentData, rows: np.ndarray, runs: Sequence[np.ndarray], seed: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Scores of all test samples together, as means over the runs, and their intervals when speakers are drawn anew.

    Where speakers are not known, samples are drawn; where there is one, there is no interval.
    """
    truth = data.target[rows]
    groups = [data.speakers[row] for row in rows] if data.speakers else list(range(len(rows)))
    several = len(set(groups)) > 1
    all_scores, all_ends = [], []
    for outputs in runs:
        if data.classes:
            guessed, count = outputs.argmax(1), len(data.classes)
            found = classification.scores(classification.confusion_matrix(truth, guessed, count))
            all_scores.append({name: float(found[name]) for name in classification.MEASURES})
            if several:
                all_ends.append(classification.score_intervals(truth, guessed, groups, count, seed=seed))
        else:
            guessed = outputs[:, 0]
            all_scores.append(regression.regression_scores(truth, guessed))
            if several:
                all_ends.append(_regression_intervals(truth, guessed, groups, seed))
    scores = {name: float(np.mean([one[name] for one in all_scores])) for name in all_scores[0]}
    ends = {
        name: (float(np.mean([one[name][0] for one in all_ends])), float(np.mean([one[name][1] for one in all_ends])))
        for name in (all_ends[0] if all_ends else ())
    }
    return scores, ends


def _regression_intervals(truth, guessed, groups, seed: int) -> dict[str, tuple[float, float]]:
    return {
        name: bootstrap_statistic(
            lambda drawn, name=name: regression.regression_scores(truth[drawn], guessed[drawn])[name], groups, seed=seed
        )
        for name in regression.MEASURES
    }


def _fold_summary(data: ExperimentData, outcome: FoldOutcome) -> dict[str, Any]:
    """Scores and counts of one fold."""
    fold, truth = outcome.fold, data.target[outcome.fold.test]
    if data.classes:
        confusion = classification.confusion_matrix(truth, outcome.outputs.argmax(1), len(data.classes))
        found: Mapping[str, Any] = classification.scores(confusion)
    else:
        found = regression.regression_scores(truth, outcome.outputs[:, 0])
    summary: dict[str, Any] = {
        "name": fold.name, **{name: float(value) for name, value in found.items()},
        "train": len(fold.train), "dev": len(fold.dev), "test": len(fold.test),
    }  # fmt: skip
    if outcome.chosen:
        summary["chosen"] = outcome.chosen
    if outcome.epoch is not None:
        summary["epoch"] = outcome.epoch
    return summary
