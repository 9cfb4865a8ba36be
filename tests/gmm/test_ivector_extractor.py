"""The i-vector extractor against its definition written out, and EM on data from a known model."""

import numpy as np
import pytest

from speechlib.gmm.algebra import open_algebra
from speechlib.gmm.full_gmm import FullGmm, scatter_by_gaussian
from speechlib.gmm.gselect import Posteriors
from speechlib.gmm.ivector_extractor import IvectorExtractor, UtteranceStats, scale_to_max_count, utterance_stats
from speechlib.gmm.ivector_training import ExtractorStats, ExtractorUpdateOptions, update_extractor

GAUSSIANS, DIM, SIZE = 3, 4, 2


def model(seed=0, size=SIZE):
    generator = np.random.default_rng(seed)
    means = generator.normal(0, 10, (GAUSSIANS, DIM))
    roots = generator.standard_normal((GAUSSIANS, DIM, DIM))
    ubm = FullGmm.from_moments(
        np.array([0.5, 0.3, 0.2]), means, roots @ roots.swapaxes(1, 2) + np.eye(DIM)
    )
    return IvectorExtractor.initialise(ubm, size, generator)


def utterances(extractor, count, frames=200, seed=1):
    """Features, lengths and hard posteriors of utterances that the model generates."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((count, extractor.ivector_dim))
    x[:, 0] += extractor.prior_offset
    chosen = generator.choice(GAUSSIANS, (count, frames), p=extractor.weights)
    roots = np.linalg.cholesky(np.linalg.inv(extractor.inv_covars))
    means = np.einsum("gds,us->ugd", extractor.projections, x)
    noise = np.einsum("utde,ute->utd", roots[chosen], generator.standard_normal((count, frames, DIM)))
    features = means[np.arange(count)[:, None], chosen] + noise
    posteriors = Posteriors(
        np.arange(count * frames + 1), chosen.reshape(-1).astype(np.int32), np.ones(count * frames, np.float32)
    )
    return features.reshape(-1, DIM), np.full(count, frames), posteriors, x


def test_sums_by_utterance_and_gaussian():
    features = np.arange(10.0).reshape(5, 2)
    posteriors = Posteriors(
        np.array([0, 2, 3, 3, 4, 5]), np.array([0, 2, 1, 0, 2], np.int32), np.array([0.25, 0.75, 1, 1, 0.5], np.float32)
    )
    stats = utterance_stats(features, np.array([2, 3]), posteriors, 3)
    assert stats.zeroth.tolist() == [[0.25, 1, 0.75], [1, 0, 0.5]]
    assert stats.first[0].tolist() == [[0, 0.25], [2, 3], [0, 0.75]]
    assert stats.first[1].tolist() == [[6, 7], [0, 0], [4, 4.5]]
    with pytest.raises(ValueError, match="Gaussian 2, but the model has 2"):
        utterance_stats(features, np.array([2, 3]), posteriors, 2)
    with pytest.raises(ValueError, match="5 frames of features, but posteriors for 4"):
        utterance_stats(features, np.array([5]), posteriors._replace(offsets=posteriors.offsets[:-1]), 3)


def test_an_ivector_maximises_the_posterior():
    extractor = model()
    features, lengths, posteriors, _ = utterances(extractor, 2, 20)
    stats = utterance_stats(features, lengths, posteriors, GAUSSIANS)
    ivectors, best = extractor.extract(stats)
    for index in range(2):
        precision, linear = np.eye(SIZE), np.array([extractor.prior_offset, 0])
        for gaussian in range(GAUSSIANS):
            weighted = extractor.projections[gaussian].T @ extractor.inv_covars[gaussian]
            precision += stats.zeroth[index, gaussian] * weighted @ extractor.projections[gaussian]
            linear = linear + weighted @ stats.first[index, gaussian]
        expected = np.linalg.solve(precision, linear) - [extractor.prior_offset, 0]
        assert np.allclose(ivectors[index], expected, atol=1e-8)
        start = np.array([extractor.prior_offset, 0])
        at = [point @ linear - 0.5 * point @ precision @ point for point in (expected + start, start)]
        assert best[index] == pytest.approx(at[0] - at[1], rel=1e-6) and best[index] > 0


def test_ivectors_do_not_depend_on_the_batch():
    extractor = model()
    features, lengths, posteriors, _ = utterances(extractor, 3, 20)
    stats = utterance_stats(features, lengths, posteriors, GAUSSIANS)
    together, _ = extractor.extract(stats)
    for index in range(3):
        alone, _ = extractor.extract(UtteranceStats(*(part[index : index + 1] for part in stats)))
        assert np.allclose(together[index], alone[0], atol=1e-9)


def test_without_frames_the_ivector_is_the_priors_mean():
    extractor = model()
    nothing = UtteranceStats(np.zeros((1, GAUSSIANS)), np.zeros((1, GAUSSIANS, DIM)))
    assert np.allclose(extractor.extract(nothing)[0], 0)


def test_max_count_and_weight_scale_the_data():
    stats = UtteranceStats(np.array([[3.0, 1, 0], [30, 10, 0]]), np.ones((2, 3, 4)))
    scaled = scale_to_max_count(stats, 5.0, 0.5)
    assert scaled.zeroth.tolist() == [[1.5, 0.5, 0], [3.75, 1.25, 0]]
    assert scaled.first[1, 0, 0] == 0.125


def test_em_finds_the_covariances_and_the_prior_stays_unit():
    truth = model(3)
    features, lengths, posteriors, _ = utterances(truth, 300, 100)
    stats = utterance_stats(features, lengths, posteriors, GAUSSIANS)
    second = np.zeros((GAUSSIANS, DIM, DIM))
    scatter_by_gaussian(features, posteriors, second)
    # Start away from the truth: other projections, wide covariances.
    extractor = IvectorExtractor(
        truth.projections + np.random.default_rng(5).normal(0, 0.02, truth.projections.shape),
        truth.inv_covars / 4, truth.prior_offset, truth.weights,
    )  # fmt: skip
    objective = []
    for _ in range(12):
        sums = ExtractorStats.zeros(extractor)
        sums.accumulate(extractor, stats)
        sums.add_second(extractor, second)
        objective.append(sums.auxiliary)
        extractor = update_extractor(extractor, sums, ExtractorUpdateOptions())
    assert np.all(np.diff(objective) > -1e-6 * abs(objective[0]))
    covariances, expected = np.linalg.inv(extractor.inv_covars), np.linalg.inv(truth.inv_covars)
    assert np.allclose(covariances, expected, atol=0.1 * np.abs(expected).max())
    sums = ExtractorStats.zeros(extractor, update_variances=False)
    sums.accumulate(extractor, stats)
    mean = sums.ivector_sum / sums.num_ivectors
    covariance = sums.ivector_scatter / sums.num_ivectors - np.outer(mean, mean)
    assert np.allclose(covariance, np.eye(SIZE), atol=0.05)
    assert np.allclose(mean, [extractor.prior_offset, 0], atol=0.05)


def test_sums_of_jobs_are_the_sum_over_all():
    extractor = model()
    features, lengths, posteriors, _ = utterances(extractor, 6, 20)
    stats = utterance_stats(features, lengths, posteriors, GAUSSIANS)
    whole = ExtractorStats.zeros(extractor, update_variances=False)
    whole.accumulate(extractor, stats)
    parts = ExtractorStats.zeros(extractor, update_variances=False)
    for part in (slice(0, 1), slice(1, 6)):
        job = ExtractorStats.zeros(extractor, update_variances=False)
        job.accumulate(extractor, UtteranceStats(stats.zeroth[part], stats.first[part]))
        parts.add(job)
    for name, value in vars(whole).items():
        assert np.allclose(value, getattr(parts, name), rtol=1e-10), name
    with pytest.raises(ValueError, match="another model"):
        parts.add(ExtractorStats.zeros(model(size=3)))


def test_torch_computes_the_same():
    algebra = open_algebra("torch:cpu")
    extractor = model()
    features, lengths, posteriors, _ = utterances(extractor, 6, 20)
    stats = utterance_stats(features, lengths, posteriors, GAUSSIANS)
    for ours, theirs in zip(extractor.extract(stats), extractor.extract(stats, algebra), strict=True):
        assert np.allclose(ours, theirs, atol=1e-9)
    sums, by_torch = ExtractorStats.zeros(extractor), ExtractorStats.zeros(extractor)
    for part in (slice(0, 2), slice(2, 6)):
        batch = UtteranceStats(stats.zeroth[part], stats.first[part])
        sums.accumulate(extractor, batch)
        by_torch.accumulate(extractor, batch, algebra)
    by_torch.collect(algebra)
    for name, value in vars(sums).items():
        found = getattr(by_torch, name)
        assert isinstance(found, type(value)) and np.allclose(found, value, rtol=1e-10), name
    with pytest.raises(ValueError, match="--device nonsense"):
        open_algebra("nonsense")


@pytest.mark.parametrize("device", ["cpu", "torch:cpu"])
def test_a_precision_that_is_not_positive_definite_is_an_error(device):
    algebra = open_algebra(device)
    rows, columns = np.tril_indices(2)
    packed = algebra.put(np.array([[1.0, 2.0, 1.0]]))
    with pytest.raises(ValueError, match="not positive definite"):
        algebra.posteriors(algebra.put(np.ones((1, 2))), packed, rows, columns)


def test_without_variances_the_covariances_stay():
    extractor = model()
    features, lengths, posteriors, _ = utterances(extractor, 50, 50)
    sums = ExtractorStats.zeros(extractor, update_variances=False)
    sums.accumulate(extractor, utterance_stats(features, lengths, posteriors, GAUSSIANS))
    new = update_extractor(extractor, sums, ExtractorUpdateOptions())
    assert np.array_equal(new.inv_covars, extractor.inv_covars)
    assert not np.allclose(new.projections, extractor.projections)


def test_bad_input_is_refused():
    extractor = model()
    sums = ExtractorStats.zeros(extractor)
    with pytest.raises(ValueError, match="without an utterance"):
        update_extractor(extractor, sums, ExtractorUpdateOptions())
    features, lengths, posteriors, _ = utterances(extractor, 2, 10)
    sums.accumulate(extractor, utterance_stats(features, lengths, posteriors, GAUSSIANS))
    with pytest.raises(ValueError, match="no Gaussian has 100 frames"):
        update_extractor(extractor, sums, ExtractorUpdateOptions())
    with pytest.raises(ValueError, match="for an extractor of"):
        update_extractor(model(size=3), sums, ExtractorUpdateOptions())
    with pytest.raises(ValueError, match="ivector-dim=0"):
        model(size=0)
