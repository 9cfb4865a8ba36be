"""Logistic regression of scores: the minimum by another optimiser, invariances, separable and bad trials."""

import numpy as np
import pytest
from scipy.optimize import minimize

from speechlib.backend.calibration import Calibration, train_calibration
from speechlib.metrics.verification import cllr, min_cllr


def scores_of(systems=1, seed=0, targets=80, nontargets=500):
    """Log-likelihood ratios of two unit normals two apart, with noise of each system."""
    generator = np.random.default_rng(seed)
    target = np.arange(targets + nontargets) < targets
    truth = generator.standard_normal(target.size) + np.where(target, 1.0, -1.0)
    return 2.0 * truth + 2.0 * generator.standard_normal((systems, target.size)), target


def objective(parameters, scores, target, prior):
    margin = parameters[:-1] @ scores + parameters[-1] + np.log(prior / (1 - prior))
    bits = prior * np.logaddexp(0, -margin[target]).mean() + (1 - prior) * np.logaddexp(0, margin[~target]).mean()
    return bits


@pytest.mark.parametrize("systems", [1, 3])
@pytest.mark.parametrize("prior", [0.5, 0.01])
def test_the_minimum_is_the_minimum(systems, prior):
    scores, target = scores_of(systems)
    model = train_calibration(scores, target, prior)
    best = minimize(objective, np.zeros(systems + 1), (scores, target, prior), method="BFGS", options={"gtol": 1e-9})
    assert objective(np.append(model.weights, model.offset), scores, target, prior) <= best.fun + 1e-7
    np.testing.assert_allclose(np.append(model.weights, model.offset), best.x, rtol=2e-3, atol=2e-3)


def test_calibration_undoes_scale_and_offset():
    scores, target = scores_of(targets=2000, nontargets=4000)
    plain = train_calibration(scores, target).apply(scores)
    bent = train_calibration(1e4 * scores - 3e6, target).apply(1e4 * scores - 3e6)
    np.testing.assert_allclose(bent, plain, atol=1e-5)
    before, after = cllr(scores[0][target] * 5, scores[0][~target] * 5), cllr(plain[target], plain[~target])
    assert min_cllr(plain[target], plain[~target]) <= after < before
    assert after < min_cllr(plain[target], plain[~target]) + 0.05


def test_fusion_beats_its_parts_on_other_trials():
    dev, target = scores_of(2, seed=1, targets=1000, nontargets=2000)
    scores, labels = scores_of(2, seed=2, targets=1000, nontargets=2000)
    fused = train_calibration(dev, target).apply(scores)
    for system in range(2):
        alone = train_calibration(dev[system : system + 1], target).apply(scores[system : system + 1])
        assert cllr(fused[labels], fused[~labels]) < cllr(alone[labels], alone[~labels])


def test_separable_trials_stay_finite():
    model = train_calibration([[0.0, 1.0, 10.0, 11.0]], [False, False, True, True])
    assert np.isfinite(model.weights).all() and 0 < model.weights[0] < 100
    assert model.apply([[0.0, 11.0]])[0] < 0 < model.apply([[0.0, 11.0]])[1]


def test_equal_systems_share_the_weight():
    scores, target = scores_of()
    one = train_calibration(scores, target)
    two = train_calibration(np.vstack([scores, scores]), target)
    assert two.weights[0] == pytest.approx(two.weights[1])
    assert two.weights.sum() == pytest.approx(one.weights[0], rel=1e-3)


def test_copies_of_a_class_change_nothing():
    """Both classes are weighted by the prior alone."""
    scores, target = scores_of()
    more = np.concatenate([scores, scores[:, ~target]], axis=1)
    labels = np.append(target, np.zeros((~target).sum(), bool))
    one, two = train_calibration(scores, target), train_calibration(more, labels)
    assert two.offset == pytest.approx(one.offset, abs=1e-4) and two.weights == pytest.approx(one.weights, rel=1e-4)


@pytest.mark.parametrize(
    ("scores", "target", "prior", "message"),
    [
        ([[1.0, 2.0]], [True, True], 0.5, "needs target and nontarget"),
        ([[1.0, 1.0]], [True, False], 0.5, "system 1 gives all dev trials the same score"),
        ([[1.0, np.nan]], [True, False], 0.5, "must be finite"),
        ([[1.0, 2.0]], [True, False], 1.0, "between 0 and 1"),
        ([1.0, 2.0], [True, False], 0.5, "need .systems, trials. scores"),
    ],
)
def test_bad_input(scores, target, prior, message):
    with pytest.raises(ValueError, match=message):
        train_calibration(scores, target, prior)


def test_other_numbers_of_systems_are_refused():
    with pytest.raises(ValueError, match="calibration of 1 systems"):
        Calibration(np.ones(1), 0.0, 0.5).apply([[1.0], [2.0]])
