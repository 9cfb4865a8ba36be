"""Mixtures with diagonal covariances: densities, EM, splitting and the rules for Gaussians with little data."""

import numpy as np
import pytest

from speechlib.gmm.algebra import TorchAlgebra
from speechlib.gmm.diag_gmm import (
    DiagGmm,
    DiagStats,
    DiagUpdateOptions,
    initialise_diag_gmm,
    update_diag_gmm,
)


def mixture(seed=0, num_gauss=3, dim=4):
    generator = np.random.default_rng(seed)
    weights = generator.dirichlet(np.full(num_gauss, 5.0))
    return DiagGmm.from_moments(
        weights, generator.normal(20, 5, (num_gauss, dim)), generator.uniform(0.5, 2, (num_gauss, dim))
    )


def frames_of(gmm, count, seed=1):
    generator = np.random.default_rng(seed)
    chosen = generator.choice(gmm.num_gauss, count, p=gmm.weights)
    noise = generator.standard_normal((count, gmm.dim))
    return (gmm.means[chosen] + noise / np.sqrt(gmm.inv_vars[chosen])).astype(np.float32)


def density(gmm, frames):
    """Log of weight times density, (frames, Gaussians), written out."""
    distance = (frames[:, None, :].astype(float) - gmm.means) ** 2 * gmm.inv_vars
    constant = np.log(gmm.weights) + 0.5 * np.log(gmm.inv_vars / (2 * np.pi)).sum(axis=1)
    return constant - 0.5 * distance.sum(axis=2)


def test_log_likelihoods_are_the_densities():
    gmm = mixture()
    frames = frames_of(gmm, 100)
    assert np.allclose(gmm.log_likelihoods(frames), density(gmm, frames), atol=1e-3, rtol=1e-5)
    assert np.allclose(gmm.gconsts, density(gmm, np.zeros((1, 4)))[0])


def test_sums_are_those_of_the_posteriors_over_several_blocks():
    gmm = mixture()
    frames = frames_of(gmm, 9000)
    stats = DiagStats.zeros(gmm)
    stats.accumulate(gmm, frames)
    likes = density(gmm, frames)
    total = np.logaddexp.reduce(likes, axis=1)
    posteriors = np.exp(likes - total[:, None])
    doubles = frames.astype(float)
    assert np.allclose(stats.occupancy, posteriors.sum(axis=0), rtol=1e-5)
    assert np.allclose(stats.first, posteriors.T @ doubles, rtol=1e-5)
    assert np.allclose(stats.second, posteriors.T @ doubles**2, rtol=1e-5)
    assert stats.log_likelihood == pytest.approx(total.sum(), rel=1e-6)
    assert stats.num_frames == 9000


def test_only_selected_gaussians_take_part():
    gmm = mixture()
    frames = frames_of(gmm, 50)
    offsets, chosen = np.arange(51), np.full(50, 2)
    stats = DiagStats.zeros(gmm)
    stats.accumulate(gmm, frames, (offsets, chosen))
    assert stats.occupancy == pytest.approx([0, 0, 50])
    assert np.allclose(stats.first[2], frames.sum(axis=0, dtype=float), rtol=1e-6)


def test_em_finds_the_mixture_that_the_frames_come_from():
    truth = DiagGmm.from_moments(
        np.array([0.3, 0.7]), np.array([[0.0, 0.0], [8.0, 8.0]]), np.array([[1.0, 2.0], [0.5, 1.0]])
    )
    frames = frames_of(truth, 20000)
    gmm = initialise_diag_gmm(frames, 2, np.random.default_rng(3))
    likes = []
    for _ in range(30):
        stats = DiagStats.zeros(gmm)
        stats.accumulate(gmm, frames)
        likes.append(stats.log_likelihood)
        gmm, update = update_diag_gmm(gmm, stats, DiagUpdateOptions())
        assert update.improvement > -1e-3 * len(frames)
    assert np.all(np.diff(likes) > -1e-6 * abs(likes[0]))
    order = np.argsort(gmm.weights)
    assert np.allclose(gmm.weights[order], truth.weights, atol=0.02)
    assert np.allclose(gmm.means[order], truth.means, atol=0.1)
    assert np.allclose(1 / gmm.inv_vars[order], 1 / truth.inv_vars, rtol=0.1)


def test_gaussians_with_too_little_data_are_removed_or_kept_as_they_were():
    gmm = mixture()
    stats = DiagStats(np.array([5.0, 100.0, 95.0]), gmm.means * [[5], [100], [95]],
                      (gmm.means**2 + 1) * [[5], [100], [95]])  # fmt: skip
    removed, update = update_diag_gmm(gmm, stats, DiagUpdateOptions(min_gaussian_occupancy=10))
    assert update.low_count == (0,) and removed.num_gauss == 2
    assert removed.weights == pytest.approx([100 / 195, 95 / 195])
    kept, _ = update_diag_gmm(gmm, stats, DiagUpdateOptions(remove_low_count_gaussians=False))
    assert np.allclose(kept.means[0], gmm.means[0]) and kept.weights[0] == pytest.approx(5 / 200)
    # The last Gaussian stays, whatever the rule says.
    one, _ = update_diag_gmm(gmm, stats, DiagUpdateOptions(min_gaussian_occupancy=1e6))
    assert one.num_gauss == 1


def test_variances_are_floored():
    gmm = mixture()
    stats = DiagStats(np.full(3, 100.0), gmm.means * 100, gmm.means**2 * 100)
    new, update = update_diag_gmm(gmm, stats, DiagUpdateOptions(min_variance=0.25))
    assert update.num_floored == 12 and np.allclose(1 / new.inv_vars, 0.25)


def test_variances_are_floored_by_the_scale_of_the_features():
    frames = frames_of(mixture(num_gauss=5), 4000) * np.array([1, 10, 100, 1000], np.float32)
    overall = frames.var(axis=0, dtype=float)
    gmm = initialise_diag_gmm(frames, 40, np.random.default_rng(1))
    options = DiagUpdateOptions(variance_floor_factor=0.1)
    likes, floored = [], 0
    for _ in range(15):
        stats = DiagStats.zeros(gmm)
        stats.accumulate(gmm, frames)
        likes.append(stats.log_likelihood)
        gmm, update = update_diag_gmm(gmm, stats, options)
        floored += update.num_floored
    assert floored and np.all(1 / gmm.inv_vars >= 0.0999 * overall)
    # The floor is the same in all iterations: a bound on the parameters, within which the likelihood never falls.
    assert np.all(np.diff(likes) > -1e-6 * abs(likes[0]))


@pytest.mark.parametrize("block", [700, 100000])
def test_torch_accumulates_the_same(block, monkeypatch):
    gmm = mixture()
    frames = frames_of(gmm, 5000)
    ours, theirs = DiagStats.zeros(gmm), DiagStats.zeros(gmm)
    ours.accumulate(gmm, frames)
    monkeypatch.setattr(TorchAlgebra, "block_frames", block)
    theirs.accumulate(gmm, frames, algebra=TorchAlgebra("cpu"))
    for name in ("occupancy", "first", "second", "log_likelihood"):
        assert np.allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-5)
    assert theirs.num_frames == 5000


def test_splitting_keeps_mean_and_weight_and_is_seeded():
    gmm = mixture()
    split = gmm.split(5, 0.1, np.random.default_rng(7))
    assert split.num_gauss == 5 and split.weights.sum() == pytest.approx(1)
    assert np.allclose(split.weights @ split.means, gmm.weights @ gmm.means, rtol=1e-9)
    again = gmm.split(5, 0.1, np.random.default_rng(7))
    assert np.array_equal(split.means, again.means)
    with pytest.raises(ValueError, match="cannot split 3 Gaussians into 2"):
        gmm.split(2, 0.1, np.random.default_rng(7))


def test_bad_input_is_refused():
    gmm = mixture()
    with pytest.raises(ValueError, match="dimension 3, but the model has 4"):
        gmm.log_likelihoods(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="NaN"):
        gmm.log_likelihoods(np.full((2, 4), np.nan, np.float32))
    with pytest.raises(ValueError, match="29 frames are too few for 3 Gaussians: at least 30"):
        initialise_diag_gmm(np.zeros((29, 4), np.float32), 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="dimension 2 of the features is the same"):
        frames = frames_of(gmm, 50)
        frames[:, 2] = 1
        initialise_diag_gmm(frames, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="2 Gaussians x 4 dimensions for a mixture of 3 x 4"):
        update_diag_gmm(gmm, DiagStats(np.ones(2), np.ones((2, 4)), np.ones((2, 4))), DiagUpdateOptions())
    with pytest.raises(ValueError, match="without a frame"):
        update_diag_gmm(gmm, DiagStats.zeros(gmm), DiagUpdateOptions())
    with pytest.raises(ValueError, match="do not fit"):
        DiagGmm(np.ones(2), np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="not positive"):
        DiagGmm(np.ones(1), np.ones((1, 2)), np.zeros((1, 2)))
