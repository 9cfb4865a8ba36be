"""The best path through a trellis (Viterbi), vectorised over stretches of it.

A step from frame to frame is a matrix, and steps follow each other as matrices do where sums are maxima and products
are sums. The products within stretches of about the root of the number of frames are made for all stretches at once, so
that what Python must do one after the other grows with that root only.
"""

from __future__ import annotations

import numpy as np


def best_path(scores: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Find the path of the highest sum.

    Args:
        scores: (frames, states) of being in a state.
        changes: (frames - 1, states, states) of going from one state (second axis) to another.

    Returns:
        (frames,) states.

    Raises:
        ValueError: there is no frame, or the shapes disagree.
    """
    frames, states = scores.shape
    if not frames or changes.shape != (frames - 1, states, states):
        raise ValueError(f"scores {scores.shape} with changes {changes.shape}: expected (frames - 1, states, states)")
    if frames == 1:
        return scores.argmax(axis=1)
    length = max(1, int(np.sqrt(frames)))
    stretches = -(-(frames - 1) // length)
    # (states, states, steps), so that the innermost loops are long ones; behind the last, steps that change nothing.
    steps = np.full((states, states, stretches * length), -np.inf)
    steps[np.arange(states), np.arange(states)] = 0
    steps[..., : frames - 1] = (changes + scores[1:, None, :]).transpose(1, 2, 0)
    within = np.ascontiguousarray(steps.reshape(states, states, stretches, length).transpose(3, 0, 1, 2))
    for step in range(1, length):
        within[step] = (within[step - 1][:, :, None] + within[step][None]).max(axis=1)
    begins = np.empty((states, stretches))
    begins[:, 0] = scores[0]
    for stretch in range(1, stretches):
        begins[:, stretch] = (begins[:, stretch - 1, None] + within[-1, :, :, stretch - 1]).max(axis=0)
    reached = (begins[:, None] + within).max(axis=1).transpose(2, 0, 1).reshape(-1, states)[: frames - 1]
    before = np.concatenate((scores[:1], reached[:-1]))
    sources = (before[..., None] + changes).argmax(axis=1).tolist()
    path = [int(reached[-1].argmax())]
    for source in reversed(sources):
        path.append(source[path[-1]])
    return np.array(path[::-1])
