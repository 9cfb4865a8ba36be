"""Sparse posteriors of Gaussians: selection, softmax over the selected, pruning (Kaldi's gmm-gselect and
fgmm-global-gselect-to-post).

A selection of Gaussians for T frames is flat: `gaussians` (entries,) holds the indices frame after frame, and
`offsets` (T + 1,) where each frame's begin. Posteriors add `values` (entries,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Posteriors(NamedTuple):
    """Sparse posteriors of T frames.

    Attributes:
        offsets: (T + 1,) int64, where the entries of each frame begin; the last is the number of entries.
        gaussians: (entries,) int32.
        values: (entries,) float32, in each frame summing to one (or to a scale).
    """

    offsets: np.ndarray
    gaussians: np.ndarray
    values: np.ndarray

    def frames(self) -> np.ndarray:
        """(entries,) the frame of each entry."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def select_best(log_likelihoods: np.ndarray, count: int) -> np.ndarray:
    """The likeliest Gaussians of each frame, from best to worst.

    Args:
        log_likelihoods: (frames, Gaussians).
        count: Gaussians to keep; all of them where there are fewer.

    Returns:
        (frames, min(count, Gaussians)) int32.
    """
    num_gauss = log_likelihoods.shape[1]
    if count < num_gauss:
        best = np.argpartition(log_likelihoods, num_gauss - count, axis=1)[:, num_gauss - count :]
        order = np.argsort(-np.take_along_axis(log_likelihoods, best, axis=1), axis=1, kind="stable")
        return np.take_along_axis(best, order, axis=1).astype(np.int32)
    return np.argsort(-log_likelihoods, axis=1, kind="stable").astype(np.int32)


def uniform_offsets(num_frames: int, count: int) -> np.ndarray:
    """The offsets of a selection with the same number of Gaussians for every frame, (num_frames + 1,)."""
    return np.arange(num_frames + 1) * count


def exponentials(log_likelihoods: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponentials of rows, up to a factor for each row that keeps them finite.

    Args:
        log_likelihoods: (frames, Gaussians); overwritten.

    Returns:
        The exponentials (frames, Gaussians), in place; their sums (frames,); and the logs of the true sums (frames,).
    """
    peak = log_likelihoods.max(axis=1)
    log_likelihoods -= peak[:, None]
    np.exp(log_likelihoods, out=log_likelihoods)
    total = log_likelihoods @ np.ones(log_likelihoods.shape[1], log_likelihoods.dtype)
    return log_likelihoods, total, peak + np.log(total)


def softmax(offsets: np.ndarray, log_likelihoods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the log-likelihoods of the selected Gaussians into posteriors.

    Args:
        offsets: (frames + 1,); every frame has at least one entry.
        log_likelihoods: (entries,); overwritten.

    Returns:
        (entries,) posteriors of the same type, and (frames,) float64 log-likelihoods of the frames.

    Raises:
        ValueError: a frame without entries.
    """
    counts = np.diff(offsets)
    if not len(counts):
        return log_likelihoods, np.zeros(0)
    if counts.min() < 1:
        raise ValueError(f"frame {int(counts.argmin())} has no selected Gaussian: expected at least one")
    if counts.min() == counts.max():
        table, total, log_total = exponentials(log_likelihoods.reshape(len(counts), -1))
        table /= total[:, None]
        return table.reshape(-1), log_total.astype(np.float64)
    peak = np.maximum.reduceat(log_likelihoods, offsets[:-1])
    weights = np.exp(log_likelihoods - np.repeat(peak, counts))
    total = np.add.reduceat(weights, offsets[:-1])
    return weights / np.repeat(total, counts), (peak + np.log(total)).astype(np.float64)


def select(selector, features: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Select the likeliest Gaussians of each frame by a diagonal mixture.

    Args:
        selector: a DiagGmm.
        features: (frames, dim).
        count: Gaussians for each frame.

    Returns:
        Offsets (frames + 1,) and Gaussians (entries,).
    """
    best = select_best(selector.log_likelihoods(features), count)
    return uniform_offsets(*best.shape), best.reshape(-1)


def compute_posteriors(
    gmm, features: np.ndarray, selection: tuple[np.ndarray, np.ndarray], min_post: float = 0.0, scale: float = 1.0
) -> tuple[Posteriors, np.ndarray]:
    """Posteriors of selected Gaussians.

    Args:
        gmm: a FullGmm.
        features: (frames, dim).
        selection: offsets (frames + 1,) and Gaussians (entries,).
        min_post: posteriors below this are dropped.
        scale: what they are multiplied by in the end.

    Returns:
        The posteriors, and the frames' log-likelihoods (frames,) float64.
    """
    offsets, gaussians = selection
    values, likes = softmax(offsets, gmm.log_likelihoods(features, offsets, gaussians))
    pruned = prune(Posteriors(offsets, gaussians, values), min_post)
    if scale != 1.0:
        pruned = pruned._replace(values=pruned.values * np.float32(scale))
    return pruned, likes


def prune(posteriors: Posteriors, min_post: float) -> Posteriors:
    """Drop posteriors below a threshold and let the others sum to one again.

    Where all are below it, the largest becomes one. Posteriors that are zero are dropped in any case.
    """
    offsets, gaussians, values = posteriors
    counts = np.diff(offsets)
    kept = values >= np.float32(min_post) if min_post > 0 else values > 0
    lone = np.flatnonzero(np.add.reduceat(kept, offsets[:-1], dtype=np.int64) == 0) if len(counts) else []
    values = values.copy()
    for frame in lone:
        best = offsets[frame] + int(values[offsets[frame] : offsets[frame + 1]].argmax())
        kept[best], values[best] = True, 1.0
    values[~kept] = 0.0
    if min_post > 0:
        values /= np.repeat(np.add.reduceat(values, offsets[:-1]), counts)
    past = np.concatenate(([0], np.cumsum(kept)))
    return Posteriors(past[offsets], gaussians[kept], values[kept])


def by_gaussian(gaussians: np.ndarray, num_gauss: int) -> tuple[np.ndarray, np.ndarray]:
    """Group the entries of a selection by Gaussian.

    Returns:
        (entries,) an order of the entries in which each Gaussian's follow each other, frames ascending, and
        (num_gauss + 1,) where each Gaussian's begin in it.

    Raises:
        ValueError: an index outside 0 .. num_gauss - 1.
    """
    if len(gaussians) and not (0 <= int(gaussians.min()) and int(gaussians.max()) < num_gauss):
        raise ValueError(
            f"Gaussian {int(gaussians.max())} of a mixture of {num_gauss}: the selection or the posteriors were made "
            "with another model"
        )
    # NumPy sorts 16-bit integers by radix, several times faster than others.
    keys = gaussians.astype(np.uint16) if num_gauss <= 1 << 16 else gaussians
    order = np.argsort(keys, kind="stable")
    counts = np.bincount(gaussians, minlength=num_gauss)
    return order, np.concatenate(([0], np.cumsum(counts)))
