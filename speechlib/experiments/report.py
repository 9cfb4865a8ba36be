"""The report of an experiment: report.html with everything inside, report.tex with its pictures beside, and a PDF."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

import speechlib
from speechlib.experiments.folds import PARTS
from speechlib.experiments.outcome import experiment_folder
from speechlib.experiments.pictures import Pictures
from speechlib.experiments.run import Outcome, describe
from speechlib.experiments.training import gathered
from speechlib.io.atomic import write_text
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.latex import compile_pdf
from speechlib.io.results import current_commit
from speechlib.metrics import classification, regression
from speechlib.metrics.bootstrap import bootstrap_statistic
from speechlib.metrics.calibration_error import brier_score, calibration_error, top_label_bins
from speechlib.report.experiment_page import ExperimentReport, Table, html_source, latex_source
from speechlib.report.layer_figures import confusion_matrices
from speechlib.report.prediction_figures import group_scores, regression_scatter, reliability_diagram
from speechlib.report.result_figures import training_curves
from speechlib.report.trait_figures import value_counts

_NAMES = {"uar": "UAR", "accuracy": "Accuracy", "f1_macro": "Macro F1", "ccc": "CCC", "pcc": "Pearson", "mae": "MAE",
          "mse": "MSE"}  # fmt: skip


def write_report(ini: ExperimentIni, outcome: Outcome, say: Callable[[str], None], name: str | None = None) -> Path:
    """Write the report of an experiment that ran; returns the HTML page.

    Args:
        ini: of the experiment.
        outcome: what it found.
        say: is told what is written.
        name: of the folder below root, where it is not the experiment's (a test's).
    """
    name = name or ini.get("EXP", "name")
    folder = experiment_folder(ini, name)
    data = outcome.data
    rows, outputs = gathered(data, outcome.runs[0])
    tables, pictures = [_fold_table(outcome)], Pictures(ini, folder)
    if data.classes:
        _add_classes(ini, data, rows, outputs, tables, pictures)
    else:
        _add_numbers(ini, data, rows, outputs, pictures)
    _add_groups(ini, data, rows, outputs, tables, pictures)
    curves = _curves(outcome)
    if curves and ini.get("PLOT", "epoch_progression"):
        pictures.add("learning", training_curves(curves, "epochs"), "Learning curves",
                     "Of every fold: mean loss in training, and scores.")  # fmt: skip
    report = ExperimentReport(
        ini.get("REPORT", "title") or f"Experiment {name}", _synopsis(ini, outcome),
        tables, list(pictures), ini.text, _warnings(ini, outcome),
    )  # fmt: skip
    document = ini.get("REPORT", "latex") or "report"
    page = folder / "report.html"
    write_text(page, html_source(report))
    pictures.write()
    if ini.get("PLOT", "format") != "svg":
        write_text(folder / f"{document}.tex", latex_source(report))
        pdf, why = compile_pdf(folder / f"{document}.tex")
        say(f"{pdf}" if pdf else f"{folder / document}.tex: no PDF of it: {why}")
    if ini.get("REPORT", "show"):
        for table in tables:
            lines = ["\t".join(line) for line in (table.header, *table.rows)]
            print("\n".join(["", table.title, *lines]))
    return page


def _synopsis(ini: ExperimentIni, outcome: Outcome) -> list[tuple[str, str]]:
    summary, data = outcome.summary, outcome.data
    lines = []
    for name, title in _NAMES.items():
        if name in summary:
            ends = summary["ci95"].get(name)
            interval = f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""
            lines.append((title, f"{summary[name]:.3f}{interval}"))
    whose = "speakers" if data.speakers else "samples, since speakers are not known: too narrow"
    lines += [
        ("Intervals", f"95 %, percentile bootstrap over {whose}"),
        ("Data", describe(data)),
        ("Folds", f"{len(data.folds)}: {', '.join(fold.name for fold in data.folds)[:300]}"),
        ("Features", f"{', '.join(ini.get('FEATS', 'type'))}: {len(outcome.features.names)} columns"),
        ("Model", ini.get("MODEL", "type")),
        ("Runs", f"{len(outcome.runs)}; scores are their mean, pictures and predictions are of the first"),
        ("Split (SHA-256)", summary["split_sha256"]),
        ("Version", f"speechlib {speechlib.__version__}, commit {current_commit()}"),
        ("Libraries", ", ".join([f"Python {platform.python_version()}", *_versions()])),
    ]
    author = ini.get("REPORT", "author")
    return [("Author", author), *lines] if author else lines


def _versions() -> list[str]:
    """Libraries that decide results, and which version of them is there."""
    found = []
    for name in ("numpy", "scipy", "scikit-learn", "torch", "xgboost", "opensmile"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def _warnings(ini: ExperimentIni, outcome: Outcome) -> list[str]:
    warnings = [f"Allowed leak {kind}: {text}." for kind, text in outcome.leaks.items()]
    if ini.get("FEATS", "scale") == "speaker":
        warnings.append("Transductive: features are standardised by speaker, from all samples of the speaker.")
    if outcome.data.speakers is None:
        warnings.append("Speakers are not known: shared speakers of training and test cannot be ruled out.")
    return warnings + outcome.data.notes + outcome.features.notes


def _fold_table(outcome: Outcome) -> Table:
    folds = outcome.summary["folds"]
    measures = [name for name in _NAMES if name in folds[0]]
    chosen = any("chosen" in fold for fold in folds)
    epochs = any("epoch" in fold for fold in folds)
    header = ["Fold", "Training", "Dev", "Test", *(_NAMES[name] for name in measures)]
    header += ["Epoch"] * epochs + ["Chosen in training"] * chosen
    rows = []
    for fold in folds:
        row = [fold["name"], *(str(fold[part]) for part in PARTS)]
        row += [f"{fold[name]:.3f}" for name in measures]
        row += [str(fold.get("epoch", ""))] * epochs
        row += [", ".join(f"{key} = {value}" for key, value in fold.get("chosen", {}).items())] * chosen
        rows.append(row)
    return Table("Folds", header, rows)


def _add_classes(ini, data, rows, outputs, tables: list, pictures: Pictures) -> None:
    truth = data.target[rows]
    confusion = classification.confusion_matrix(truth, outputs.argmax(1), len(data.classes))
    found = classification.class_scores(confusion)
    tables.append(Table(
        "Classes", ["Class", "Test samples", "Precision", "Recall", "F1"],
        [[name, str(int(confusion[place].sum())), *(f"{found[key][place]:.3f}" for key in found)]
         for place, name in enumerate(data.classes)],
    ))  # fmt: skip
    pictures.add(
        "confusion", confusion_matrices({"": confusion}, data.classes, unit="samples", show_counts=True),
        "Confusion", "Test samples of all folds.",
    )  # fmt: skip
    if ini.get("PLOT", "combine_per_speaker") and data.speakers:
        combined = _by_speaker(data, rows, outputs, ini.get("PLOT", "combine_per_speaker"))
        pictures.add(
            "confusion_speakers",
            confusion_matrices({"": combined}, data.classes, unit="speakers", show_counts=True),
            "Confusion by speaker", "A decision for a speaker's samples of each true class together: their most "
            "frequent one (mode), or that of their mean probabilities (mean).",
        )  # fmt: skip
    bins = top_label_bins(outputs, truth)
    error = calibration_error(bins)
    pictures.add(
        "calibration", reliability_diagram(bins, error), "Calibration",
        f"Expected calibration error {error:.3f} (15 bins), Brier score {brier_score(outputs, truth):.3f}.",
    )  # fmt: skip
    genders = data.samples.columns.get("gender", ["samples"] * len(data.samples))
    counts: dict[str, dict[str, int]] = {name: {} for name in data.classes}
    for label, gender in zip(data.target, genders, strict=True):
        of_class = counts[data.classes[label]]
        of_class[str(gender)] = of_class.get(str(gender), 0) + 1
    part = "gender" if "gender" in data.samples.columns else ""
    pictures.add(
        "counts", value_counts(counts, ini.get("DATA", "target"), part_label=part, ylabel="samples"), "Samples",
        "All samples of the experiment.",
    )  # fmt: skip


def _by_speaker(data, rows, outputs, how: str) -> np.ndarray:
    votes: dict[tuple[str, int], np.ndarray] = {}
    for row, output in zip(rows, outputs, strict=True):
        key = (data.speakers[row], int(data.target[row]))
        vote = output if how == "mean" else np.eye(len(data.classes))[output.argmax()]
        votes[key] = votes.get(key, 0.0) + vote
    truth = np.array([true for _, true in votes])
    majority = np.array([vote.argmax() for vote in votes.values()])
    return classification.confusion_matrix(truth, majority, len(data.classes))


def _add_numbers(ini, data, rows, outputs, pictures: Pictures) -> None:
    truth, guessed = data.target[rows], outputs[:, 0]
    found = regression.regression_scores(truth, guessed)
    shown = {name: found[name] for name in (("ccc", "pcc", "mae") if ini.get("PLOT", "ccc") else ("pcc", "mae"))}
    genders = data.samples.columns.get("gender")
    groups = None if genders is None else [str(genders[row]) for row in rows]
    pictures.add(
        "regression",
        regression_scatter(truth, guessed, ini.get("DATA", "target"), shown, groups,
                           group_label="gender" if groups else ""),
        "Truth and prediction", "Test samples of all folds.",
    )  # fmt: skip


def _add_groups(ini, data, rows, outputs, tables: list, pictures: Pictures) -> None:
    """Scores of every speaker (intervals over samples) and of every gender (over speakers)."""
    measure = "uar" if data.classes else "ccc"
    families: dict[str, dict[str, tuple]] = {}
    for family in ("speaker", "gender"):
        values = data.samples.columns.get(family)
        if values is None or None in values:
            continue
        for name in sorted({values[row] for row in rows}):
            chosen = np.array([place for place, row in enumerate(rows) if values[row] == name])
            own = rows[chosen]
            speakers = [data.speakers[row] for row in own] if data.speakers else []
            drawn = speakers if family == "gender" and len(set(speakers)) > 1 else list(range(len(own)))
            value, ends = _score(data, own, outputs[chosen], measure, drawn, ini.get("EXP", "seed"))
            families.setdefault(family, {})[name] = (value, *(ends or (None, None)), len(own))
    if not families:
        return
    title = _NAMES[measure]
    shown = {family: groups for family, groups in families.items() if len(groups) <= 40}
    if shown:
        chance = 1.0 / len(data.classes) if data.classes else None
        pictures.add(
            "groups", group_scores(shown, title, chance=chance), f"{title} by speaker and gender",
            "95 % intervals: of a speaker over samples, of a gender over its speakers.",
        )  # fmt: skip
    tables.append(Table(
        "Speakers and genders", ["Group", "Name", "Test samples", title, "95 % interval"],
        [[family, name, str(count), f"{value:.3f}", "" if low is None else f"{low:.3f} to {high:.3f}"]
         for family, groups in families.items() for name, (value, low, high, count) in groups.items()],
    ))  # fmt: skip


def _score(data, rows, outputs, measure: str, drawn: Sequence, seed: int):
    truth, several = data.target[rows], len(set(drawn)) > 1
    if data.classes:
        guessed, count = outputs.argmax(1), len(data.classes)
        value = float(classification.scores(classification.confusion_matrix(truth, guessed, count))[measure])
        ends = classification.score_intervals(truth, guessed, drawn, count, seed=seed)[measure] if several else None
        return value, ends
    value = regression.regression_scores(truth, outputs[:, 0])[measure]
    if not several:
        return value, None
    return value, bootstrap_statistic(
        lambda places: regression.regression_scores(truth[places], outputs[places, 0])[measure], drawn, seed=seed
    )


def _curves(outcome: Outcome) -> dict:
    curves: dict = {}
    for fold in outcome.runs[0]:
        if not fold.curve:
            continue
        epochs = [epoch.number for epoch in fold.curve]
        curves[fold.fold.name] = {
            "loss": {"x": epochs, "y": [epoch.loss for epoch in fold.curve]},
            "training score": {"x": epochs, "y": [epoch.train_score for epoch in fold.curve]},
        }
        if np.isfinite([epoch.dev_score for epoch in fold.curve]).all():
            curves[fold.fold.name]["dev score"] = {"x": epochs, "y": [epoch.dev_score for epoch in fold.curve]}
    return curves
