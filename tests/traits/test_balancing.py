"""Balancing of classes: repeated, filled in, thinned out."""

import numpy as np
import pytest

from speechlib.traits.balancing import balance

X = np.random.default_rng(0).normal(size=(20, 3))
Y = np.array([0] * 12 + [1] * 6 + [2] * 2)


def test_repeating_gives_all_classes_the_same_number_of_their_own_rows():
    x, y = balance(X, Y, "ros", seed=1)
    assert np.bincount(y).tolist() == [12, 12, 12]
    assert (x[:20] == X).all() and (y[:20] == Y).all()
    for row, label in zip(x[20:], y[20:], strict=True):
        assert (X[Y == label] == row).all(1).any()


def test_smote_fills_in_between_neighbours_of_one_class():
    x, y = balance(X, Y, "smote", seed=1)
    assert np.bincount(y).tolist() == [12, 12, 12]
    for row, label in zip(x[20:], y[20:], strict=True):
        own = X[Y == label]
        # On the line between two rows of the class: distances to the ends add up to that between them.
        a = np.linalg.norm(own - row, axis=1)
        between = np.linalg.norm(own[:, None] - own[None], axis=2)
        assert np.isclose(a[:, None] + a[None], between, atol=1e-9)[~np.eye(len(own), dtype=bool)].any()


def test_thinning_out_keeps_as_many_as_the_rarest_has():
    x, y = balance(X, Y, "randomundersampler", seed=1)
    assert np.bincount(y).tolist() == [2, 2, 2]
    assert all((X[Y == label] == row).all(1).any() for row, label in zip(x, y, strict=True))


def test_the_seed_decides():
    assert (balance(X, Y, "smote", 3)[0] == balance(X, Y, "smote", 3)[0]).all()
    assert (balance(X, Y, "smote", 3)[0] != balance(X, Y, "smote", 4)[0]).any()


def test_an_unknown_method_is_an_error():
    with pytest.raises(ValueError, match="unknown balancing 'adasyn'"):
        balance(X, Y, "adasyn", 0)
