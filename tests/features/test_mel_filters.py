"""Mel filterbanks against torchaudio's and against plain products."""

import numpy as np
import pytest
import torch

from speechlib._torchaudio import import_torchaudio
from speechlib.features.mel_filters import BandedProjection, kaldi_mel_filters, slaney_mel_filters
from speechlib.features.options import MelOptions


@pytest.fixture(scope="module")
def kaldi_oracle():
    import_torchaudio()
    import torchaudio.compliance.kaldi

    return torchaudio.compliance.kaldi


@pytest.mark.parametrize("warp", [1.0, 0.85, 0.9, 1.1, 1.2])
@pytest.mark.parametrize(("bins", "low", "high", "rate"), [(23, 20.0, 0.0, 16000.0), (30, 60.0, -400.0, 8000.0)])
def test_vtln_equals_the_oracle(kaldi_oracle, warp, bins, low, high, rate):
    options = MelOptions(num_mel_bins=bins, low_freq=low, high_freq=high, vtln_high=-600.0)
    expected, _ = kaldi_oracle.get_mel_banks(bins, 512, rate, low, high, options.vtln_low, options.vtln_high, warp)
    found = kaldi_mel_filters(options, rate, 512, warp)
    assert found.shape == (257, bins)
    np.testing.assert_allclose(found[:256].T, expected.numpy(), atol=2e-4)
    assert not found[256].any()


@pytest.mark.parametrize(
    ("options", "rate", "warp", "message"),
    [
        (MelOptions(high_freq=9000.0), 16000.0, 1.0, r"high-freq=9000.0 must satisfy .* <= 8000.0"),
        (MelOptions(low_freq=5000.0), 8000.0, 1.0, "low-freq=5000.0"),
        (MelOptions(num_mel_bins=128), 8000.0, 1.0, r"num-mel-bins=128 is too large: filter \d+ holds no bin"),
        (MelOptions(vtln_high=0.0), 16000.0, 1.1, "vtln-warp=1.1"),
    ],
)
def test_filters_that_do_not_fit(options, rate, warp, message):
    with pytest.raises(ValueError, match=message):
        kaldi_mel_filters(options, rate, 256, warp)


def test_slaney_filters_have_unit_area():
    filters = slaney_mel_filters(40, 16000.0, 4096, 0.0, 8000.0)
    np.testing.assert_allclose(filters.sum(axis=0) * 16000 / 4096, 1.0, atol=0.01)


@pytest.mark.parametrize("repeat", [1, 2])
@pytest.mark.parametrize("bins", [3, 23, 80])
def test_bands_equal_the_dense_product(repeat, bins):
    weights = kaldi_mel_filters(MelOptions(num_mel_bins=bins, high_freq=7600.0), 16000.0, 512)
    spectrum = torch.rand(50, 257 * repeat)
    projection = BandedProjection(weights, repeat, 100, torch.device("cpu"))
    projection.project(spectrum, first=20)
    dense = torch.from_numpy(weights.repeat(repeat, axis=0)).float()
    torch.testing.assert_close(projection.energies(70)[20:], spectrum @ dense)


def test_filters_without_any_bin_give_zero():
    weights = slaney_mel_filters(128, 16000.0, 256, 0.0, 8000.0)
    assert (weights.sum(axis=0) == 0).any()
    projection = BandedProjection(weights, 1, 10, torch.device("cpu"))
    spectrum = torch.rand(10, 129)
    projection.project(spectrum)
    torch.testing.assert_close(projection.energies(10), spectrum @ torch.from_numpy(weights).float())
