"""Syllable nuclei of modulated buzzes, and of contours by hand."""

import numpy as np
import pytest

from speechlib.features.speech_rate import speech_rate, syllable_nuclei


def syllables(a_second, seconds=3, rate=16000):
    time = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.cos(2 * np.pi * 140 * number * time) / number for number in range(1, 25))
    return 1000 * buzz * (1.05 - np.cos(2 * np.pi * a_second * time))


@pytest.mark.parametrize("a_second", [2, 4, 6])
def test_the_rate_of_the_modulation(a_second):
    samples = syllables(a_second)
    assert speech_rate(samples, 16000) == pytest.approx(a_second, rel=0.06)
    # Silence around does not count, nor does the level.
    around = np.concatenate((np.zeros(16000), samples / 50, np.zeros(8000)))
    assert speech_rate(around, 16000) == pytest.approx(a_second, rel=0.06)


def test_another_rate():
    assert speech_rate(syllables(4, rate=22050), 22050) == pytest.approx(4, rel=0.06)


def test_what_is_unvoiced_or_silent_has_no_syllables():
    noise = np.random.default_rng(0).normal(0, 1000, 48000) * (1.05 - np.cos(2 * np.pi * 4 * np.arange(48000) / 16000))
    assert speech_rate(noise, 16000) < 0.4
    assert speech_rate(np.zeros(16000), 16000) == 0
    assert speech_rate(np.ones(1), 16000) == 0
    with pytest.raises(ValueError, match="no samples"):
        speech_rate(np.zeros(0), 16000)


@pytest.mark.parametrize(
    "contour, nuclei",
    [
        ([0, 5, 0, 5, 0], [1, 3]),
        ([0, 5, 4, 6, 0], [3]),  # a dip of 1 dB: the higher one
        ([0, 6, 5, 5.5, 3, 6.5, 0], [1, 5]),
        ([9, 6, 7, 2, 3.5, 0], [0]),  # 7 has but 1 dB before it, 3.5 but 1.5
        ([3, 3, 3], [0]),
        ([1], [0]),
        ([0, 8, 1, 2, 1, 9, 1], [1, 5]),  # 2 is 1 dB above its dips
    ],
)
def test_nuclei_have_dips_between_them(contour, nuclei):
    assert syllable_nuclei(np.array(contour, float)).tolist() == nuclei
