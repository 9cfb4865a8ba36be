"""PLDA: brute-force Gaussians, the one-frame utterance comparison model, EM that never gets worse, and its errors."""

import numpy as np
import pytest

from speechlib.backend import plda as plda_module
from speechlib.backend.adaptation import adapt_plda
from speechlib.backend.class_statistics import ClassStatistics, class_statistics
from speechlib.backend.linear_algebra import invert_triangle
from speechlib.backend.plda import Plda, diagonalise, estimate_plda, log_likelihood, smooth_within
from speechlib.backend.scoring import PairScorer, cosine_scorer, inner_product_scorer, plda_scorer, project

DIM = 4


@pytest.fixture
def generator():
    return np.random.default_rng(5)


@pytest.fixture
def model(generator):
    """A PLDA with full covariances."""
    within, between = (root @ root.T + 0.1 * np.eye(DIM) for root in generator.standard_normal((2, DIM, DIM)))
    return diagonalise(generator.standard_normal(DIM), within, between)


def sample(generator, counts, dim=DIM):
    """Vectors of speakers with so many utterances each, and the speakers' numbers."""
    speakers = np.repeat(np.arange(len(counts)), counts)
    centres = generator.standard_normal((len(counts), dim)) * np.linspace(2, 0.3, dim)
    mixing = generator.standard_normal((dim, dim))
    return (centres[speakers] + generator.standard_normal((len(speakers), dim))) @ mixing + 1.0, speakers


def log_density(x, mean, covariance):
    difference = x - mean
    distance = difference @ np.linalg.solve(covariance, difference)
    return -0.5 * (len(x) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + distance)


def score_one(model, enrolment, test, count=1.0, **how):
    counts = np.array([count])
    enrolment, test = project(model, enrolment[None], counts, **how), project(model, test[None], **how)
    scorer = plda_scorer(model, enrolment, test, counts)
    return float(scorer.score(np.zeros(1, int), np.zeros(1, int))[0])


@pytest.mark.parametrize("count", [1, 2, 7])
def test_score_is_the_ratio_of_gaussian_densities(model, generator, count):
    enrolment, test = generator.standard_normal((2, DIM))
    within, between = model.within(), model.between()
    of_mean = between + within / count
    joint = np.block([[of_mean, between], [between, between + within]])
    expected = (
        log_density(np.append(enrolment, test), np.append(model.mean, model.mean), joint)
        - log_density(enrolment, model.mean, of_mean)
        - log_density(test, model.mean, between + within)
    )
    assert score_one(model, enrolment, test, count, normalize=False) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
def test_score_is_kaldis_formula(model, generator, normalize):
    """Plda::TransformIvector and Plda::LogLikelihoodRatio, written out."""
    count = 3.0
    original, vectors = generator.standard_normal((2, DIM)), []
    for vector, num in zip(original, (count, 1.0), strict=True):
        vector = model.transform @ (vector - model.mean)
        if normalize:
            vector = vector * np.sqrt(DIM / (vector**2 / (model.psi + 1 / num)).sum())
        vectors.append(vector)
    mean = count * model.psi / (count * model.psi + 1) * vectors[0]
    variance = 1 + model.psi / (count * model.psi + 1)
    given = np.log(2 * np.pi * variance) + (vectors[1] - mean) ** 2 / variance
    without = np.log(2 * np.pi * (1 + model.psi)) + vectors[1] ** 2 / (1 + model.psi)
    found = score_one(model, *original, count, normalize=normalize)
    assert found == pytest.approx(0.5 * (without - given).sum(), abs=1e-5)


def test_score_is_that_of_the_utterance_comparison_model_with_one_frame(model, generator):
    """Jeon et al., 2009: eigenvoices V with V V' = between, one Gaussian of covariance within, one frame each."""
    enrolment, test = generator.standard_normal((2, DIM))
    voices = np.linalg.cholesky(model.between())
    weighted = np.linalg.solve(model.within(), voices)
    precision = voices.T @ weighted

    def evidence(num, vector):
        root = np.linalg.cholesky(np.eye(DIM) + num * precision)
        return 0.5 * np.sum(np.linalg.solve(root, vector) ** 2) - np.log(np.diag(root)).sum()

    first, second = weighted.T @ (enrolment - model.mean), weighted.T @ (test - model.mean)
    expected = evidence(2, first + second) - evidence(1, first) - evidence(1, second)
    assert score_one(model, enrolment, test, normalize=False) == pytest.approx(expected, abs=1e-5)


def test_score_is_symmetric_for_single_utterances(model, generator):
    one, two = generator.standard_normal((2, DIM))
    assert score_one(model, one, two) == pytest.approx(score_one(model, two, one), abs=1e-6)


def test_lengths_after_projection(model, generator):
    vectors, counts = generator.standard_normal((5, DIM)), np.array([1.0, 2, 2, 5, 9])
    projected = project(model, vectors, counts)
    energy = (projected**2 / (model.psi + 1 / counts[:, None])).sum(axis=1)
    np.testing.assert_allclose(energy, DIM)
    np.testing.assert_allclose(np.linalg.norm(project(model, vectors, simple=True), axis=1), np.sqrt(DIM))
    at_mean = project(model, model.mean[None])
    np.testing.assert_allclose(at_mean, 0, atol=1e-12)


@pytest.mark.parametrize("counts", [[5] * 30, [2, 3, 4, 5, 6, 7] * 5, [1, 4, 9]], ids=["equal", "many", "few"])
def test_em_never_lowers_the_likelihood(generator, counts):
    vectors, speakers = sample(generator, counts)
    statistics = class_statistics(vectors, speakers)
    values = [log_likelihood(statistics, estimate_plda(statistics, iterations)) for iterations in range(1, 12)]
    assert (np.diff(values) > 0).all()


def test_likelihood_is_that_of_all_vectors_at_once(model, generator):
    vectors, speakers = sample(generator, [1, 3, 2])
    expected = 0.0
    for speaker in range(3):
        own = vectors[speakers == speaker]
        num = len(own)
        covariance = np.kron(np.ones((num, num)), model.between()) + np.kron(np.eye(num), model.within())
        expected += log_density(own.ravel(), np.tile(model.mean, num), covariance)
    assert log_likelihood(class_statistics(vectors, speakers), model) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("counts", [[5] * 30, [2, 3, 4, 5, 6, 7] * 5], ids=["equal", "many"])
def test_em_equals_kaldis_loop_over_speakers(generator, counts):
    """PldaEstimator::GetStatsFromClassMeans, written out."""
    vectors, speakers = sample(generator, counts)
    statistics = class_statistics(vectors, speakers)
    mean = statistics.means.mean(axis=0)
    within = between = np.eye(DIM)
    for _ in range(4):
        sum_within, sum_between = statistics.within_scatter.copy(), np.zeros((DIM, DIM))
        for average, count in zip(statistics.means, statistics.counts, strict=True):
            mixed = np.linalg.inv(np.linalg.inv(between) + count * np.linalg.inv(within))
            expected = mixed @ (count * np.linalg.inv(within)) @ (average - mean)
            rest = average - mean - expected
            sum_between += mixed + np.outer(expected, expected)
            sum_within += count * (mixed + np.outer(rest, rest))
        within, between = sum_within / len(vectors), sum_between / len(counts)
    found = estimate_plda(statistics, 4)
    np.testing.assert_allclose(found.within(), within, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.between(), between, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("few_counts", [0, 3])
def test_em_with_fewer_speakers_than_dimensions(generator, monkeypatch, few_counts):
    """What little is left between speakers in most directions stays exact, as with x-vectors of 80 speakers."""
    monkeypatch.setattr(plda_module, "_FEW_COUNTS", few_counts)
    dim, num_speakers, count = 120, 30, 8
    scale = np.geomspace(3.0, 0.03, dim)
    means = generator.standard_normal((num_speakers, 20)) @ generator.standard_normal((20, dim))
    vectors = np.repeat(means, count, axis=0) + scale * generator.standard_normal((num_speakers * count, dim))
    statistics = class_statistics(vectors, np.repeat(np.arange(num_speakers), count))
    centred = statistics.means - statistics.means.mean(axis=0)
    within, between = np.eye(dim), np.eye(dim)
    for _ in range(10):
        open_part = np.linalg.inv(np.linalg.inv(between) + count * np.linalg.inv(within))
        expected = centred @ (open_part @ (count * np.linalg.inv(within))).T
        rest = centred - expected
        between = open_part + expected.T @ expected / num_speakers
        within = (statistics.within_scatter + count * (num_speakers * open_part + rest.T @ rest)) / len(vectors)
        within, between = (within + within.T) / 2, (between + between.T) / 2
    model = estimate_plda(statistics)
    np.testing.assert_allclose(model.within(), within, rtol=0, atol=1e-9 * np.abs(within).max())
    np.testing.assert_allclose(model.between(), between, rtol=0, atol=1e-9 * np.abs(between).max())
    assert np.linalg.eigvalsh(model.between())[0] > 0


def test_both_ways_of_em_agree(generator, monkeypatch):
    statistics = class_statistics(*sample(generator, [2, 3, 5] * 8))
    by_count = estimate_plda(statistics)
    monkeypatch.setattr(plda_module, "_FEW_COUNTS", 0)
    at_once = estimate_plda(statistics)
    np.testing.assert_allclose(by_count.psi, at_once.psi, rtol=1e-9)
    np.testing.assert_allclose(by_count.transform, at_once.transform, rtol=1e-7, atol=1e-9)


def test_a_known_model_is_found_again(generator):
    truth = diagonalise(np.zeros(3), np.eye(3), np.diag([3.0, 1.0, 0.2]))
    centres = generator.standard_normal((4000, 3)) * np.sqrt(truth.psi)
    vectors = np.repeat(centres, 5, axis=0) + generator.standard_normal((20000, 3))
    found = estimate_plda(class_statistics(vectors, np.repeat(np.arange(4000), 5)), 20)
    np.testing.assert_allclose(found.psi, truth.psi, rtol=0.1)


def test_smoothing_keeps_the_total_direction(model):
    smooth = smooth_within(model, 0.3)
    np.testing.assert_allclose(smooth.between(), model.between(), atol=1e-10)
    np.testing.assert_allclose(smooth.within(), model.within() + 0.3 * model.between(), atol=1e-10)
    with pytest.raises(ValueError, match="0 to 1"):
        smooth_within(model, 1.5)


def test_adaptation_to_less_variance_changes_the_mean_alone(model, generator):
    vectors = model.mean + 1e-3 * generator.standard_normal((50, DIM))
    adapted = adapt_plda(model, vectors)
    np.testing.assert_allclose(adapted.mean, vectors.mean(axis=0))
    np.testing.assert_allclose(adapted.within(), model.within(), atol=1e-9)
    np.testing.assert_allclose(adapted.between(), model.between(), atol=1e-9)


def test_adaptation_shares_out_what_is_too_much(model, generator):
    """With one direction of excess, the model's total variance there becomes that of the vectors."""
    direction = np.linalg.solve(model.transform, np.eye(DIM)[0])
    vectors = model.mean + np.outer(np.sqrt(3 * (1 + model.psi[0])) * np.array([1, -1]), direction)
    adapted = adapt_plda(model, vectors, 0.25, 0.75)
    added = 2 * (1 + model.psi[0]) * np.outer(direction, direction)
    np.testing.assert_allclose(adapted.within(), model.within() + 0.25 * added, atol=1e-9)
    np.testing.assert_allclose(adapted.between(), model.between() + 0.75 * added, atol=1e-9)


def test_statistics(generator):
    vectors = generator.standard_normal((9, 3)).astype(np.float32)
    speakers = np.array([2, 0, 1, 2, 0, 2, 1, 0, 2])
    statistics = class_statistics(vectors, speakers)
    scatter = np.zeros((3, 3))
    for speaker in range(3):
        own = vectors[speakers == speaker].astype(float)
        np.testing.assert_allclose(statistics.means[speaker], own.mean(axis=0))
        scatter += (own - own.mean(axis=0)).T @ (own - own.mean(axis=0))
    np.testing.assert_allclose(statistics.within_scatter, scatter)
    assert statistics.counts.tolist() == [3, 2, 4]
    with pytest.raises(ValueError, match="without vectors"):
        class_statistics(vectors, speakers + 1)


def test_a_speaker_with_more_vectors_than_a_block(generator):
    vectors = generator.standard_normal((9000, 2))
    statistics = class_statistics(vectors, (np.arange(9000) > 8990).astype(int))
    assert statistics.counts.tolist() == [8991, 9]
    own = vectors[:8991] - vectors[:8991].mean(axis=0)
    rest = vectors[8991:] - vectors[8991:].mean(axis=0)
    np.testing.assert_allclose(statistics.within_scatter, own.T @ own + rest.T @ rest)


@pytest.mark.parametrize(
    "counts, dim, message",
    [([4], 2, "single speaker"), ([1] * 9, 2, "one utterance"), ([2, 2], 5, "as many vectors as dimensions")],
)
def test_too_little_to_train_on(generator, counts, dim, message):
    with pytest.raises(ValueError, match=message):
        estimate_plda(class_statistics(*sample(generator, counts, dim)))


def test_wrong_dimensions_and_values(model, generator):
    with pytest.raises(ValueError, match="dimension 3, a PLDA of dimension 4"):
        project(model, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="dimension 3, a PLDA of dimension 4"):
        adapt_plda(model, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="no vector"):
        adapt_plda(model, np.zeros((0, 4)))
    with pytest.raises(ValueError, match="negative"):
        adapt_plda(model, np.zeros((2, 4)), -1.0)
    with pytest.raises(ValueError, match="singular"):
        diagonalise(np.zeros(2), np.zeros((2, 2)), np.eye(2))
    with pytest.raises(ValueError, match="they must agree"):
        inner_product_scorer(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="at least 1"):
        estimate_plda(ClassStatistics(np.zeros((2, 1)), np.array([2, 2]), np.eye(1)), 0)


@pytest.mark.parametrize("counts", [None, [1, 1, 1, 1, 1, 1], [1, 2, 3, 2, 9, 1]])
def test_dense_and_gathered_pairs_agree(model, generator, monkeypatch, counts):
    counts = None if counts is None else np.array(counts, float)
    enrolment = project(model, generator.standard_normal((6, DIM)), counts)
    test = project(model, generator.standard_normal((40, DIM)))
    scorer = plda_scorer(model, enrolment, test, counts)
    pairs = generator.integers(0, [6, 40], (300, 2)).T
    assert_pairs_agree(scorer, pairs, monkeypatch)
    if counts is not None:
        one = plda_scorer(model, enrolment[4:5], test, counts[4:5])
        np.testing.assert_allclose(
            scorer.score(np.full(40, 4), np.arange(40)), one.score(np.zeros(40, int), np.arange(40)), rtol=1e-5
        )


def assert_pairs_agree(scorer: PairScorer, pairs, monkeypatch):
    module = "speechlib.backend.scoring."
    found = {}
    for name, settings in {
        "dense": {"_DENSE_GAIN": 1e9},
        "in bands": {"_DENSE_GAIN": 1e9, "_CELLS": 80},
        "gathered": {"_DENSE_GAIN": 0, "_ROWS": 7},
        "in blocks": {"_BLOCK": 11},
    }.items():
        with monkeypatch.context() as patch:
            for key, value in settings.items():
                patch.setattr(module + key, value)
            found[name] = scorer.score(*pairs)
            assert found[name].dtype == np.float32
    expected = [scorer.enrolment[i] @ scorer.test[j] + scorer.enrolment_offset[i] + scorer.test_offset[j] for i, j in
                pairs.T]  # fmt: skip
    for scores in found.values():
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


def test_cosines(generator, monkeypatch):
    one, two = generator.standard_normal((3, 5)), generator.standard_normal((4, 5))
    two[3] = 0
    pairs = np.array([(i, j) for i in range(3) for j in range(4)]).T
    scorer = cosine_scorer(one, two)
    assert_pairs_agree(scorer, pairs, monkeypatch)
    one, two = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9) for rows in (one, two))
    expected = [one[i] @ two[j] for i, j in pairs.T]
    np.testing.assert_allclose(scorer.score(*pairs), expected, atol=1e-6)


def test_a_model_is_what_its_covariances_say(model):
    again = diagonalise(model.mean, model.within(), model.between())
    np.testing.assert_allclose(again.psi, model.psi)
    assert isinstance(again, Plda) and (np.diff(again.psi) <= 0).all()
    np.testing.assert_allclose(model.transform @ model.within() @ model.transform.T, np.eye(DIM), atol=1e-10)


def test_long_vectors_are_scored_in_double_precision(generator):
    enrolment, test = 1e4 + generator.standard_normal((2, 50, 8))
    scorer = inner_product_scorer(enrolment, test)
    assert scorer.test.dtype == np.float64
    assert inner_product_scorer(enrolment / 1e4, test / 1e4).test.dtype == np.float32
    expected = (enrolment * test).sum(axis=1)
    np.testing.assert_allclose(scorer.score(np.arange(50), np.arange(50)), expected, rtol=1e-7)


@pytest.mark.parametrize("size", [1, 64, 65, 131, 300])
def test_inverse_of_a_triangle_by_halves(generator, size):
    root = generator.standard_normal((size, size))
    matrix = root @ root.T / size + 0.01 * np.eye(size)
    lower = np.linalg.cholesky(matrix)
    np.testing.assert_allclose(invert_triangle(lower) @ lower, np.eye(size), atol=1e-10)
    assert (np.triu(invert_triangle(lower), 1) == 0).all()
