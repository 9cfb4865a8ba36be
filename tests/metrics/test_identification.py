"""Pooling of snippet posteriors and accuracy."""

import numpy as np
import pytest

from speechlib.metrics.identification import POOLINGS, accuracy, identify, pool_posteriors

# One table where every pooling decides for another speaker.
POSTERIORS = np.array([[0.70, 0.00, 0.30], [0.40, 0.30, 0.30], [0.03, 0.95, 0.02], [0.45, 0.25, 0.30]])


def test_poolings_are_their_formulas():
    table = np.array([[0.2, 0.8], [0.5, 0.5]])
    np.testing.assert_allclose(pool_posteriors(table, "arithmetic"), [0.35, 0.65])
    np.testing.assert_allclose(pool_posteriors(table, "geometric"), np.sqrt([0.1, 0.4]))
    np.testing.assert_allclose(pool_posteriors(table, "maximum"), [0.5, 0.8])


def test_poolings_disagree_where_they_should():
    decided = {pooling: int(identify(pool_posteriors(POSTERIORS, pooling)[None])[0]) for pooling in POOLINGS}
    assert decided["arithmetic"] == 0
    assert decided["maximum"] == 1
    geometric = np.array([[0.6, 0.4, 0.0], [0.0, 0.4, 0.6]])
    assert identify(pool_posteriors(geometric, "geometric")[None])[0] == 1


@pytest.mark.parametrize("pooling", POOLINGS)
def test_one_snippet_is_itself(pooling):
    np.testing.assert_allclose(pool_posteriors([[0.1, 0.6, 0.3]], pooling), [0.1, 0.6, 0.3])


def test_geometric_mean_survives_underflow():
    """Each speaker is ruled out by some snippet; the one ruled out less often still wins."""
    table = np.zeros((300, 3), dtype=np.float32)
    table[:100, 0] = table[100:, 1] = 1.0
    pooled = pool_posteriors(table, "geometric")
    assert pooled.argmax() == 1
    assert pooled[0] > pooled[2] > 0


def test_accuracy_counts():
    assert identify([[0.1, 0.9], [0.5, 0.5]]).tolist() == [1, 0]
    assert accuracy(["a", "b", "c", "d"], ["a", "b", "d", "d"]) == 0.75


@pytest.mark.parametrize(
    ("posteriors", "pooling", "message"),
    [
        (np.empty((0, 3)), "arithmetic", "at least one snippet"),
        ([0.5, 0.5], "arithmetic", r"shape \(2,\)"),
        ([[0.5, np.nan]], "maximum", r"\[0, 1\]"),
        ([[-3.0, 0.5]], "geometric", r"got -3 to 0.5"),
        ([[0.5, 0.5]], "harmonic", "unknown pooling 'harmonic'.*arithmetic, geometric, maximum"),
    ],
)
def test_bad_posteriors_are_refused(posteriors, pooling, message):
    with pytest.raises(ValueError, match=message):
        pool_posteriors(posteriors, pooling)


def test_bad_decisions_are_refused():
    with pytest.raises(ValueError, match="as many decisions as items"):
        accuracy([], [])
    with pytest.raises(ValueError, match="item 1 are not numbers"):
        identify([[1.0, 2.0], [np.nan, 0.0]])
    with pytest.raises(ValueError, match="items by speakers"):
        identify([1.0])
