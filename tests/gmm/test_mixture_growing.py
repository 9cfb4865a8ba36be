"""The fast start of a mixture: the likelihood of the slow one for less work, any size, the same for a seed."""

import numpy as np
import pytest

from speechlib.gmm.algebra import TorchAlgebra
from speechlib.gmm.diag_gmm import DiagStats, DiagUpdateOptions, initialise_diag_gmm, update_diag_gmm
from speechlib.gmm.mixture_growing import ITERATIONS_PER_SIZE, grow_diag_gmm


@pytest.fixture(scope="module")
def frames():
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 4, (60, 3))
    return (centres[generator.integers(0, 60, 30000)] + generator.standard_normal((30000, 3))).astype(np.float32)


def likelihood(gmm, frames):
    stats = DiagStats.zeros(gmm)
    stats.accumulate(gmm, frames)
    return stats.log_likelihood / len(frames)


def grow(frames, num_gauss, num_iters=4, seed=1, algebra=None):
    return [*grow_diag_gmm(frames, num_gauss, num_iters, np.random.default_rng(seed), DiagUpdateOptions(), algebra)]


def test_as_likely_as_many_iterations_on_all_frames(frames):
    steps = grow(frames, 64)
    assert len(steps) == 3 * ITERATIONS_PER_SIZE + 4 and steps[-1][0].num_gauss >= 60
    slow = initialise_diag_gmm(frames, 64, np.random.default_rng(1))
    for _ in range(15):
        stats = DiagStats.zeros(slow)
        stats.accumulate(slow, frames)
        slow, _ = update_diag_gmm(slow, stats, DiagUpdateOptions())
    assert likelihood(steps[-1][0], frames) > likelihood(slow, frames) - 0.02
    last = [value for _, value in steps[-4:]]
    assert np.all(np.diff(last) > -1e-5)  # on all frames


@pytest.mark.parametrize("num_gauss", [1, 3, 16, 21])
def test_any_size_is_reached(frames, num_gauss):
    assert grow(frames[:4000], num_gauss, 1)[-1][0].num_gauss == num_gauss


def test_a_seed_decides(frames):
    one, same, other = (grow(frames[:3000], 20, 1, seed)[-1][0] for seed in (1, 1, 2))
    assert np.array_equal(one.means, same.means) and not np.array_equal(one.means, other.means)
    torch = grow(frames[:3000], 20, 1, 1, TorchAlgebra("cpu"))[-1][0]
    assert np.allclose(torch.means, one.means, rtol=1e-2, atol=1e-2)


def test_too_few_frames(frames):
    with pytest.raises(ValueError, match="999 frames are too few for 100 Gaussians: at least 1000"):
        grow(frames[:999], 100)
