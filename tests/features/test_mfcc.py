"""MFCCs against files that Kaldi wrote."""

import dataclasses

import numpy as np
import pytest
import torch

from speechlib.features.mfcc import Mfcc, cepstral_transform
from speechlib.features.options import MfccOptions
from speechlib.io.audio import read_audio
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.tables import read_table


@pytest.mark.parametrize(
    ("name", "config", "changes"),
    [
        ("mfcc_vox2_30", "mfcc_vox2_30.conf", {}),
        ("mfcc_vox1_24", "mfcc_vox1_24.conf", {}),
        ("mfcc_shon20", "mfcc_shon20.conf", {}),
        ("mfcc_hires40", "mfcc_hires40.conf", {}),
        ("var_mfcc_cepstral-lifter_0_0", "mfcc_vox2_30.conf", {"cepstral_lifter": 0.0}),
        ("var_mfcc_energy-floor_1_0", "mfcc_vox2_30.conf", {"energy_floor": 1.0}),
        ("var_mfcc_frame-length_32", "mfcc_vox2_30.conf", {"frame_length": 32.0}),
        ("var_mfcc_htk-compat_true", "mfcc_vox2_30.conf", {"htk_compat": True}),
        ("var_mfcc_preemphasis-coefficient_0_0", "mfcc_vox2_30.conf", {"preemphasis_coefficient": 0.0}),
        ("var_mfcc_raw-energy_false", "mfcc_vox2_30.conf", {"raw_energy": False}),
        ("var_mfcc_remove-dc-offset_false", "mfcc_vox2_30.conf", {"remove_dc_offset": False}),
        ("var_mfcc_round-to-power-of-two_false", "mfcc_vox2_30.conf", {"round_to_power_of_two": False}),
        ("var_mfcc_snip-edges_true", "mfcc_vox2_30.conf", {"snip_edges": True}),
        ("var_mfcc_use-energy_false", "mfcc_vox2_30.conf", {"use_energy": False}),
        ("var_mfcc_window-type_hamming", "mfcc_vox2_30.conf", {"window_type": "hamming"}),
    ],
)
def test_equals_kaldi(golden, name, config, changes):
    options = build_options(MfccOptions, read_options(golden / "conf" / config), config)
    extractor = Mfcc(dataclasses.replace(options, dither=0.0, **changes))
    differences = []
    for utterance, expected in read_table(f"ark,t:gunzip -c {golden}/feats/{name}.txt.gz |"):
        found = extractor.compute(read_audio(golden / "wav" / f"{utterance}.wav")[0]).numpy()
        assert len(found) == len(expected)
        if len(expected):
            assert found.shape == expected.shape
            differences.append(np.abs(found - expected).ravel())
    difference = np.concatenate(differences)
    assert difference.mean() < 1e-4
    assert np.quantile(difference, 0.999) < 5e-3


def test_transform_is_orthonormal_without_lifter():
    transform = cepstral_transform(MfccOptions(num_mel_bins=30, num_ceps=30, cepstral_lifter=0.0))
    torch.testing.assert_close(transform.T @ transform, torch.eye(30, dtype=torch.float64))


def test_htk_order_without_energy_scales_c0():
    samples = np.random.default_rng(0).normal(0, 1000, 8000).astype(np.float32)
    kaldi = Mfcc(MfccOptions(dither=0.0, use_energy=False)).compute(samples)
    htk = Mfcc(MfccOptions(dither=0.0, use_energy=False, htk_compat=True)).compute(samples)
    kaldi[:, 0] *= 2**0.5
    torch.testing.assert_close(kaldi.roll(-1, dims=1), htk, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_ceps": 24}, "num-ceps=24 must lie between 1 and num-mel-bins=23"),
        ({"window_type": "poovey"}, "window-type='poovey' is not known: choose one of povey"),
        ({"frame_shift": 0.01}, "frame-shift=0.01 ms is shorter than one sample"),
        ({"dither": -1.0}, "dither=-1.0 must not be negative"),
    ],
)
def test_options_that_make_no_sense(changes, message):
    with pytest.raises(ValueError, match=message):
        MfccOptions(**changes)


def test_full_preemphasis_leaves_nothing_of_the_first_sample():
    options = MfccOptions(
        dither=0.0, preemphasis_coefficient=1.0, window_type="rectangular", raw_energy=False, remove_dc_offset=False
    )
    samples = np.random.default_rng(0).normal(0, 1000, 4000).round()
    frames = np.lib.stride_tricks.sliding_window_view(samples, 400)[::160]
    expected = np.log((np.diff(frames) ** 2).sum(axis=1))
    assert np.abs(Mfcc(options).compute(samples).numpy()[:, 0] - expected).max() < 1e-4
