"""From voicing decisions of frames to stretches of speech, and back: bridging, minimum durations, margins."""

from __future__ import annotations

import numpy as np


def runs(flags: np.ndarray) -> np.ndarray:
    """(runs, 2) first frame and one past the last of every run of true values among (frames,) flags."""
    flags = np.asarray(flags)
    if flags.ndim != 1:
        raise ValueError(f"expected one decision a frame, not an array of shape {flags.shape}")
    edges = np.diff(np.concatenate(([False], flags != 0, [False])).astype(np.int8))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def speech_regions(flags: np.ndarray, min_silence: int = 0, min_speech: int = 0, margin: int = 0) -> np.ndarray:
    """Stretches of speech.

    Pauses shorter than `min_silence` frames are bridged; then stretches shorter than `min_speech` are dropped; what is
    left grows by `margin` frames on each side, within the recording, and stretches that then touch are one.

    Args:
        flags: (frames,) decisions, not zero for speech.
        min_silence, min_speech, margin: frames, not negative.

    Returns:
        (regions, 2) first frame and one past the last.
    """
    for name, value in (("min_silence", min_silence), ("min_speech", min_speech), ("margin", margin)):
        if value < 0:
            raise ValueError(f"{name}={value} must not be negative")
    regions = _bridge(runs(flags), min_silence)
    regions = regions[regions[:, 1] - regions[:, 0] >= min_speech]
    if margin:
        regions = np.clip(regions + [-margin, margin], 0, len(flags))
        regions = _bridge(regions, 1)
    return regions


def flags_of(regions: np.ndarray, num_frames: int) -> np.ndarray:
    """(frames,) float32 ones inside the regions and zeros outside, as voicing decisions are stored."""
    steps = np.zeros(num_frames + 1, np.int64)
    np.add.at(steps, regions[:, 0], 1)
    np.add.at(steps, regions[:, 1], -1)
    return (np.cumsum(steps[:num_frames]) > 0).astype(np.float32)


def _bridge(regions: np.ndarray, min_silence: int) -> np.ndarray:
    if len(regions) < 2:
        return regions
    apart = regions[1:, 0] - regions[:-1, 1] >= min_silence
    return np.stack([regions[np.r_[True, apart], 0], regions[np.r_[apart, True], 1]], axis=1)


def fit_length(decisions: np.ndarray, num_frames: int, tolerance: int = 4) -> np.ndarray:
    """Decisions for as many frames as features have, which Kaldi's snip-edges takes some from at both ends.

    Args:
        decisions: (frames,).
        num_frames: wanted.
        tolerance: difference that edges explain.

    Raises:
        ValueError: the difference is larger.
    """
    excess = len(decisions) - num_frames
    if abs(excess) > tolerance:
        raise ValueError(f"{len(decisions)} voicing decisions, but {num_frames} frames of features")
    if excess >= 0:
        return decisions[excess // 2 : excess // 2 + num_frames]
    return np.pad(decisions, (-excess // 2, -excess - -excess // 2), mode="edge" if len(decisions) else "constant")
