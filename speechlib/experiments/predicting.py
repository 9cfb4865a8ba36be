"""Columns of traits for the samples of an experiment: a CSV file that is a database again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from speechlib.experiments.outcome import experiment_folder
from speechlib.experiments.selection import selected_samples
from speechlib.experiments.traits import Trait, check_traits, sample_traits, trait_column
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.sample_csv import write_sample_csv


def predict_traits(ini: ExperimentIni, say: Callable[[str], None]) -> Path:
    """Write the samples of PREDICT.sample_selection with a column `<trait>_pred` for each of PREDICT.targets.

    Returns:
        The CSV file, PREDICT.result.

    Raises:
        ValueError, FileNotFoundError: an unknown trait, a model that is not there, or samples that cannot be judged;
            nothing is written then.
    """
    wanted = check_traits(ini, "PREDICT", "targets", with_speaker=True)
    if not wanted:
        raise ini.error("PREDICT", "targets", "no trait to predict: expected targets = ['snr', ..]")
    samples = selected_samples(ini, "PREDICT", say)
    for name, values in sample_traits(ini, samples, wanted, say).items():
        samples = samples.with_column(trait_column(name), column_texts(values))
    path = experiment_folder(ini) / ini.get("PREDICT", "result")
    write_sample_csv(path, samples)
    return path


def column_texts(values: Trait) -> list[str | None]:
    """(rows,) numbers to six digits, or classes; None for NaN."""
    if isinstance(values, list):
        return list(values)
    return [f"{value:.6g}" if np.isfinite(value) else None for value in values]
