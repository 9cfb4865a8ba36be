"""Where the speaker changes in a stretch of speech, by BIC (Chen and Gopalakrishnan, 1998; DISTBIC, Delacourt, 2000).

Two Gaussians beside one: first the GLR of two windows that slide over the frames, whose peaks are candidates; then
neighbouring pieces are joined, the most alike first, as long as BIC prefers one Gaussian for both; then each change
moves to where it parts its two neighbours best, and BIC has another say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speechlib.clustering.moments import covariances_of, standardise

_MOVES = 2  # times that all changes move
_PART_STEPS = 6000  # candidates of a stretch of speech that are looked for at once, which bounds the memory


@dataclass(frozen=True)
class ChangeOptions:
    """What is compared, in frames, and how much a change must explain."""

    window: int = 200  # on each side of a candidate
    step: int = 10  # from one candidate to the next
    min_segment: int = 50  # between two changes
    penalty: float = 1.0  # weight of BIC's penalty: more gives fewer changes
    floor: float = 0.01  # share of the variance that is added to each variance: short pieces have one, too

    def __post_init__(self) -> None:
        if not 0 < self.step <= self.min_segment <= self.window:
            raise ValueError(
                f"step={self.step}, min_segment={self.min_segment}, window={self.window} frames: expected "
                "0 < step <= min_segment <= window"
            )
        if self.penalty < 0 or self.floor < 0:
            raise ValueError(f"penalty={self.penalty}, floor={self.floor}: neither may be negative")


def find_changes(frames: np.ndarray, options: ChangeOptions | None = None) -> np.ndarray:
    """Frames at which another speaker begins.

    Args:
        frames: (frames, dim) features of a stretch of speech.
        options: windows and penalty.

    Returns:
        (changes,) int64, ascending, multiples of the step, at least `min_segment` from each other and both ends.

    Raises:
        ValueError: not a matrix, or NaN or infinity in it.
    """
    options = options or ChangeOptions()
    frames = np.asarray(frames)
    if frames.ndim != 2 or not frames.shape[1]:
        raise ValueError(f"frames of shape {frames.shape}: expected (frames, dim)")
    if not np.isfinite(frames).all():
        raise ValueError("frames with NaN or infinite values")
    num_steps = len(frames) // options.step
    shortest = -(-options.min_segment // options.step)
    if num_steps < 2 * shortest:
        return np.zeros(0, np.int64)
    edges = [0]
    for first, moments in _step_moments(frames, options.step):
        own = _candidates(standardise(moments, options.floor), shortest, -(-options.window // options.step))
        edges += [first] * (first > 0) + [first + change for change in own]
    edges = [edge for edge in edges if num_steps - edge >= shortest]
    changes = _join(frames, [edge * options.step for edge in edges[1:]], options)
    for _ in range(_MOVES):
        changes = _move(frames, changes, shortest, options)
    return np.array(_join(frames, changes, options), np.int64)


def _moments(frames: np.ndarray) -> np.ndarray:
    extended = np.concatenate([np.ones((len(frames), 1)), frames], axis=1, dtype=np.float64)
    return extended.T @ extended


def _step_moments(frames: np.ndarray, step: int) -> Iterator[tuple[int, np.ndarray]]:
    """First step and (steps, dim + 1, dim + 1) moments of each part of the frames, without the rest of a step."""
    num_steps = len(frames) // step
    for first in range(0, num_steps, _PART_STEPS):
        part = frames[first * step : min(first + _PART_STEPS, num_steps) * step].astype(np.float64)
        part = np.concatenate([np.ones((len(part), 1)), part], axis=1).reshape(-1, step, frames.shape[1] + 1)
        yield first, part.transpose(0, 2, 1) @ part


def _candidates(moments: np.ndarray, shortest: int, window: int) -> list[int]:
    """Steps at which the GLR of the windows on both sides, per frame, is the highest within `shortest` steps."""
    num_steps = len(moments)
    if num_steps < 2 * shortest:
        return []
    before = np.concatenate([np.zeros((1, *moments.shape[1:])), np.cumsum(moments, axis=0)])
    places = np.arange(shortest, num_steps - shortest + 1)
    first, past = np.maximum(places - window, 0), np.minimum(places + window, num_steps)
    left, right = before[places] - before[first], before[past] - before[places]
    # Windows are shorter near the ends: per frame, so that these do not seem less different for that.
    gains = _gain(left, right) / (left[:, 0, 0] + right[:, 0, 0])
    chosen = []
    for index, gain in enumerate(gains):
        near = gains[max(index - shortest + 1, 0) : index + shortest]
        if gain == near.max() and (not chosen or places[index] - chosen[-1] >= shortest):
            chosen.append(int(places[index]))
    return chosen


def _move(frames: np.ndarray, changes: list[int], shortest: int, options: ChangeOptions) -> list[int]:
    """Each change in its turn where the GLR of the pieces on both sides, which end at its neighbours, is highest."""
    changes = list(changes)
    reach = _PART_STEPS // 2 * options.step  # of long pieces the nearer end is enough
    for index, change in enumerate(changes):
        first = max(changes[index - 1] if index else 0, change - reach)
        past = min(changes[index + 1] if index + 1 < len(changes) else len(frames), change + reach)
        (_, moments), *_ = _step_moments(frames[first:past], options.step)
        before = np.cumsum(standardise(moments, options.floor), axis=0)
        left = before[shortest - 1 : len(before) - shortest]
        changes[index] = first + (shortest + int(np.argmax(_gain(left, before[-1] - left)))) * options.step
    return changes


def _join(frames: np.ndarray, changes: list[int], options: ChangeOptions) -> list[int]:
    """The changes that BIC keeps when neighbouring pieces are joined, the most alike first."""
    if not changes:
        return []
    bounds = [0, *changes, len(frames)]
    pieces = np.array([_moments(frames[begin:past]) for begin, past in zip(bounds, bounds[1:], strict=False)])
    pieces = list(standardise(pieces, options.floor))
    dim = frames.shape[1]
    parameters = dim + dim * (dim + 1) / 2
    changes = list(changes)

    def difference(left: list[np.ndarray], right: list[np.ndarray]) -> np.ndarray:
        left, right = np.array(left), np.array(right)
        counts = left[:, 0, 0] + right[:, 0, 0]
        return _gain(left, right) - 0.5 * options.penalty * parameters * np.log(counts)

    differences = list(difference(pieces[:-1], pieces[1:]))
    while differences:
        least = int(np.argmin(differences))
        if differences[least] > 0:
            break
        pieces[least : least + 2] = [pieces[least] + pieces[least + 1]]
        del changes[least], differences[least]
        near = [place for place in (least - 1, least) if 0 <= place < len(differences)]
        if near:
            renewed = difference([pieces[place] for place in near], [pieces[place + 1] for place in near])
            for place, value in zip(near, renewed, strict=True):
                differences[place] = value
    return changes


def _gain(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(N,) log-likelihood that two Gaussians gain over one, of moments (N, dim + 1, dim + 1): GLR."""

    def halves(moments: np.ndarray) -> np.ndarray:
        counts, _, covariances = covariances_of(moments)
        return 0.5 * counts * np.linalg.slogdet(covariances)[1]

    return halves(left + right) - halves(left) - halves(right)
