"""One rate for all layers, mean 0 and deviation 1."""

import numpy as np
import pytest

from speechlib.probing.inputs import Standardiser, change_rate, rate_factor


@pytest.mark.parametrize(
    ("between", "step", "factor"),
    [(0.01, 0.01, 1), (0.02, 0.01, 2), (0.01, 0.02, 0.5), (0.32, 0.01, 32), (0.0101, 0.01, 1)],
)
def test_rate_factor(between, step, factor):
    assert rate_factor(between * np.arange(9), step) == factor


def test_gaps_do_not_change_the_rate():
    assert rate_factor(np.array([0.0, 0.02, 0.04, 1.5, 1.52, 1.54, 9.0]), 0.01) == 2
    for times in (np.array([0.1]), np.array([0.3, 0.3, 0.3])):
        with pytest.raises(ValueError, match="do not tell how far"):
            rate_factor(times, 0.01)


def test_repeating_and_averaging():
    frames = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert change_rate(frames, 1.0) is frames
    np.testing.assert_array_equal(change_rate(frames, 2.0), frames[[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]])
    halved = change_rate(frames, 0.5)
    np.testing.assert_allclose(halved, [[1, 2], [5, 6], [8, 9]])  # the last of a single frame
    assert halved.dtype == np.float32


def test_standardising():
    rng = np.random.default_rng(0)
    frames = (rng.normal(size=(500, 3)) * [1, 5, 0] + [0, 100, 7]).astype(np.float32)
    moments = Standardiser()
    for part in np.array_split(frames, 7):
        moments.add(part)
    shift, scale = moments.shift_and_scale()
    ready = (frames - shift) * scale
    np.testing.assert_allclose(ready.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(ready.std(axis=0), [1, 1, 0], atol=1e-4)  # a value that never changes is left at 0
    assert shift.dtype == scale.dtype == np.float32
    with pytest.raises(ValueError, match="no frame"):
        Standardiser().shift_and_scale()
