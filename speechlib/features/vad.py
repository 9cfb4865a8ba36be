"""Energy-based voice activity detection as Kaldi's compute-vad (ivector/voice-activity-detection.cc)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class VadOptions:
    """Names and defaults of Kaldi's VadEnergyOptions."""

    vad_energy_threshold: float = 5.0  # constant part of the threshold on the log-energy (samples in int16 range)
    vad_energy_mean_scale: float = 0.5  # times the mean log-energy of the utterance, added to the threshold
    vad_frames_context: int = 0  # frames on each side that take part in the decision
    vad_proportion_threshold: float = 0.6  # share of those frames that must be above the threshold

    def __post_init__(self) -> None:
        if self.vad_energy_mean_scale < 0:
            raise ValueError(f"vad-energy-mean-scale={self.vad_energy_mean_scale} must not be negative")
        if self.vad_frames_context < 0:
            raise ValueError(f"vad-frames-context={self.vad_frames_context} must not be negative")
        if not 0 < self.vad_proportion_threshold < 1:
            raise ValueError(f"vad-proportion-threshold={self.vad_proportion_threshold} must lie between 0 and 1")


def energy_vad(features: np.ndarray, options: VadOptions | None = None) -> np.ndarray:
    """Decide frame by frame whether there is speech.

    A frame counts as loud where its log-energy is greater than threshold + scale * mean; it is voiced where at least
    the given proportion of the frames around it, as many as exist at the edges, are loud.

    Args:
        features: (frames, dim), column 0 is the log-energy (MFCC with use-energy) or C0.
        options: thresholds.

    Returns:
        (frames,) float32 of ones (voiced) and zeros.

    Raises:
        ValueError: the array is not (frames, dim) with dim at least 1.
    """
    options = options or VadOptions()
    features = np.asarray(features)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"expected features of shape (frames, dim), not {features.shape}")
    num_frames = len(features)
    if not num_frames:
        return np.zeros(0, np.float32)
    energy = features[:, 0].astype(np.float32)
    threshold = np.float32(
        options.vad_energy_threshold + options.vad_energy_mean_scale * energy.sum(dtype=np.float64) / num_frames
    )
    context = options.vad_frames_context
    loud_before = np.concatenate(([0], np.cumsum(energy > threshold)))
    frames = np.arange(num_frames)
    first = np.maximum(frames - context, 0)
    past = np.minimum(frames + context + 1, num_frames)
    # single precision as in Kaldi: 0.6 of 5 frames must be 3, not 3.0000001
    needed = (past - first).astype(np.float32) * np.float32(options.vad_proportion_threshold)
    return (loud_before[past] - loud_before[first] >= needed).astype(np.float32)


def select_voiced(features: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """The frames whose decision is not zero, (voiced frames, dim).

    Raises:
        ValueError: the numbers of frames differ, or a decision is neither 0 nor 1.
    """
    voiced = np.asarray(voiced)
    if voiced.shape != (len(features),):
        raise ValueError(f"{len(features)} frames of features, but {voiced.size} voicing decisions")
    chosen = voiced != 0
    if not np.all(voiced[chosen] == 1):
        raise ValueError("voicing decisions must be 0 or 1")
    return features[chosen]
