"""Kept models: estimators and weights come back; nothing that could run code is loaded."""

import json

import numpy as np
import pytest
import skops.io
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.mixture import GaussianMixture
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from speechlib.io.trait_models import read_trait_model, write_trait_model

X, Y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2


@pytest.mark.parametrize("make", [SVC, DecisionTreeClassifier, lambda: HistGradientBoostingClassifier(max_iter=3)])
def test_estimators_come_back(tmp_path, make):
    estimator = make().fit(X, Y)
    write_trait_model(tmp_path / "m", {"classes": ["a", "b"]}, estimator=estimator)
    about, found, weights = read_trait_model(tmp_path / "m")
    assert about == {"classes": ["a", "b"]} and weights is None
    assert (found.predict(X) == estimator.predict(X)).all()


def test_lists_of_estimators_and_weights_come_back(tmp_path):
    write_trait_model(tmp_path / "m", {}, estimator=[GaussianMixture(2).fit(X), GaussianMixture(2).fit(X[Y == 0])])
    assert len(read_trait_model(tmp_path / "m")[1]) == 2
    write_trait_model(tmp_path / "m", {}, weights={"w": torch.ones(3)})  # replaces the estimator
    _, estimator, weights = read_trait_model(tmp_path / "m")
    assert estimator is None and weights["w"].tolist() == [1, 1, 1]


class Evil:
    def __reduce__(self):
        return print, ("hacked",)


def test_strange_types_are_not_loaded(tmp_path):
    write_trait_model(tmp_path / "m", {}, estimator=SVC().fit(X, Y))
    (tmp_path / "m/estimator.skops").write_bytes(skops.io.dumps(Evil()))
    with pytest.raises(ValueError, match="estimator.skops: "):
        read_trait_model(tmp_path / "m")


def test_what_is_missing_or_damaged_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the experiment with save = True"):
        read_trait_model(tmp_path)
    write_trait_model(tmp_path, {}, weights={"w": torch.ones(3)})
    (tmp_path / "weights.pt").write_bytes(b"junk")
    with pytest.raises(ValueError, match="no readable weights"):
        read_trait_model(tmp_path)
    (tmp_path / "weights.pt").unlink()
    with pytest.raises(FileNotFoundError, match="estimator.skops: not there"):
        read_trait_model(tmp_path)
    (tmp_path / "estimator.skops").write_bytes(b"junk")
    with pytest.raises(ValueError, match="not a readable model"):
        read_trait_model(tmp_path)
    (tmp_path / "about.json").write_text(json.dumps({})[:1])
    with pytest.raises(ValueError, match="not JSON"):
        read_trait_model(tmp_path)
