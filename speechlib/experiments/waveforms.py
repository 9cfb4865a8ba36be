"""Waveforms as the features of a model that takes them."""

from __future__ import annotations

import numpy as np

from speechlib.experiments.extractor import FULL_SCALE, RATE, resampled
from speechlib.experiments.features import FeatureTable
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples


def waveform_table(ini: ExperimentIni, samples: Samples) -> FeatureTable:
    """The waveforms of samples, (rows,) arrays as `waveform_of` makes them."""
    waves = [waveform_of(ini, *samples.audio(row)) for row in range(len(samples))]
    return FeatureTable(["waveform"], waves, [])


def waveform_of(ini: ExperimentIni, audio: np.ndarray, rate: int) -> np.ndarray:
    """The first MODEL.max_duration seconds of audio, float32 in [-1, 1] at 16 kHz.

    Args:
        ini: of the experiment.
        audio: (samples,) float32 in int16 range.
        rate: in Hz.
    """
    longest = int(ini.get("MODEL", "max_duration") * RATE)
    return resampled(audio, rate)[:longest] / np.float32(FULL_SCALE)
