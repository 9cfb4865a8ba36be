"""The frame that is most like its speaker, and frames of two utterances that are alike (Shon et al., 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from speechlib.probing.class_means import unit_rows


def leave_one_out_models(embeddings: Mapping[str, np.ndarray], utt2spk: Mapping[str, str]) -> dict[str, np.ndarray]:
    """For each utterance, the mean embedding of the other utterances of its speaker.

    Args:
        embeddings: (dim,) by utterance.
        utt2spk: speaker by utterance, of these at least.

    Returns:
        (dim,) by utterance; speakers with a single utterance have no model and are left out.
    """
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for utterance, embedding in embeddings.items():
        speaker = utt2spk[utterance]
        sums[speaker] = sums.get(speaker, 0.0) + np.asarray(embedding, np.float64)
        counts[speaker] = counts.get(speaker, 0) + 1
    return {
        utterance: (sums[speaker] - embedding) / (counts[speaker] - 1)
        for utterance, embedding in embeddings.items()
        if counts[speaker := utt2spk[utterance]] > 1
    }


def frame_similarities(frames: np.ndarray, model: np.ndarray) -> np.ndarray:
    """(frames,) cosines of (frames, dim) values and a (dim,) speaker model."""
    return unit_rows(frames) @ unit_rows(model[None])[0]


def similarity_matrix(frames: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(frames, other frames) cosines of the frames of two utterances (Figure 8)."""
    return unit_rows(frames) @ unit_rows(others).T


def phone_contrast(matrix: np.ndarray, labels: np.ndarray, other_labels: np.ndarray) -> tuple[float, float]:
    """Mean cosine of frames of the same phone, and of frames of different phones.

    Args:
        matrix: (frames, other frames) of `similarity_matrix`.
        labels, other_labels: class numbers of the frames; those below 0 (no label) do not count.

    Returns:
        Both means; NaN where there are no such pairs.
    """
    known = (labels >= 0)[:, None] & (other_labels >= 0)[None]
    same = (labels[:, None] == other_labels[None]) & known
    other = known & ~same
    return tuple(float(matrix[mask].mean()) if mask.any() else float("nan") for mask in (same, other))
