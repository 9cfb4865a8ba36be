"""Distances between utterances: numeric cases, brute-force twins, and what must hold for any statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.clustering.distances import DISTANCES, bic, clr, glr, make_distance
from speechlib.clustering.moments import frame_moments
from tests.clustering.examples import comparison_of, moments_of, statistics_of

A = [(0, 0), (1, 0), (0, 1), (1, 2)]
B = [(2, 1), (3, 1), (2, 3), (4, 2), (3, 0)]


def log_likelihood(frames, mean, covariance) -> float:
    """Of frames under a Gaussian, term by term."""
    frames = np.asarray(frames, float) - mean
    inverse = np.linalg.inv(covariance)
    constant = len(mean) * np.log(2 * np.pi) + np.log(np.linalg.det(covariance))
    return -0.5 * sum(frame @ inverse @ frame + constant for frame in frames)


def gaussian(frames, diagonal=False):
    frames = np.asarray(frames, float)
    covariance = np.cov(frames.T, bias=True)
    return frames.mean(axis=0), np.diag(np.diag(covariance)) if diagonal else covariance


def test_numbers_of_the_specification():
    assert glr(A, B) == pytest.approx(7.1818876766, abs=1e-8)
    assert bic(A, B) == pytest.approx(1.6888262333, abs=1e-8)
    assert clr(A, B) == pytest.approx(-78.8997383575, abs=1e-8)
    assert bic(A, B, penalty=0.0) == pytest.approx(glr(A, B))
    # Two Gaussians of 2 + 3 parameters.
    assert glr(A, B) - bic(A, B, penalty=3.0) == pytest.approx(1.5 * 5 * np.log(9))


@pytest.mark.parametrize("diagonal", [False, True])
def test_equal_to_likelihoods_term_by_term(diagonal):
    generator = np.random.default_rng(3)
    # Far from the origin and of different scales: nothing may be lost there.
    scale, origin = np.array([1e-4, 1.0, 1e3]), np.array([1.0, -500.0, 1e5])
    one, two = (generator.standard_normal((n, 3)) @ generator.standard_normal((3, 3)) for n in (9, 14))
    one, two = one * scale + origin, two * scale + origin
    own = [log_likelihood(frames, *gaussian(frames, diagonal)) for frames in (one, two)]
    both = np.concatenate([one, two])
    gain = sum(own) - log_likelihood(both, *gaussian(both, diagonal))
    assert glr(one, two, diagonal=diagonal) == pytest.approx(gain, rel=1e-8)
    parameters = 6 if diagonal else 9
    assert bic(one, two, 2.0, diagonal=diagonal) == pytest.approx(gain - parameters * np.log(23), rel=1e-8)
    cross = [log_likelihood(one, *gaussian(two, diagonal)), log_likelihood(two, *gaussian(one, diagonal))]
    losses = np.array(cross) - own
    assert clr(one, two, diagonal=diagonal) == pytest.approx(losses.sum(), rel=1e-6)
    per_frame = losses[0] / 9 + losses[1] / 14
    assert clr(one, two, per_frame=True, diagonal=diagonal) == pytest.approx(per_frame, rel=1e-6)


@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([0.0, 0.1]))
def test_signs_and_symmetry(seed, dim, floor):
    generator = np.random.default_rng(seed)
    one, two = (generator.standard_normal((dim + 2 + generator.integers(9), dim)) * 3 for _ in range(2))
    assert glr(one, two, floor=floor) > 0 > clr(one, two, floor=floor)
    for function in (glr, bic, clr):
        assert function(one, two, floor=floor) == pytest.approx(function(two, one, floor=floor))
    for same in (one, one[::-1], np.repeat(one, 2, axis=0)):
        assert 0 <= glr(one, same, floor=floor) < 1e-8 and 0 >= clr(one, same, floor=floor) > -1e-8


def test_bic_tells_one_gaussian_from_two():
    generator = np.random.default_rng(0)
    one, same, other = generator.standard_normal((3, 200, 3))
    assert bic(one, same) < 0 < bic(one, other + 1)
    assert bic(one, same, diagonal=True) < 0 < bic(one, other + 1, diagonal=True)


def test_short_and_constant_frames():
    generator = np.random.default_rng(0)
    short, long = generator.standard_normal((3, 4)), generator.standard_normal((30, 4))
    for function in (glr, clr, bic):
        with pytest.raises(ValueError, match="covariance of 3 frames of dimension 4 .* at least 5 are needed"):
            function(short, long)
        assert np.isfinite(function(short, long, floor=0.01))
        assert np.isfinite(function(short, long, diagonal=True))
        with pytest.raises(ValueError, match="do not vary in every direction"):
            function(long, np.repeat(long[:1], 20, axis=0))
        with pytest.raises(ValueError, match="do not vary in every direction"):
            function(long, np.c_[long[:, :3], long[:, :3].sum(axis=1)])
    with pytest.raises(ValueError, match="variance of 1 frames of dimension 4 .* at least 2"):
        glr(short[:1], long, diagonal=True)
    # A dimension that never varies cancels out.
    padded = [np.c_[frames, np.full(len(frames), 7.0)] for frames in (short, long)]
    assert glr(*padded, floor=0.01) == pytest.approx(glr(short, long, floor=0.01))


def test_bad_frames_are_errors():
    with pytest.raises(ValueError, match=r"shapes \(4, 2\) and \(3, 3\)"):
        glr(A, np.eye(3))
    with pytest.raises(ValueError, match=r"shapes \(4,\) and"):
        glr([1, 2, 3, 4], B)
    with pytest.raises(ValueError, match="NaN"):
        clr([(np.nan, 1)], B)
    with pytest.raises(ValueError, match="at least 1"):
        bic(np.empty((0, 2)), B)


@pytest.mark.parametrize("name", DISTANCES)
def test_one_interface(name):
    distance, statistics = make_distance(name), statistics_of(name, 1)
    matrix = distance(statistics)
    assert matrix.shape == (6, 6) and (matrix == matrix.T).all() and not matrix.diagonal().any()
    for place in range(6):
        others = np.delete(np.arange(6), place)
        np.testing.assert_allclose(distance.to_many(statistics[place], statistics[others]), matrix[place, others],
                                   rtol=1e-9 if name in ("ucm", "ev") else 1e-6, atol=1e-12)  # fmt: skip
    # Utterances 0 and 3 are of one speaker, 0 and 1 are not.
    assert matrix[0, 3] < matrix[0, 1]
    assert distance(statistics[:1]).tolist() == [[0.0]] and distance(statistics[:0]).shape == (0, 0)


@pytest.mark.parametrize("name", DISTANCES)
def test_merged_clusters_are_those_of_added_statistics(name):
    distance, statistics = make_distance(name), statistics_of(name, 2)
    clusters = distance.load(statistics)
    clusters.merge(1, 4)
    clusters.keep(np.array([0, 1, 5]))
    merged = distance.load(np.array([statistics[0], statistics[1] + statistics[4], statistics[5], statistics[2],
                                     statistics[3]]))  # fmt: skip
    np.testing.assert_allclose(clusters.pairwise(), merged.pairwise()[:3, :3], rtol=1e-6, atol=1e-12)
    assert len(clusters) == 3


def test_moments_of_a_cluster_are_those_of_its_frames():
    generator = np.random.default_rng(5)
    one, two, three = (generator.standard_normal((n, 3)) for n in (10, 12, 14))
    added = frame_moments(one) + frame_moments(two)
    for name, function in (("glr", glr), ("bic", bic), ("clr", lambda *frames: -clr(*frames))):
        found = make_distance(name).to_many(added, frame_moments(three)[None])[0]
        assert found == pytest.approx(function(np.concatenate([one, two]), three))


def test_eigenvoice_points():
    statistics = comparison_of(4)
    points = np.array([np.linalg.solve(np.eye(5) + matrix[:, :5], matrix[:, 5]) for matrix in statistics])
    lengths = np.linalg.norm(points, axis=1)
    cosines = points @ points.T / lengths / lengths[:, None]
    np.testing.assert_allclose(make_distance("ev")(statistics), 1 - cosines, atol=1e-12)
    euclidean = np.linalg.norm(points[:, None] - points, axis=2)
    np.testing.assert_allclose(make_distance("ev-euclidean")(statistics), euclidean, atol=1e-12)
    statistics[2] = 0  # nothing is known: as far from one as from any other
    assert (make_distance("ev")(statistics)[2, [0, 1, 3]] == 1).all()


def test_utterance_comparison_is_the_log_ratio():
    from speechlib.clustering.utterance_comparison import pairwise_log_ratio

    statistics = comparison_of(5)
    expected = -pairwise_log_ratio(statistics[:, :, :-1], statistics[:, :, -1])
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(make_distance("ucm")(statistics), expected, atol=1e-12)


@pytest.mark.parametrize("name, statistics, message", [
    ("ucm", moments_of(0), r"\(6, 5, 5\): expected \(utterances, v, v \+ 1\)"),
    ("glr", comparison_of(0), r"\(6, 5, 6\): expected \(utterances, dim \+ 1, dim \+ 1\)"),
    ("ev", np.full((2, 3, 4), np.nan), "place 0 hold NaN"),
    ("clr", np.full((2, 3, 3), np.inf), "place 0 hold NaN or infinity"),
    ("ucm", np.arange(24.0).reshape(2, 3, 4), "place 0 are not symmetric in L"),
    ("bic", np.arange(1.0, 19.0).reshape(2, 3, 3), "place 0 are not symmetric"),
    ("ucm", np.concatenate([comparison_of(0), -comparison_of(1)]), "place 6 is not positive semidefinite"),
    ("glr", moments_of(0) * 0, "of 0 frames"),
])  # fmt: skip
def test_what_is_no_statistics_is_an_error(name, statistics, message):
    with pytest.raises(ValueError, match=message):
        make_distance(name)(statistics)


def test_unknown_names_and_negative_floors():
    with pytest.raises(ValueError, match="unknown distance 'euclid': expected one of ucm, glr"):
        make_distance("euclid")
    with pytest.raises(ValueError, match="floor of -1"):
        make_distance("glr", floor=-1.0)(moments_of(0))
