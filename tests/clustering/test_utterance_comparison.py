"""Utterance comparison: the worked cases, twins by quadrature and by other forms, invariances, errors."""

import numpy as np
import pytest

from speechlib.clustering.utterance_comparison import (
    log_likelihood,
    log_ratio,
    log_ratio_to_many,
    pairwise_log_ratio,
    utterance_statistics,
)

# Frames and Gaussians of two utterances, means, eigenvoices, variances, eigenchannels.
CASE_1 = {
    "a": (np.array([[0.9], [-1.4], [1.1]]), np.array([0, 1, 0])),
    "b": (np.array([[0.7], [-0.6]]), np.array([0, 1])),
    "model": (np.array([[0.3], [-1.0]]), np.array([[[0.8]], [[-0.5]]]), np.array([[0.5], [1.2]])),
    "channels": np.array([[[0.6]], [[0.9]]]),
}
CASE_3 = {
    "a": (np.array([[1, 0.3], [-0.8, 1.2], [0.6, -0.4]]), np.array([0, 1, 0])),
    "b": (np.array([[0.9, 0.1], [-0.2, 1]]), np.array([0, 1])),
    "model": (
        np.array([[0.2, -0.1], [-0.5, 0.4]]),
        np.array([[[0.7, 0.1], [-0.2, 0.5]], [[0.3, -0.4], [0.6, 0.2]]]),
        np.array([[0.6, 0.9], [1.1, 0.7]]),
    ),
    "channels": np.array([[[0.4], [0.3]], [[-0.2], [0.5]]]),
}


def compare(case, channels=None):
    a, b = (utterance_statistics(*case[name], *case["model"], channels) for name in "ab")
    return a, b, log_ratio(*a, *b)


def close(value, expected, tolerance=1e-8):
    assert value == pytest.approx(expected, abs=tolerance, rel=0)


def test_one_dimension():
    (L_a, d_a), (L_b, d_b), ratio = compare(CASE_1)
    close(L_a[0, 0], 2.7683333333)
    close(d_a[0], 2.4066666667)
    close(L_b[0, 0], 1.4883333333)
    close(d_b[0], 0.4733333333)
    close(ratio, 0.2647810672)
    close(log_likelihood(*CASE_1["a"], *CASE_1["model"]), -3.1162968665)
    close(log_likelihood(*CASE_1["b"], *CASE_1["model"]), -2.2199185149)
    both = [np.concatenate(pair) for pair in zip(CASE_1["a"], CASE_1["b"], strict=True)]
    close(log_likelihood(*both, *CASE_1["model"]), -5.0714343142)


def test_one_dimension_with_a_channel():
    channels = CASE_1["channels"]
    (L_a, g_a), (L_b, g_b), ratio = compare(CASE_1, channels)
    close(L_a[0, 0], 2.0020331728)
    close(g_a[0], 1.7222043874)
    close(L_b[0, 0], 1.3454418928)
    close(g_b[0], 0.2828114127)
    close(ratio, 0.1923845637)
    close(log_likelihood(*CASE_1["a"], *CASE_1["model"], channels), -3.5395766171)
    close(log_likelihood(*CASE_1["b"], *CASE_1["model"], channels), -2.5279942539)


@pytest.mark.parametrize("full", [False, True])
def test_two_dimensions(full):
    case = CASE_3
    if full:
        means, voices, variances = case["model"]
        case = case | {"model": (means, voices, np.stack([np.diag(row) for row in variances]))}
    close(compare(case)[2], 0.5779396487)
    close(log_likelihood(*case["a"], *case["model"]), -6.2851448611)
    close(log_likelihood(*case["b"], *case["model"]), -4.2139472155)
    channels = case["channels"]
    close(compare(case, channels)[2], 0.4004421338)
    close(log_likelihood(*case["a"], *case["model"], channels), -6.3726859463)
    close(log_likelihood(*case["b"], *case["model"], channels), -4.3214806572)


def test_a_finite_population_of_speakers():
    (frames_a, k_a), (frames_b, k_b) = CASE_1["a"], CASE_1["b"]
    means, voices, variances = CASE_1["model"]

    def likelihoods(frames, k, speakers):
        errors = frames[:, 0] - means[k, 0] - np.outer(speakers, voices[k, 0, 0])
        return np.exp(-0.5 * (errors**2 / variances[k, 0] + np.log(2 * np.pi * variances[k, 0])).sum(axis=1))

    generator = np.random.default_rng(0)
    for number, expected in ((10, 1.14955), (1000, 1.30169), (100000, 1.30295)):
        speakers = generator.standard_normal(number)
        a, b = (likelihoods(frames, k, speakers) for frames, k in ((frames_a, k_a), (frames_b, k_b)))
        same = (a / a.sum()) @ (b / b.sum())
        close(number * same, expected, 1e-5)
    close(np.exp(compare(CASE_1)[2]), 1.30314, 1e-5)
    assert number * same == pytest.approx(np.exp(compare(CASE_1)[2]), rel=2e-4)


@pytest.fixture(scope="module")
def many():
    """Statistics of 23 utterances of 7 frames at rank 5, of 3 dimensions and 4 Gaussians."""
    generator = np.random.default_rng(1)
    model = (generator.normal(size=(4, 3)), generator.normal(size=(4, 3, 5)), generator.uniform(0.5, 2, (4, 3)))
    found = [
        utterance_statistics(generator.normal(size=(7, 3)), generator.integers(0, 4, 7), *model) for _ in range(23)
    ]
    return np.stack([L for L, _ in found]), np.stack([d for _, d in found])


@pytest.mark.parametrize("num", [1, 2, 3, 22, 23])
def test_all_pairs_as_one_by_one(many, num):
    L, d = many[0][:num], many[1][:num]
    matrix = pairwise_log_ratio(L, d)
    expected = [[log_ratio(L[i], d[i], L[j], d[j]) for j in range(num)] for i in range(num)]
    assert matrix == pytest.approx(np.array(expected), abs=1e-11)
    assert np.array_equal(matrix, matrix.T)
    assert log_ratio_to_many(L[0], d[0], L, d) == pytest.approx(matrix[0], abs=1e-11)
