"""Scores of predicted numbers by hand and against SciPy."""

import numpy as np
import pytest
from scipy.stats import pearsonr

from speechlib.metrics.regression import regression_scores


def test_scores_by_hand():
    # Means 2 and 3, variances 2/3 and 2/3, covariance 2/3: CCC = 2 * 2/3 / (4/3 + 1).
    found = regression_scores([1, 2, 3], [2, 3, 4])
    assert found == pytest.approx({"ccc": 4 / 7, "pcc": 1.0, "mae": 1.0, "mse": 1.0})


def test_scores_of_random_numbers():
    rng = np.random.default_rng(0)
    truth, predicted = rng.normal(size=40), rng.normal(size=40)
    found = regression_scores(truth, predicted)
    assert found["pcc"] == pytest.approx(pearsonr(truth, predicted).statistic)
    moments = np.cov(truth, predicted, bias=True)
    expected = 2 * moments[0, 1] / (moments[0, 0] + moments[1, 1] + (truth.mean() - predicted.mean()) ** 2)
    assert found["ccc"] == pytest.approx(expected)


def test_constants():
    assert regression_scores([1, 1], [1, 1])["ccc"] == 1.0
    assert regression_scores([1, 1], [2, 2])["ccc"] == 0.0
    assert regression_scores([1, 2], [3, 3])["pcc"] == 0.0


@pytest.mark.parametrize("truth, predicted", [([], []), ([1, 2], [1]), ([np.nan], [1.0]), ([1.0], [np.inf])])
def test_what_does_not_fit_is_an_error(truth, predicted):
    with pytest.raises(ValueError):
        regression_scores(truth, predicted)
