"""Resampling against torchaudio's, and in pieces."""

import numpy as np
import pytest
import torch

from speechlib._torchaudio import import_torchaudio
from speechlib.features.resample import Resampler


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 16000), (8000, 16000), (48000, 16000), (16000, 8000)])
def test_equals_torchaudio(from_rate, to_rate):
    torchaudio = import_torchaudio()
    samples = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    found = torch.cat(list(Resampler(from_rate, to_rate).stream([samples])))
    expected = torchaudio.functional.resample(samples, from_rate, to_rate, lowpass_filter_width=6, rolloff=0.99)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 1e-4


def test_pieces_do_not_matter():
    resampler = Resampler(44100, 16000)
    samples = np.random.default_rng(0).normal(size=2_000_000).astype(np.float32)
    whole = torch.cat(list(resampler.stream([samples])))
    assert len(whole) == resampler.num_samples(len(samples))
    pieces = torch.cat(list(resampler.stream(np.split(samples, [1, 5000, 5000, 1_900_000]))))
    assert torch.equal(pieces, whole)


def test_a_tone_keeps_its_frequency():
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 8000)
    found = torch.cat(list(Resampler(8000, 16000).stream([tone])))
    expected = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)
    torch.testing.assert_close(found[200:-200], expected[200:-200], atol=5e-3, rtol=0)
