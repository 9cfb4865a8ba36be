"""Scalings against scikit-learn's, fitted on training rows alone."""

import numpy as np
import pytest
from sklearn import preprocessing

from speechlib.traits.scaling import KINDS, Scaler, scale_by_speaker

X = np.random.default_rng(0).normal(size=(30, 4)) * [1, 10, 0.1, 1] + [0, 5, -3, 0]
NEW = np.random.default_rng(1).normal(size=(7, 4))


@pytest.mark.parametrize(
    "kind, theirs",
    [
        ("standard", preprocessing.StandardScaler()),
        ("robust", preprocessing.RobustScaler()),
        ("minmax", preprocessing.MinMaxScaler()),
        ("maxabs", preprocessing.MaxAbsScaler()),
    ],
)
def test_scalings_are_scikit_learns(kind, theirs):
    np.testing.assert_allclose(Scaler(kind).fit(X).transform(NEW), theirs.fit(X).transform(NEW))


def test_bins_are_thirds_of_the_training_values():
    scaler = Scaler("bins").fit(np.arange(9.0)[:, None])
    assert scaler.transform(np.array([[0.0], [4.0], [8.0], [100.0]]))[:, 0].tolist() == [0, 0.5, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_that_does_not_vary_stays_finite(kind):
    x = np.column_stack([np.full(10, 3.3), np.arange(10)])
    scaled = Scaler(kind).fit(x).transform([[5.0, 2.0]])
    assert np.isfinite(scaled).all() and (kind in ("maxabs", "bins") or scaled[0, 0] == 0)


def test_rounding_of_a_constant_is_not_blown_up():
    x = np.full((10, 1), 0.1) + np.arange(10)[:, None] * 1e-18
    assert Scaler("standard").fit(x).transform([[0.2]])[0, 0] == 0


def test_scaling_by_speaker_standardises_each():
    speakers = np.array(["a"] * 10 + ["b"] * 20)
    scaled = scale_by_speaker(X, speakers)
    for name in "ab":
        np.testing.assert_allclose(scaled[speakers == name].mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(scaled[speakers == name].std(0), 1)


def test_errors():
    with pytest.raises(ValueError, match="unknown scaling 'log'"):
        Scaler("log")
    with pytest.raises(ValueError, match="2 columns do not fit a scaling of 4"):
        Scaler("standard").fit(X).transform(X[:, :2])
