"""The signal-to-noise ratio of mixtures that are known, and clipping."""

import numpy as np
import pytest
from scipy.signal import lfilter

from speechlib.features.snr import MAX_SNR, MIN_SNR, clipped_share, estimate_snr

RATE = 16000


def syllables(seconds=4, rate=RATE):
    """A buzz that comes and goes four times a second."""
    time = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.cos(2 * np.pi * 120 * number * time) / number for number in range(1, 28))
    return 1000 * buzz * np.clip(np.sin(2 * np.pi * 4 * time), 0, None)


@pytest.mark.parametrize("wanted", [0, 10, 20, 30])
@pytest.mark.parametrize("colour", [0.0, 0.8])
def test_within_a_decibel_and_a_half(wanted, colour):
    speech = syllables()
    noise = lfilter([1], [1, -colour], np.random.default_rng(0).standard_normal(len(speech)))
    noise *= np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-wanted / 20)
    assert estimate_snr(speech + noise, RATE) == pytest.approx(wanted, abs=1.5)
    assert estimate_snr((speech + noise) / 10, RATE) == pytest.approx(wanted, abs=1.5)


def test_another_rate():
    speech = syllables(2, 8000)
    noise = np.random.default_rng(1).normal(0, np.sqrt(np.mean(speech**2) / 100), len(speech))
    assert estimate_snr(speech + noise, 8000) == pytest.approx(20, abs=2)


def test_extremes():
    assert estimate_snr(np.random.default_rng(0).normal(0, 500, 3 * RATE), RATE) < -5
    assert estimate_snr(np.zeros(RATE), RATE) == MIN_SNR
    loud = np.zeros(2 * RATE)
    loud[RATE // 2 : RATE] = 32767 * np.sign(np.sin(np.arange(RATE // 2)))
    assert 60 < estimate_snr(loud, RATE) <= MAX_SNR
    assert np.isfinite(estimate_snr(np.ones(1), RATE))
    with pytest.raises(ValueError, match="is nan"):
        estimate_snr(np.array([np.nan]), RATE)


def test_real_speech_with_noise_added(corpora):
    from speechlib.io.audio import read_audio

    speech, rate = read_audio(corpora / "emodb/wav/09a01Nb.wav")
    noise = np.random.default_rng(0).standard_normal(len(speech))
    for wanted in (5, 15):
        scaled = noise * np.sqrt(np.mean(speech**2)) * 10 ** (-wanted / 20)
        assert estimate_snr(speech + scaled, rate) == pytest.approx(wanted, abs=2)


def test_clipping_counts_runs_of_three():
    samples = np.zeros(20)
    samples[2:5] = 32767
    samples[7:9] = 32767  # two are chance
    samples[10:14] = -32768
    assert clipped_share(samples) == pytest.approx(7 / 20)
    assert clipped_share(samples * 0.9) == 0 and clipped_share(np.zeros(0)) == 0
    turning = np.array([32767, 32767, -32768, -32768])  # no run of three on one side
    assert clipped_share(turning) == 0
