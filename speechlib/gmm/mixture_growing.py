"""Fast start of a mixture: Gaussians and the frames they are trained on grow together.

EM needs most of its iterations while a mixture is far from its end, where a part of the frames tells all there is to
know: each doubling of the Gaussians is trained on so many frames a Gaussian only, and all frames come last.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from speechlib.gmm.algebra import HostAlgebra, TorchAlgebra
from speechlib.gmm.diag_gmm import DiagGmm, DiagStats, DiagUpdateOptions, initialise_diag_gmm, update_diag_gmm

START_GAUSSIANS = 16
FRAMES_PER_GAUSSIAN = 200
ITERATIONS_PER_SIZE = 6  # of each size before the last
_PERTURB = 0.1  # standard deviations by which the halves of a split Gaussian move apart, as in the slow start


def grow_diag_gmm(
    frames: np.ndarray,
    num_gauss: int,
    num_iters: int,
    generator: np.random.Generator,
    options: DiagUpdateOptions,
    algebra: HostAlgebra | TorchAlgebra | None = None,
) -> Iterator[tuple[DiagGmm, float]]:
    """Train a mixture from random frames on.

    Args:
        frames: (frames, dim), in any order.
        num_gauss: Gaussians to reach; fewer come of it where some have too little data.
        num_iters: iterations on all frames, in the end.
        generator: of the random choices.
        options: floors.
        algebra: where to compute (default: NumPy).

    Yields:
        The mixture after each iteration, and the mean log-likelihood of the frames it was trained on, before.

    Raises:
        ValueError: fewer than ten frames for each Gaussian, or features that do not vary.
    """
    frames = frames[generator.permutation(len(frames))]
    size = min(START_GAUSSIANS, num_gauss)
    if len(frames) < 10 * num_gauss:
        raise ValueError(
            f"{len(frames)} frames are too few for {num_gauss} Gaussians: at least {10 * num_gauss} are needed"
        )
    gmm = initialise_diag_gmm(frames, size, generator)
    while True:
        part = frames[: FRAMES_PER_GAUSSIAN * size]
        for _ in range(ITERATIONS_PER_SIZE):
            gmm, likelihood = _iterate(gmm, part, options, algebra)
            yield gmm, likelihood
        if size == num_gauss:
            break
        size = min(num_gauss, 2 * size)
        gmm = gmm.split(size, _PERTURB, generator)
    for _ in range(num_iters):
        gmm, likelihood = _iterate(gmm, frames, options, algebra)
        yield gmm, likelihood


def _iterate(
    gmm: DiagGmm, frames: np.ndarray, options: DiagUpdateOptions, algebra: HostAlgebra | TorchAlgebra | None
) -> tuple[DiagGmm, float]:
    stats = DiagStats.zeros(gmm)
    stats.accumulate(gmm, frames, algebra=algebra)
    return update_diag_gmm(gmm, stats, options)[0], stats.log_likelihood / len(frames)
