"""Rules of ensembles: tables by hand in which each rule gives an answer of its own."""

import math

import numpy as np
import pytest

from speechlib.traits.ensemble import METHODS, combine, combine_probabilities, uncertainties


def one(*rows):
    return np.array(rows, float)[:, None, :]


def answers(p, **more):
    found = {method: int(combine(method, p, **more)[0]) for method in METHODS if method != "performance_weighted"}
    return found


def test_sum_is_mean_and_max_is_max_class_without_ties():
    p = np.random.default_rng(0).dirichlet(np.ones(4), (5, 200))
    assert (combine("sum", p) == combine("mean", p)).all()
    assert (combine("max", p) == combine("max_class", p)).all()


def test_majority_ties_go_to_the_first_class():
    assert combine("majority_voting", one([0.1, 0.2, 0.7], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]))[0] == 0


def test_the_threshold_decides_between_the_surest_model_and_the_mean():
    p = one([0.5, 0.0, 0.45, 0.05], [0.0, 0.55, 0.45, 0.0], [0.0, 0.0, 0.46, 0.54])
    assert combine("uncertainty_threshold", p)[0] == 1  # 55 and 45 % are less uncertain than 54 and 46
    assert combine("uncertainty_threshold", p, threshold=0.1)[0] == combine("mean", p)[0] == 2  # nobody is trusted


def test_max_and_max_class_differ_in_ties():
    p = one([0.2, 0.6, 0.2], [0.6, 0.3, 0.1])
    assert combine("max", p)[0] == 0  # the first class
    assert combine("max_class", p)[0] == 1  # the first model


# Three models, four classes; by method, probabilities of one sample for which no other rule gives its answer.
WEIGHTS = [1.0, 0.2, 0.1]
ALONE = {
    "majority_voting": ([0.11, 0.07, 0.59, 0.23], [0.11, 0.42, 0.33, 0.14], [0.14, 0.45, 0.31, 0.10]),
    "mean": ([0.01, 0.75, 0.03, 0.21], [0.03, 0.49, 0.02, 0.46], [0.16, 0.00, 0.18, 0.66]),
    "max": ([0.47, 0.20, 0.16, 0.17], [0.10, 0.50, 0.26, 0.14], [0.47, 0.09, 0.13, 0.31]),
    "uncertainty_threshold": ([0.16, 0.12, 0.23, 0.49], [0.12, 0.27, 0.21, 0.40], [0.18, 0.07, 0.39, 0.36]),
    "uncertainty_weighted": ([0.04, 0.60, 0.00, 0.36], [0.01, 0.14, 0.52, 0.33], [0.21, 0.04, 0.49, 0.26]),
    "confidence_weighted": ([0.25, 0.07, 0.57, 0.11], [0.42, 0.47, 0.05, 0.06], [0.21, 0.43, 0.25, 0.11]),
    "performance_weighted": ([0.11, 0.38, 0.31, 0.20], [0.29, 0.14, 0.15, 0.42], [0.06, 0.19, 0.12, 0.63]),
}
SAME = {"mean": {"sum"}, "max": {"max_class"}}


def by_hand(method, p):
    """The decision written out for one sample, rule by rule."""
    entropy = [-sum(x * math.log(x) for x in row if x > 0) / math.log(len(row)) for row in p]
    labels = [row.index(max(row)) for row in p]
    weights = {
        "mean": [1, 1, 1], "performance_weighted": WEIGHTS, "confidence_weighted": [1 - u for u in entropy],
        "uncertainty_weighted": [1 / u for u in entropy],
    }.get(method)  # fmt: skip
    if method == "majority_voting":
        return max(sorted(set(labels)), key=labels.count)
    if method == "max":
        return max(range(4), key=lambda c: max(row[c] for row in p))
    if method == "uncertainty_threshold":
        return labels[entropy.index(min(entropy))]
    return max(range(4), key=lambda c: sum(w * row[c] for w, row in zip(weights, p, strict=True)))


@pytest.mark.parametrize("method", ALONE)
def test_each_rule_alone_gives_its_answer(method):
    p = one(*ALONE[method])
    found = answers(p) | {"performance_weighted": int(combine("performance_weighted", p, weights=WEIGHTS)[0])}
    own = found.pop(method)
    assert own == by_hand(method, ALONE[method])
    for same in SAME.get(method, ()):
        assert found.pop(same) == own
    assert own not in found.values()


def test_uncertainty_is_entropy_in_units_of_a_fair_die():
    p = one([1.0, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0])
    np.testing.assert_allclose(uncertainties(p)[:, 0], [0, 1, 0.5])


def test_nkululekos_uncertainty_takes_the_softmax_again_and_the_least_of_the_file():
    p = np.array([[[0.8, 0.2], [0.5, 0.5], [0.9, 0.1]]])

    def entropy(row):
        q = np.exp(row) / np.exp(row).sum()
        return -(q * np.log(q)).sum()

    raw = np.array([entropy(row) for row in p[0]])
    by_hand = (raw - raw.min()) / (np.log(2) - raw.min())
    np.testing.assert_allclose(uncertainties(p, "nkululeko")[0], by_hand)


def test_a_certain_model_has_the_weight_1e10():
    p = one([1.0, 0.0], [0.0, 1.0], [0.0, 1.0])
    assert combine("uncertainty_weighted", p)[0] == 1
    mixed = one([1.0, 0.0], [0.1, 0.9], [0.1, 0.9])
    assert combine("uncertainty_weighted", mixed)[0] == 0


def test_models_that_know_nothing_count_alike():
    assert combine("confidence_weighted", one([0.5, 0.5], [0.5, 0.5]))[0] == 0


@pytest.mark.parametrize("method", METHODS)
def test_shares_are_probabilities_and_hold_the_decision(method):
    p = np.random.default_rng(1).dirichlet(np.ones(3), (4, 50))
    weights = [0.4, 0.3, 0.2, 0.1] if method == "performance_weighted" else None
    decided, shares = combine_probabilities(method, p, 0.5, weights)
    assert decided.shape == (50,) and shares.shape == (50, 3)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert (shares.argmax(1) == decided).all()


@pytest.mark.parametrize(
    "method, p, more, message",
    [
        ("median", one([0.5, 0.5]), {}, "unknown ensemble method 'median'"),
        ("mean", [[0.5, 0.5]], {}, "expected probabilities"),
        ("mean", one([1.5, 0.5]), {}, "between 0 and 1"),
        ("mean", one([np.nan, 0.5]), {}, "between 0 and 1"),
        ("mean", one([0.5, 0.5]), {"weights": [1]}, "weights belong to performance_weighted"),
        ("performance_weighted", one([0.5, 0.5]), {}, "weights belong to performance_weighted"),
        ("performance_weighted", one([0.5, 0.5]), {"weights": [2.0]}, "weights from 0 to 1"),
        ("mean", one([0.5, 0.5]), {"uncertainty": "x"}, None),
        ("uncertainty_threshold", one([0.5, 0.5]), {"uncertainty": "x"}, "unknown uncertainty 'x'"),
    ],
)
def test_what_does_not_fit_is_an_error(method, p, more, message):
    if message is None:
        assert combine(method, p, **more).shape == (1,)
        return
    with pytest.raises(ValueError, match=message):
        combine(method, p, **more)
