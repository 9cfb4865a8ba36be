"""MAP of the means, and the statistics of utterances it is made from."""

import numpy as np
import pytest

from speechlib.gmm.algebra import TorchAlgebra
from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.map_adaptation import adapt_means, adapt_mixture, soft_stats

GAUSSIANS, DIM = 3, 4


@pytest.fixture
def gmm():
    generator = np.random.default_rng(0)
    return DiagGmm.from_moments(
        generator.dirichlet(np.full(GAUSSIANS, 5.0)),
        generator.normal(20, 2, (GAUSSIANS, DIM)),
        generator.uniform(0.5, 2, (GAUSSIANS, DIM)),
    )


def posteriors_of(gmm, frames):
    distance = (frames[:, None].astype(float) - gmm.means) ** 2 * gmm.inv_vars
    likes = np.log(gmm.weights) + 0.5 * np.log(gmm.inv_vars).sum(axis=1) - 0.5 * distance.sum(axis=2)
    likes = np.exp(likes - likes.max(axis=1, keepdims=True))
    return likes / likes.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("algebra", [None, "cpu"])
def test_statistics_are_those_of_each_utterance_alone_over_blocks_and_empty_ones(gmm, algebra):
    if algebra:
        algebra = TorchAlgebra(algebra)
    lengths = np.array([100, 0, 5000, 1, 0, 700, 0])  # longer than a block, and no frame at all
    frames = np.random.default_rng(1).normal(20, 3, (int(lengths.sum()), DIM)).astype(np.float32)
    stats = soft_stats(gmm, frames, lengths, algebra)
    weights = posteriors_of(gmm, frames)
    ends = np.cumsum(lengths)
    for index, (begin, end) in enumerate(zip(ends - lengths, ends, strict=True)):
        assert np.allclose(stats.zeroth[index], weights[begin:end].sum(axis=0), rtol=1e-4, atol=1e-3)
        expected = weights[begin:end].T @ frames[begin:end].astype(float)
        assert np.allclose(stats.first[index], expected, rtol=1e-4, atol=1e-2)
    assert stats.zeroth.sum() == pytest.approx(lengths.sum(), rel=1e-6)


def test_lengths_must_add_up(gmm):
    with pytest.raises(ValueError, match="10 frames of features for utterances of 9"):
        soft_stats(gmm, np.zeros((10, DIM), np.float32), np.array([4, 5]))


def test_means_lie_between_prior_and_data_by_their_counts(gmm):
    data = gmm.means + 1.0
    zeroth = np.array([[16.0, 0.0, 48.0]])
    adapted = adapt_means(zeroth, zeroth[..., None] * data, gmm.means, 16)[0]
    assert np.allclose(adapted - gmm.means, np.array([0.5, 0, 0.75])[:, None])
    # Without relevance: maximum likelihood, and the prior where nothing was seen.
    assert np.allclose((adapt_means(zeroth, zeroth[..., None] * data, gmm.means, 0)[0] - gmm.means)[:, 0], [1, 0, 1])
    with pytest.raises(ValueError, match="relevance -1"):
        adapt_means(zeroth, zeroth[..., None] * data, gmm.means, -1)


def test_a_speakers_own_mixture_gives_his_frames_a_higher_likelihood(gmm):
    frames = (gmm.means[np.random.default_rng(2).integers(0, GAUSSIANS, 300)] + 0.7).astype(np.float32)
    zeroth, first = (sums[0] for sums in soft_stats(gmm, frames, np.array([300])))
    speaker = adapt_mixture(gmm, zeroth, first, 16)
    assert np.array_equal(speaker.weights, gmm.weights) and np.allclose(speaker.inv_vars, gmm.inv_vars)
    total = [np.logaddexp.reduce(model.log_likelihoods(frames), axis=1).sum() for model in (gmm, speaker)]
    assert total[1] > total[0] + 30
