"""From stored features to what a speaker model sees: deltas, mean normalisation, voiced frames (Kaldi's sid recipes).

Order as in Kaldi: derivatives and normalisation over all frames first, voiced frames are selected last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from speechlib.features.cmvn import SlidingCmvnOptions, accumulate_cmvn_stats, apply_cmvn, sliding_cmvn
from speechlib.features.deltas import add_deltas
from speechlib.features.vad import select_voiced


class NoVoicedFrames(ValueError):
    """An utterance of which nothing is left; callers leave it out with a warning and count it."""


@dataclass(frozen=True)
class FrontendOptions:
    """What is done to features between the archive and the model; defaults of Kaldi's voxceleb/v2 recipe."""

    # utterance: the mean of all frames; sliding: of a window centred on each frame; crop: of the (voiced) frames that
    # the model gets, a crop in training and the whole utterance at test (see `normalise_crop`).
    cmn: Literal["none", "utterance", "sliding", "crop"] = "sliding"
    cmn_window: int = 300  # frames; of sliding
    norm_vars: bool = False  # the variance, too
    vad: bool = True  # keep the frames that vad.scp calls voiced
    deltas: int = 0  # order of the highest derivative
    delta_window: int = 3  # frames on each side, as in Kaldi's sid scripts

    def __post_init__(self) -> None:
        if self.cmn not in ("none", "utterance", "sliding", "crop"):
            raise ValueError(f"cmn={self.cmn!r}: expected none, utterance, sliding or crop")
        if self.cmn_window < 1:
            raise ValueError(f"cmn-window={self.cmn_window} must be positive")
        if self.deltas < 0:
            raise ValueError(f"deltas={self.deltas} must not be negative")
        if self.delta_window < 1:
            raise ValueError(f"delta-window={self.delta_window} must be positive")
        if self.norm_vars and self.cmn == "none":
            raise ValueError("norm-vars=true needs a cmn other than none")

    def output_dim(self, dim: int) -> int:
        """Coefficients of a frame after the front end, for features of `dim`."""
        return dim * (self.deltas + 1)


def apply_frontend(features: np.ndarray, voiced: np.ndarray | None, options: FrontendOptions) -> np.ndarray:
    """Make a model's input of an utterance's stored features; with cmn=crop `normalise_crop` completes it.

    Args:
        features: (frames, dim).
        voiced: (frames,) decisions, 1 or 0; not looked at, and may be None, without options.vad.
        options: what to do.

    Returns:
        (voiced frames, dim * (deltas + 1)) float32.

    Raises:
        NoVoicedFrames: nothing is left, or there was nothing.
        ValueError: features and decisions differ in length, decisions are needed and not given, or a wrong shape.
    """
    features = np.asarray(features, np.float32)
    if features.ndim != 2:
        raise ValueError(f"expected features of shape (frames, dim), not {features.shape}")
    if not len(features):
        raise NoVoicedFrames("has no frames")
    if options.vad:
        if voiced is None:
            raise ValueError("needs voicing decisions: run steps/compute_vad.sh, or set vad: false in the frontend")
        if np.shape(voiced) != (len(features),):
            raise ValueError(f"has {len(features)} frames of features but {np.size(voiced)} voicing decisions: "
                             "compute both from the same audio")
        if not np.any(voiced):
            raise NoVoicedFrames("has no voiced frame")
    if options.deltas:
        features = add_deltas(features, options.deltas, options.delta_window)
    if options.cmn == "utterance":
        features = apply_cmvn(features, accumulate_cmvn_stats(features), options.norm_vars)
    elif options.cmn == "sliding":
        window = SlidingCmvnOptions(cmn_window=options.cmn_window, norm_vars=options.norm_vars, center=True)
        features = sliding_cmvn(features, window)
    return select_voiced(features, voiced) if options.vad else features


def normalise_crop(crop: np.ndarray, options: FrontendOptions) -> np.ndarray:
    """Normalise what the model gets by itself if cmn=crop, else return it as it is.

    Args:
        crop: (frames, dim) part of what `apply_frontend` returned, or all of it; at least one frame.
        options: as for `apply_frontend`.

    Returns:
        (frames, dim) float32.
    """
    if options.cmn != "crop":
        return crop
    return apply_cmvn(crop, accumulate_cmvn_stats(crop), options.norm_vars)
