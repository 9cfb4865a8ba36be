"""Classes by cosine to their means: separable classes, absent ones, counts."""

import numpy as np
import pytest

from speechlib.probing.class_means import class_means, confusion_counts, nearest_class, unit_rows


def batches(rng, num, directions):
    for _ in range(num):
        classes = rng.integers(0, len(directions), 12)
        lengths = rng.uniform(0.1, 9, (12, 1))  # of no account to a cosine
        yield lengths * (directions[classes] + 0.05 * rng.normal(size=(12, directions.shape[1]))), classes


def test_separable_classes_are_told_perfectly():
    rng = np.random.default_rng(0)
    directions = np.eye(5, 8)
    means, counts = class_means(batches(rng, 20, directions), 6)
    assert counts.sum() == 240 and counts[5] == 0 and not means[5].any()
    for vectors, classes in batches(rng, 5, directions):
        decided = nearest_class(vectors, means, counts)
        assert (decided == classes).all()
        confusion = confusion_counts(classes, decided, 6)
        assert confusion.sum() == 12 and (confusion == np.diag(np.bincount(classes, minlength=6))).all()


def test_means_do_not_depend_on_batches():
    rng = np.random.default_rng(1)
    vectors, classes = rng.normal(size=(50, 3)), rng.integers(0, 4, 50)
    whole, counts = class_means([(vectors, classes)], 4)
    parts, again = class_means([(vectors[:7], classes[:7]), (vectors[7:], classes[7:])], 4)
    np.testing.assert_allclose(parts, whole)
    assert (counts == again).all()
    np.testing.assert_allclose(whole, [vectors[classes == k].mean(axis=0) for k in range(4)])


def test_a_class_without_training_is_never_decided():
    means = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert nearest_class(np.array([[-1.0, 0.0], [0.0, 0.0]]), means, [3, 0]).tolist() == [0, 0]


def test_confusion_counts():
    truth, decided = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    assert confusion_counts(truth, decided, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_unit_rows_and_nothing_to_learn():
    np.testing.assert_allclose(unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])
    with pytest.raises(ValueError, match="no vector"):
        class_means([], 3)
