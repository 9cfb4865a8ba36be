"""The mel spectrogram of Lukic et al. against a plain computation in librosa's way and against torchaudio."""

import math

import numpy as np
import pytest
import torch

from speechlib._torchaudio import import_torchaudio
from speechlib.features.melspec import Melspec
from speechlib.features.options import MelspecOptions


def librosa_filters(mels=128, rate=16000, n_fft=1024):
    """librosa.filters.mel with Slaney's scale and norm, filter by filter."""

    def hz_of(mel):
        return 200 / 3 * mel if mel < 15 else 1000 * math.exp((mel - 15) * math.log(6.4) / 27)

    top = 15 + 27 * math.log(rate / 2 / 1000) / math.log(6.4)
    edges = [hz_of(top * i / (mels + 1)) for i in range(mels + 2)]
    filters = np.zeros((mels, n_fft // 2 + 1))
    for i in range(mels):
        low, centre, high = edges[i : i + 3]
        for k in range(n_fft // 2 + 1):
            hz = k * rate / n_fft
            rise, fall = (hz - low) / (centre - low), (high - hz) / (high - centre)
            filters[i, k] = max(0.0, min(rise, fall)) * 2 / (high - low)
    return filters


def reference(samples, pad_mode="reflect"):
    x = np.pad(samples.astype(np.float64) / 32768, 512, mode=pad_mode)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    frames = np.stack([x[i : i + 1024] * window for i in range(0, len(samples) + 1, 160)])
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    return np.log(1 + 10000 * power @ librosa_filters().T)


@pytest.fixture(scope="module")
def speech():
    t = np.arange(24000) / 16000
    tone = 8000 * np.sin(2 * np.pi * (200 + 500 * t) * t) * np.exp(-t)
    return (tone + np.random.default_rng(0).normal(0, 30, len(t))).round().astype(np.float32)


@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
@pytest.mark.parametrize("samples", [24000, 1000, 300])
def test_equals_the_reference(speech, pad_mode, samples):
    found = Melspec(MelspecOptions(pad_mode=pad_mode)).compute(speech[:samples]).numpy()
    expected = reference(speech[:samples], pad_mode)
    assert found.shape == expected.shape == (1 + samples // 160, 128)
    assert np.abs(found - expected).max() < 1e-4


def test_equals_torchaudio(speech):
    torchaudio = import_torchaudio()
    mel = torchaudio.transforms.MelSpectrogram(
        16000, n_fft=1024, hop_length=160, n_mels=128, f_min=0, f_max=8000, power=2, norm="slaney",
        mel_scale="slaney", center=True, pad_mode="reflect",
    )  # fmt: skip
    expected = (1 + 10000 * mel(torch.from_numpy(speech) / 32768)).log().T
    assert (Melspec(MelspecOptions()).compute(speech) - expected).abs().max() < 1e-4


def test_logarithms_differ_by_a_factor(speech):
    natural = Melspec(MelspecOptions()).compute(speech)
    decimal = Melspec(MelspecOptions(log_base=10.0)).compute(speech)
    torch.testing.assert_close(natural, decimal * 2.302585, rtol=1e-6, atol=1e-6)


def test_one_second_has_101_frames():
    extractor = Melspec(MelspecOptions())
    assert extractor.compute(np.zeros(16000)).shape == (101, 128)
    assert extractor.compute(np.zeros(15999)).shape == (100, 128)
    assert extractor.compute(np.zeros(0)).shape == (0, 128)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fmax": 9000.0}, "fmax=9000.0 must satisfy"),
        ({"pad_mode": "wrap"}, "choose one of reflect, constant"),
        ({"log_base": 1.0}, "log-base=1.0"),
        ({"n_fft": 1023}, "n-fft=1023 must be even"),
    ],
)
def test_options_that_make_no_sense(changes, message):
    with pytest.raises(ValueError, match=message):
        MelspecOptions(**changes)
