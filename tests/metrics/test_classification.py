"""Scores of classifiers against scikit-learn, and intervals against a bootstrap written out."""

import numpy as np
import pytest
from sklearn import metrics

from speechlib.metrics.classification import class_scores, confusion_matrix, score_intervals, scores

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("missing", [(), (2,), (0, 3)])
def test_scores_are_scikit_learns(missing):
    for _ in range(20):
        truth, predicted = RNG.integers(0, 4, 30), RNG.integers(0, 4, 30)
        for label in missing:
            truth[truth == label] = 1  # a class that the truth lacks
        found = scores(confusion_matrix(truth, predicted, 4))
        recalls = [np.mean(predicted[truth == label] == label) for label in np.unique(truth)]
        assert found["uar"] == pytest.approx(np.mean(recalls))
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, predicted))
        assert found["f1_macro"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))


def test_confusion_and_class_scores_by_hand():
    confusion = confusion_matrix([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], 3)
    assert confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    found = class_scores(confusion)
    np.testing.assert_allclose(found["precision"], [2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(found["recall"], [2 / 3, 1 / 2, 0])
    np.testing.assert_allclose(found["f1"], [2 / 3, 1 / 2, 0])


def test_intervals_are_those_of_a_bootstrap_over_speakers():
    truth, predicted, speakers = RNG.integers(0, 3, 60), RNG.integers(0, 3, 60), RNG.integers(0, 6, 60)
    found = score_intervals(truth, predicted, speakers, 3, num_samples=50, seed=3)
    draws = np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), 50)
    values = {"uar": [], "accuracy": [], "f1_macro": []}
    for draw in draws:
        items = np.concatenate([np.repeat(np.flatnonzero(speakers == s), count) for s, count in enumerate(draw)])
        for name, value in scores(confusion_matrix(truth[items], predicted[items], 3)).items():
            values[name].append(value)
    for name, ends in found.items():
        assert ends == pytest.approx(tuple(np.percentile(values[name], [2.5, 97.5])))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: confusion_matrix([], [], 2), "row of class numbers"),
        (lambda: confusion_matrix([0, 2], [0, 1], 2), "lie in 0..1"),
        (lambda: confusion_matrix([0.5], [0], 2), "must be whole"),
        (lambda: confusion_matrix([0, 1], [0], 2), "do not belong together"),
        (lambda: score_intervals([0, 1], [0, 1], ["a"], 2), "1 speakers differ"),
        (lambda: score_intervals([0, 1], [0, 1], ["a", "b"], 2, confidence=1.0), "between 0 and 1"),
    ],
)
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
