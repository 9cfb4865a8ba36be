"""Stretches of speech from decisions: bridging, minimum durations, margins, lengths."""

import numpy as np
import pytest

from speechlib.features.speech_regions import fit_length, flags_of, runs, speech_regions

FLAGS = np.array([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1], np.float32)


def test_runs_and_back():
    assert runs(FLAGS).tolist() == [[1, 3], [5, 6], [10, 13]]
    assert np.array_equal(flags_of(runs(FLAGS), len(FLAGS)), FLAGS)
    assert runs(np.zeros(0)).shape == runs(np.zeros(5)).shape == (0, 2)


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, [[1, 3], [5, 6], [10, 13]]),
        ({"min_silence": 2}, [[1, 3], [5, 6], [10, 13]]),  # a pause of two frames is none shorter than two
        ({"min_silence": 3}, [[1, 6], [10, 13]]),
        ({"min_speech": 2}, [[1, 3], [10, 13]]),
        ({"min_silence": 3, "min_speech": 4}, [[1, 6]]),  # bridged before the short ones go
        ({"margin": 1}, [[0, 7], [9, 13]]),  # two that touch are one; none leaves the recording
        ({"margin": 2}, [[0, 13]]),
    ],
)
def test_regions(options, expected):
    assert speech_regions(FLAGS, **options).tolist() == expected


def test_overlapping_regions_count_once():
    assert flags_of(np.array([[0, 3], [2, 4]]), 5).tolist() == [1, 1, 1, 1, 0]


def test_decisions_fit_features_that_lost_frames_at_both_ends():
    decisions = np.arange(10.0)
    assert fit_length(decisions, 8).tolist() == list(range(1, 9))
    assert fit_length(decisions, 10).tolist() == list(range(10))
    assert fit_length(decisions, 12).tolist() == [0, *range(10), 9]
    assert fit_length(decisions, 9).tolist() == list(range(9))
    assert fit_length(decisions, 11).tolist() == [*range(10), 9]
    with pytest.raises(ValueError, match="10 voicing decisions, but 5 frames"):
        fit_length(decisions, 5)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="margin=-1"):
        speech_regions(FLAGS, margin=-1)
    with pytest.raises(ValueError, match="one decision a frame"):
        runs(np.zeros((2, 2)))
