"""Statistics of a few utterances of a few speakers, for the tests of distances and of what clusters by them."""

import numpy as np

from speechlib.clustering.distances import DISTANCES
from speechlib.clustering.moments import frame_moments


def moments_of(seed: int, num: int = 6, dim: int = 4, speakers: int = 3) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.array([
        frame_moments(generator.standard_normal((generator.integers(20, 40), dim)) + 2 * (place % speakers))
        for place in range(num)
    ])  # fmt: skip


def comparison_of(seed: int, num: int = 6, rank: int = 5, speakers: int = 3, frames: int = 4) -> np.ndarray:
    """[L | d] of utterances of some speakers, who take turns; L is singular for fewer frames than the rank."""
    generator = np.random.default_rng(seed)
    points = generator.standard_normal((speakers, rank))
    statistics = []
    for place in range(num):
        loadings = generator.standard_normal((frames, rank))
        linear = loadings.T @ (loadings @ points[place % speakers] + 0.5 * generator.standard_normal(frames))
        statistics.append(np.c_[loadings.T @ loadings, linear])
    return np.array(statistics)


def statistics_of(name: str, seed: int, num: int = 6) -> np.ndarray:
    return moments_of(seed, num) if DISTANCES[name][0] == "moments" else comparison_of(seed, num)
