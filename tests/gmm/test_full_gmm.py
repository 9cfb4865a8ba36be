"""Mixtures with full covariances: densities, EM, floors."""

import numpy as np
import pytest

from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.full_gmm import FullGmm, FullStats, FullUpdateOptions, every_gaussian, update_full_gmm


def mixture(seed=0, num_gauss=3, dim=4):
    generator = np.random.default_rng(seed)
    roots = generator.standard_normal((num_gauss, dim, dim))
    return FullGmm.from_moments(
        generator.dirichlet(np.full(num_gauss, 5.0)),
        generator.normal(10, 5, (num_gauss, dim)),
        roots @ roots.swapaxes(1, 2) + 0.5 * np.eye(dim),
    )


def frames_of(gmm, count, seed=1):
    generator = np.random.default_rng(seed)
    chosen = generator.choice(gmm.num_gauss, count, p=gmm.weights)
    roots = np.linalg.cholesky(gmm.covariances)[chosen]
    noise = generator.standard_normal((count, gmm.dim, 1))
    return (gmm.means[chosen] + (roots @ noise)[..., 0]).astype(np.float32)


def density(gmm, frames):
    centred = frames[:, None, :].astype(float) - gmm.means
    distance = np.einsum("tgi,gij,tgj->tg", centred, gmm.inv_covars, centred)
    return np.log(gmm.weights) - 0.5 * (distance + np.linalg.slogdet(2 * np.pi * gmm.covariances)[1])


def test_log_likelihoods_are_the_densities_for_any_selection():
    gmm = mixture()
    frames = frames_of(gmm, 40)
    expected = density(gmm, frames)
    offsets, gaussians = every_gaussian(40, 3)
    assert np.allclose(gmm.log_likelihoods(frames, offsets, gaussians).reshape(40, 3), expected, atol=1e-3, rtol=1e-5)
    # Two Gaussians for even frames, one for odd ones.
    counts = np.where(np.arange(40) % 2, 1, 2)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    gaussians = np.array([g for t in range(40) for g in ([2, 0] if t % 2 == 0 else [1])])
    chosen = expected[np.repeat(np.arange(40), counts), gaussians]
    assert np.allclose(gmm.log_likelihoods(frames, offsets, gaussians), chosen, atol=1e-3, rtol=1e-5)
    assert np.allclose(gmm.gconsts, density(gmm, np.zeros((1, 4)))[0])


def test_a_diagonal_mixture_and_its_full_form_are_the_same():
    full = mixture()
    diag = full.diagonal()
    assert np.allclose(1 / diag.inv_vars, np.diagonal(full.covariances, axis1=1, axis2=2))
    frames = frames_of(full, 30)
    again = FullGmm.from_diag(diag)
    offsets, gaussians = every_gaussian(30, 3)
    likes = again.log_likelihoods(frames, offsets, gaussians).reshape(30, 3)
    assert np.allclose(likes, diag.log_likelihoods(frames), atol=1e-3, rtol=1e-5)
    assert np.allclose(again.gconsts, DiagGmm(*vars_of(diag)).gconsts)


def vars_of(gmm):
    return gmm.weights, gmm.means_inv_vars, gmm.inv_vars


def test_em_improves_and_finds_the_covariances():
    truth = mixture(5, 2, 3)
    frames = frames_of(truth, 20000)
    spread = np.diag(frames.var(axis=0, dtype=float))
    gmm = FullGmm.from_moments(np.full(2, 0.5), truth.means + 0.5, np.stack([spread, spread]))
    likes = []
    for _ in range(25):
        stats = FullStats.zeros(gmm)
        stats.accumulate(gmm, frames)
        likes.append(stats.log_likelihood)
        gmm, update = update_full_gmm(gmm, stats, FullUpdateOptions())
        assert update.improvement > -1
    assert np.all(np.diff(likes) > -1)
    assert np.allclose(gmm.weights, truth.weights, atol=0.02)
    assert np.allclose(gmm.covariances, truth.covariances, atol=0.15 * np.abs(truth.covariances).max())


def test_eigenvalues_are_floored_by_variance_and_condition():
    gmm = mixture(0, 1, 3)
    covariance = np.diag([1e-6, 1.0, 100.0])
    mean = np.array([1.0, 2, 3])
    stats = FullStats(np.array([200.0]), 200 * mean[None], 200 * (covariance + np.outer(mean, mean))[None])
    new, update = update_full_gmm(gmm, stats, FullUpdateOptions(variance_floor=0.001, max_condition=50))
    assert update.num_floored == 2
    assert np.allclose(np.linalg.eigvalsh(new.covariances[0]), [2, 2, 100], rtol=1e-6)
    new, _ = update_full_gmm(gmm, stats, FullUpdateOptions(variance_floor=0.001, max_condition=1e9))
    assert np.linalg.eigvalsh(new.covariances[0])[0] == pytest.approx(0.001, rel=1e-4)


def test_gaussians_with_too_little_data_are_removed_or_kept():
    gmm = mixture()
    stats = FullStats.zeros(gmm)
    stats.accumulate(gmm, frames_of(gmm, 1000))
    stats.occupancy[1] = 50.0
    removed, update = update_full_gmm(gmm, stats, FullUpdateOptions(min_gaussian_occupancy=60))
    assert update.low_count == (1,) and removed.num_gauss == 2 and removed.weights.sum() == pytest.approx(1)
    kept, _ = update_full_gmm(
        gmm, stats, FullUpdateOptions(min_gaussian_occupancy=60, remove_low_count_gaussians=False)
    )
    assert kept.num_gauss == 3 and np.allclose(kept.covariances[1], gmm.covariances[1])


def test_bad_input_is_refused():
    gmm = mixture()
    frames = frames_of(gmm, 2)
    with pytest.raises(ValueError, match="Gaussian 3 of a mixture of 3"):
        gmm.log_likelihoods(frames, np.array([0, 1, 2]), np.array([0, 3]))
    with pytest.raises(ValueError, match="dimension 5, but the model has 4"):
        gmm.log_likelihoods(np.zeros((2, 5), np.float32), *every_gaussian(2, 3))
    with pytest.raises(ValueError, match="NaN"):
        gmm.log_likelihoods(frames * np.nan, *every_gaussian(2, 3))
    with pytest.raises(ValueError, match="selected for 3 frames, but features of 2"):
        gmm.log_likelihoods(frames, *every_gaussian(3, 3))
    with pytest.raises(ValueError, match="not positive definite"):
        FullGmm(np.ones(1), np.ones((1, 2)), np.array([[[1.0, 2.0], [2.0, 1.0]]]))
