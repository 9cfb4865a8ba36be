"""Frames of segments: by their middles, nearest ones for short segments, none where there are none."""

import numpy as np
import pytest

from speechlib.probing.segments import labels_at, segment_frames, segment_means

TIMES = 0.01 + 0.02 * np.arange(10)  # 10, 30, .. 190 ms


def frames_of(start, end, times=TIMES):
    first, past = segment_frames(times, np.array([start]), np.array([end]))
    return list(range(first[0], past[0]))


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (0.0, 0.04, [0, 1]),
        (0.01, 0.03, [0]),  # a beginning belongs to a segment, its end does not
        (0.011, 0.0305, [1]),
        (0.012, 0.018, [0]),  # shorter than a frame: the nearest
        (0.022, 0.028, [1]),
        (0.0, 0.2, list(range(10))),
        (0.2, 0.25, [9]),  # 10 ms beyond the last frame
        (0.22, 0.3, []),  # further than a frame from the next
    ],
)
def test_frames_of_a_segment(start, end, wanted):
    assert frames_of(start, end) == wanted


def test_every_frame_is_in_one_of_contiguous_segments():
    rng = np.random.default_rng(0)
    for _ in range(50):
        edges = np.unique(np.concatenate([[0.0], rng.uniform(0, 0.2, 7), [0.2]]))
        first, past = segment_frames(TIMES, edges[:-1], edges[1:])
        inside = [[f for f in range(10) if a <= TIMES[f] < b] for a, b in zip(edges, edges[1:], strict=False)]
        for one, other, own, a, b in zip(first, past, inside, edges, edges[1:], strict=False):
            if own:
                assert list(range(one, other)) == own
            else:  # brute force: the nearest to the middle
                nearest = np.abs(TIMES - 0.5 * (a + b))
                assert other == one + 1 and nearest[one] <= nearest.min() + 1e-12


def test_means_and_which_have_them():
    values = np.arange(20.0).reshape(10, 2)
    means, found = segment_means(values, TIMES, np.array([0.0, 0.05, 0.5]), np.array([0.04, 0.06, 0.6]))
    assert found.tolist() == [True, True, False]
    np.testing.assert_allclose(means, [values[:2].mean(axis=0), values[2]])
    single, found = segment_means(values[:1], TIMES[:1], np.array([0.3]), np.array([0.4]))
    assert found.tolist() == [True] and (single == values[0]).all()  # one frame is near to everything


def test_labels_of_frames():
    starts, ends = np.array([0.0, 0.05, 0.1]), np.array([0.04, 0.1, 0.12])
    assert labels_at([0.0, 0.039, 0.04, 0.05, 0.1, 0.119, 0.12, 5.0], starts, ends).tolist() == [
        0,
        0,
        -1,
        1,
        2,
        2,
        -1,
        -1,
    ]
    assert labels_at([0.1], np.array([]), np.array([])).tolist() == [-1]


@pytest.mark.parametrize(
    ("times", "start", "end"), [([], 0, 1), ([0.2, 0.1], 0, 1), ([0.1, 0.2], 1, 1), ([0.1, 0.2], 1, 0.5)]
)
def test_what_is_no_segment(times, start, end):
    with pytest.raises(ValueError, match="frame|segments"):
        segment_frames(np.array(times), np.array([start]), np.array([end]))
