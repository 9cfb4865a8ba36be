"""Windows over stretches of speech."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.clustering.uniform_windows import uniform_windows


@pytest.mark.parametrize(
    "end, expected",
    [
        (0.4, []),
        (0.5, [(0, 0.5)]),
        (1.5, [(0, 1.5)]),
        (1.6, [(0, 1.5), (0.1, 1.6)]),
        (2.25, [(0, 1.5), (0.75, 2.25)]),
        (3.2, [(0, 1.5), (0.75, 2.25), (1.5, 3.0), (1.7, 3.2)]),
    ],
)
def test_windows(end, expected):
    found = uniform_windows(10.0, 10.0 + end)
    assert [(pytest.approx(start + 10), pytest.approx(past + 10)) for start, past in expected] == found


@given(st.floats(0, 100), st.floats(0.01, 30), st.floats(0.2, 3), st.floats(0.1, 1))
def test_windows_cover_the_stretch_and_nothing_else(start, length, window, share):
    period = window * share
    windows = uniform_windows(start, start + length, window, period, 0)
    assert windows[0][0] == start and windows[-1][1] == pytest.approx(start + length)
    for (first, past), (following, _) in zip(windows, windows[1:], strict=False):
        assert past - first == pytest.approx(window)
        assert first < following <= first + period + 1e-6


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match="period <= window"):
        uniform_windows(0, 10, window=1, period=1.5)
    with pytest.raises(ValueError, match="min_segment"):
        uniform_windows(0, 10, min_segment=-1)
