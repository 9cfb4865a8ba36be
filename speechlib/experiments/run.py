"""An experiment from its INI file to its results: data, gate, features, training and test in every fold, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from speechlib.experiments.data import ExperimentData, load_data
from speechlib.experiments.features import FeatureTable, extract_features
from speechlib.experiments.gate import audio_digests, check_leaks
from speechlib.experiments.outcome import experiment_folder, store_folder, write_outcome
from speechlib.experiments.saved_model import save_model, why_not_kept
from speechlib.experiments.settings import model_settings, on_frames
from speechlib.experiments.training import FoldOutcome, run_folds
from speechlib.experiments.waveforms import waveform_table
from speechlib.io.experiment_ini import ExperimentIni

Extend = Callable[[ExperimentData], tuple[ExperimentData, dict[str, Any]]]


@dataclass
class Outcome:
    """An experiment that ran: what it worked on, what it found in every run, and the summary of its result.json."""

    data: ExperimentData
    features: FeatureTable
    runs: list[list[FoldOutcome]]
    leaks: dict[str, str]
    summary: dict[str, Any]


def run_experiment(ini: ExperimentIni, say: Callable[[str], None], extend: Extend | None = None) -> Outcome:
    """Run an experiment and write its files.

    Args:
        ini: the experiment.
        say: is told what happens.
        extend: adds samples behind those of the data, to the training parts of folds alone; returns the data with them,
            and what result.json says of them. Split, gate and scores are those of the data as they were.

    Raises:
        ValueError: whatever does not fit, before anything is written.
    """
    for sentence in ini.kept_keys():
        say(f"note: {sentence}")
    data = load_data(ini, say)
    seed = ini.get("MODEL", "random_state")
    seed = ini.get("EXP", "seed") if seed is None else seed
    model_settings(ini, len(data.classes), seed)  # settings that do not fit are told before the long work
    digests = audio_digests(data, say)
    leaks = check_leaks(ini, data, digests)
    for kind, text in leaks.items():
        say(f"warning: allowed leak {kind}: {text}")
    say(describe(data))
    extended, about = extend(data) if extend else (data, {})
    features = sample_features(ini, extended, say)
    runs = []
    for run in range(ini.get("EXP", "runs")):
        runs.append(run_folds(ini, extended, features, seed + run, say))
    extra = {"features": ini.get("FEATS", "type"), "model": ini.get("MODEL", "type"), "feature_notes": features.notes,
             **about}  # fmt: skip
    summary = write_outcome(ini, data, runs, leaks, extra)
    if ini.get("EXP", "save") or ini.get("MODEL", "save"):
        reason = why_not_kept(ini)
        kept = f"note: no model is kept: {reason}" if reason else f"{save_model(ini, extended, features, seed)}: kept"
        say(kept)
    say(f"{experiment_folder(ini)}/result.json: {score_line(summary)}")
    return Outcome(data, features, runs, leaks, summary)


def sample_features(ini: ExperimentIni, data: ExperimentData, say: Callable[[str], None]) -> FeatureTable:
    """Features of the samples, or their waveforms for a model that takes them."""
    if ini.get("MODEL", "type") == "finetune":
        return waveform_table(ini, data.samples)
    table = extract_features(ini, data.samples, on_frames(ini), store_folder(ini), say)
    for note in table.notes:
        say(f"note: {note}")
    return table


def describe(data: ExperimentData) -> str:
    """One line about samples, speakers and classes."""
    speakers = f"{len(set(data.speakers))} speakers" if data.speakers else "speakers not known"
    if not data.classes:
        return f"{len(data.samples)} samples, {speakers}, targets from {data.target.min():g} to {data.target.max():g}"
    counts = ", ".join(f"{name} {int((data.target == place).sum())}" for place, name in enumerate(data.classes))
    return f"{len(data.samples)} samples, {speakers}: {counts}"


def score_line(summary: dict[str, Any]) -> str:
    """Scores with intervals in one line."""
    parts = []
    for name in ("uar", "accuracy", "f1_macro", "ccc", "pcc", "mae"):
        if name in summary:
            ends = summary["ci95"].get(name)
            parts.append(f"{name} {summary[name]:.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else ""))
    return ", ".join(parts)
