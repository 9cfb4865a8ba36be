"""The best path through a trellis, beside the search through all paths."""

from itertools import product

import numpy as np
import pytest

from speechlib.features.best_path import best_path


@pytest.mark.parametrize("frames, states", [(1, 3), (2, 3), (3, 2), (6, 3), (7, 3), (10, 2)])
def test_no_other_path_is_better(frames, states):
    rng = np.random.default_rng(frames)
    scores, changes = rng.standard_normal((frames, states)), rng.standard_normal((frames - 1, states, states))

    def total(path):
        steps = sum(changes[t, path[t], path[t + 1]] for t in range(frames - 1))
        return steps + sum(scores[t, path[t]] for t in range(frames))

    assert tuple(best_path(scores, changes)) == max(product(range(states), repeat=frames), key=total)


def test_a_long_path_beside_viterbi_frame_by_frame():
    rng = np.random.default_rng(0)
    scores, changes = rng.standard_normal((1003, 6)), rng.standard_normal((1002, 6, 6))
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    scores[:, 5] = 0
    best, back = scores[0], []
    for score, change in zip(scores[1:], changes, strict=True):
        reached = best[:, None] + change
        back.append(reached.argmax(axis=0))
        best = reached.max(axis=0) + score
    path = [best.argmax()]
    for sources in back[::-1]:
        path.append(sources[path[-1]])
    np.testing.assert_array_equal(best_path(scores, changes), path[::-1])


def test_shapes_that_disagree():
    with pytest.raises(ValueError, match="expected \\(frames - 1, states, states\\)"):
        best_path(np.zeros((4, 2)), np.zeros((4, 2, 2)))
