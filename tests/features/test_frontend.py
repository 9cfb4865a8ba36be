"""The front end against Kaldi's chain of tools (tested by themselves elsewhere), and its errors."""

import numpy as np
import pytest

from speechlib.features.cmvn import SlidingCmvnOptions, sliding_cmvn
from speechlib.features.deltas import add_deltas
from speechlib.features.frontend import FrontendOptions, NoVoicedFrames, apply_frontend, normalise_crop


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(3, 2, (500, 4)).astype(np.float32)


@pytest.fixture
def voiced():
    return (np.random.default_rng(1).random(500) < 0.6).astype(np.float32)


def test_kaldis_order(features, voiced):
    """add-deltas | apply-cmvn-sliding --center=true --cmn-window=300 | select-voiced-frames."""
    found = apply_frontend(features, voiced, FrontendOptions(deltas=2))
    expected = sliding_cmvn(add_deltas(features, 2, 3), SlidingCmvnOptions(cmn_window=300, center=True))
    np.testing.assert_array_equal(found, expected[voiced == 1])
    assert found.dtype == np.float32 and found.shape[1] == FrontendOptions(deltas=2).output_dim(4) == 12


def test_mean_over_all_frames_but_the_crops_own_mean_over_the_crop(features, voiced):
    whole = apply_frontend(features, voiced, FrontendOptions(cmn="utterance"))
    np.testing.assert_allclose(whole, (features - features.mean(axis=0))[voiced == 1], atol=1e-5)
    crop = FrontendOptions(cmn="crop", norm_vars=True)
    selected = apply_frontend(features, voiced, crop)
    np.testing.assert_array_equal(selected, features[voiced == 1])
    part = normalise_crop(selected[100:200], crop)
    np.testing.assert_allclose(part.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(part.std(axis=0), 1, atol=1e-5)
    assert normalise_crop(whole, FrontendOptions(cmn="utterance")) is whole


def test_without_anything_the_features_come_back(features):
    np.testing.assert_array_equal(apply_frontend(features, None, FrontendOptions(cmn="none", vad=False)), features)
    doubles = apply_frontend(features.astype(np.float64), None, FrontendOptions(cmn="none", vad=False))
    assert doubles.dtype == np.float32


def test_nothing_left(features):
    with pytest.raises(NoVoicedFrames, match="no voiced frame"):
        apply_frontend(features, np.zeros(500), FrontendOptions())
    with pytest.raises(NoVoicedFrames, match="no frames"):
        apply_frontend(features[:0], None, FrontendOptions(vad=False))


def test_errors(features):
    with pytest.raises(ValueError, match="500 frames of features but 499 voicing decisions"):
        apply_frontend(features, np.ones(499), FrontendOptions())
    with pytest.raises(ValueError, match="compute_vad.sh"):
        apply_frontend(features, None, FrontendOptions())
    with pytest.raises(ValueError, match="shape"):
        apply_frontend(features[0], None, FrontendOptions(vad=False))
    for wrong in ({"cmn_window": 0}, {"deltas": -1}, {"delta_window": 0}, {"cmn": "none", "norm_vars": True}):
        with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", "-")):
            FrontendOptions(**wrong)
