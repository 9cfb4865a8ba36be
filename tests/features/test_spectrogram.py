"""Spectrogram of VGG-M against a transcript of its definition in numpy."""

import numpy as np
import pytest

from speechlib.features.build import build_extractor, frame_shift
from speechlib.features.options import SpectrogramOptions


def naive(samples: np.ndarray, n_fft: int = 1024, num_bins: int = 512) -> np.ndarray:
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    rows = []
    for start in range(0, len(samples) - 399, 160):
        frame = samples[start : start + 400].astype(np.float64)
        frame -= frame.mean()
        frame = np.concatenate(([frame[0] * (1 - 0.97)], frame[1:] - 0.97 * frame[:-1])) * window
        rows.append(np.abs(np.fft.rfft(frame, n_fft))[:num_bins])
    return np.array(rows)


def test_equals_its_definition():
    samples = np.random.default_rng(0).normal(0, 3000, 48400).round().astype(np.float32)
    found = build_extractor(SpectrogramOptions()).compute(samples).numpy()
    assert found.shape == (301, 512)
    np.testing.assert_allclose(found, naive(samples), rtol=1e-4, atol=0.5)
    logs = build_extractor(SpectrogramOptions(use_log=True, n_fft=512, num_bins=257)).compute(samples).numpy()
    np.testing.assert_allclose(logs, np.log(naive(samples, 512, 257)), atol=1e-2)


def test_three_seconds_are_the_papers_300_frames():
    options = SpectrogramOptions(snip_edges=False)
    assert build_extractor(options).num_frames(48000) == 300 and frame_shift(options) == 0.01


def test_silence_has_finite_logarithms_and_pieces_give_the_whole():
    extractor = build_extractor(SpectrogramOptions(use_log=True))
    assert np.isfinite(extractor.compute(np.zeros(4000, np.float32)).numpy()).all()
    samples = np.random.default_rng(1).normal(0, 100, 200_000).astype(np.float32)
    streamed = np.concatenate([block.numpy() for block in extractor.stream(np.array_split(samples, 7))])
    np.testing.assert_array_equal(streamed, extractor.compute(samples).numpy())


def test_options_that_do_not_fit():
    for wrong in ({"n_fft": 256}, {"n_fft": 1023}, {"num_bins": 514}, {"num_bins": 0}, {"window_type": "kaiser"}):
        with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", "-")):
            SpectrogramOptions(**wrong)
    with pytest.raises(ValueError, match="no VTLN"):
        build_extractor(SpectrogramOptions(), vtln_warp=1.1)
