"""Waveforms as the features of a model that takes them."""

from __future__ import annotations

import numpy as np

from speechlib.experiments.extractors import FULL_SCALE, RATE, resampled
from speechlib.experiments.features import FeatureTable
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples


def waveform_table(ini: ExperimentIni, samples: Samples) -> FeatureTable:
    """The first MODEL.max_duration seconds of each sample, (samples,) float32 in [-1, 1] at 16 kHz."""
    longest = int(ini.get("MODEL", "max_duration") * RATE)
    waves = [resampled(*samples.audio(row))[:longest] / np.float32(FULL_SCALE) for row in range(len(samples))]
    return FeatureTable(["waveform"], waves, [])
