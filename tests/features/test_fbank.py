"""Filterbank features against files that Kaldi wrote."""

import dataclasses

import numpy as np
import pytest

from speechlib.features.fbank import Fbank
from speechlib.features.options import FbankOptions
from speechlib.io.audio import read_audio
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.tables import read_table


def options_of(golden, config, **changes):
    options = build_options(FbankOptions, read_options(golden / "conf" / config), config)
    return dataclasses.replace(options, dither=0.0, **changes)


def compare(golden, name, options):
    """Golden and our features, empty matrices left out; shapes must agree."""
    extractor = Fbank(options)
    expected, found = [], []
    for utterance, matrix in read_table(f"ark,t:gunzip -c {golden}/feats/{name}.txt.gz |"):
        samples, _ = read_audio(golden / "wav" / f"{utterance}.wav")
        ours = extractor.compute(samples)
        assert ours.shape[0] == matrix.shape[0]
        if len(matrix):
            assert ours.shape == matrix.shape
            expected.append(matrix)
            found.append(ours.numpy())
    return np.concatenate(expected), np.concatenate(found)


@pytest.mark.parametrize(
    ("name", "config", "changes"),
    [
        ("fbank40", "fbank40.conf", {}),
        ("fbank64", "fbank64.conf", {}),
        ("fbank80", "fbank80.conf", {}),
        ("var_fbank40_snip-edges_true", "fbank40.conf", {"snip_edges": True}),
        ("var_fbank40_use-energy_true", "fbank40.conf", {"use_energy": True}),
        ("var_fbank40_use-power_false", "fbank40.conf", {"use_power": False}),
        ("var_fbank40_window-type_hamming", "fbank40.conf", {"window_type": "hamming"}),
    ],
)
def test_equals_kaldi(golden, name, config, changes):
    expected, found = compare(golden, name, options_of(golden, config, **changes))
    difference = np.abs(found - expected)
    assert difference.mean() < 2e-5
    assert np.quantile(difference, 0.999) < 1e-3


def test_equals_kaldi_without_the_logarithm(golden):
    expected, found = compare(
        golden, "var_fbank40_use-log-fbank_false", options_of(golden, "fbank40.conf", use_log_fbank=False)
    )
    relative = np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)
    assert relative.mean() < 2e-5
    assert np.quantile(relative, 0.999) < 1e-3


@pytest.mark.parametrize("offset", [0, 1, 900, -12345])
@pytest.mark.parametrize("use_power", [True, False])
def test_a_constant_signal_is_silence(offset, use_power):
    options = FbankOptions(dither=0.0, use_power=use_power, use_energy=True)
    features = Fbank(options).compute(np.full(3000, offset, np.float32))
    np.testing.assert_allclose(features, np.log(np.finfo(np.float32).eps), rtol=1e-6)


def test_energy_is_last_in_htk_order():
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 1000, 8000).astype(np.float32)
    first = Fbank(FbankOptions(dither=0.0, use_energy=True)).compute(samples)
    last = Fbank(FbankOptions(dither=0.0, use_energy=True, htk_compat=True)).compute(samples)
    np.testing.assert_array_equal(first.roll(-1, dims=1), last)


@pytest.mark.parametrize("window", ["povey", "hamming", "hanning", "rectangular", "blackman", "sine"])
@pytest.mark.parametrize("remove_dc_offset", [True, False])
def test_equals_the_literal_order_of_operations(window, remove_dc_offset):
    options = FbankOptions(
        dither=0.0, window_type=window, remove_dc_offset=remove_dc_offset, use_energy=True, raw_energy=False
    )
    samples = np.random.default_rng(1).normal(300, 1000, 5000).round()
    found = Fbank(options).compute(samples.astype(np.float32)).double().numpy()

    position = np.arange(400) * 2 * np.pi / 399
    shape = {
        "povey": (0.5 - 0.5 * np.cos(position)) ** 0.85,
        "hamming": 0.54 - 0.46 * np.cos(position),
        "hanning": 0.5 - 0.5 * np.cos(position),
        "rectangular": np.ones(400),
        "blackman": 0.42 - 0.5 * np.cos(position) + 0.08 * np.cos(2 * position),
        "sine": np.sin(position / 2),
    }[window]
    mel = 1127 * np.log(1 + np.array([20.0, 8000.0]) / 700)
    edges = np.linspace(*mel, 25)
    bins = 1127 * np.log(1 + np.arange(256) * 31.25 / 700)[:, None]
    filters = np.minimum((bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]).clip(0)
    for frame, row in enumerate(found):
        x = samples[160 * frame : 160 * frame + 400].copy()
        if remove_dc_offset:
            x -= x.mean()
        x = np.append(x[0] * 0.03, x[1:] - 0.97 * x[:-1]) * shape
        power = np.abs(np.fft.rfft(x, 512)[:256]) ** 2
        np.testing.assert_allclose(row, np.log(np.append(x @ x, power @ filters)), atol=2e-4)
