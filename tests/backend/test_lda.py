"""LDA and the changes of vectors: what they promise of covariances and lengths, brute-force twins, and errors."""

import numpy as np
import pytest

from speechlib.backend.class_statistics import class_statistics
from speechlib.backend.lda import estimate_lda
from speechlib.backend.vectors import covariance_root, global_mean, normalize_length, transform, whitening


@pytest.fixture
def generator():
    return np.random.default_rng(8)


@pytest.fixture
def labelled(generator):
    """120 vectors of dimension 6, of 15 speakers with 5 to 11 each."""
    speakers = np.repeat(np.arange(15), np.arange(15) % 7 + 5)
    centres = 2 * generator.standard_normal((15, 6))
    vectors = centres[speakers] + generator.standard_normal((len(speakers), 6))
    vectors = vectors @ generator.standard_normal((6, 6)) + 4
    return vectors, speakers


def covariances(vectors, speakers):
    """Total and within, as ivector-compute-lda normalises them."""
    centred = vectors - vectors.mean(axis=0)
    means = np.array([vectors[speakers == speaker].mean(axis=0) for speaker in range(speakers.max() + 1)])
    rest = vectors - means[speakers]
    return centred.T @ centred / len(vectors), rest.T @ rest / len(vectors)


@pytest.mark.parametrize("factor", [0.0, 0.1, 1.0])
def test_within_covariance_is_the_identity_and_between_diagonal(labelled, factor):
    vectors, speakers = labelled
    lda = estimate_lda(class_statistics(vectors, speakers), 4, total_covariance_factor=factor)
    total, within = covariances(transform(vectors, lda.matrix), speakers)
    np.testing.assert_allclose(factor * total + (1 - factor) * within, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(total - within, np.diag(lda.variances[:4]), atol=1e-9)
    np.testing.assert_allclose(transform(vectors, lda.matrix).mean(axis=0), 0, atol=1e-9)
    assert (np.diff(lda.variances) <= 0).all() and lda.num_floored == 0


def test_directions_are_those_of_the_generalised_eigenvalue_problem(labelled):
    from scipy.linalg import eigh

    vectors, speakers = labelled
    lda = estimate_lda(class_statistics(vectors, speakers), 3)
    total, within = covariances(vectors, speakers)
    values, directions = eigh(total - within, within)
    np.testing.assert_allclose(lda.variances, values[::-1], rtol=1e-8, atol=1e-10)
    expected = directions[:, ::-1][:, :3].T
    signs = np.sign((expected * lda.matrix[:, :-1]).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(lda.matrix[:, :-1] * signs, expected, rtol=1e-7, atol=1e-9)


def test_small_eigenvalues_are_floored(labelled):
    vectors, speakers = labelled
    vectors = np.column_stack([vectors, vectors[:, 0]])
    lda = estimate_lda(class_statistics(vectors, speakers), 3)
    assert lda.num_floored == 1 and np.isfinite(lda.matrix).all()


@pytest.mark.parametrize(
    "counts, dim, keep, factor, message",
    [
        ([3] * 10, 4, 5, 0.0, "expected 1 to 4"),
        ([3] * 10, 4, 0, 0.0, "expected 1 to 4"),
        ([9] * 3, 4, 3, 0.0, "at most 2"),
        ([1] * 10, 4, 2, 0.0, "one utterance"),
        ([2] * 3, 7, 2, 0.0, "at least as many as dimensions"),
        ([3] * 10, 4, 2, 1.5, "0 to 1"),
    ],
)
def test_what_cannot_be_estimated(generator, counts, dim, keep, factor, message):
    speakers = np.repeat(np.arange(len(counts)), counts)
    statistics = class_statistics(generator.standard_normal((len(speakers), dim)), speakers)
    with pytest.raises(ValueError, match=message):
        estimate_lda(statistics, keep, total_covariance_factor=factor)


def test_length(generator):
    vectors = generator.standard_normal((5, 9)).astype(np.float32)
    vectors[2] = 0
    scaled, ratios = normalize_length(vectors)
    assert scaled.dtype == np.float32
    lengths = np.linalg.norm(scaled, axis=1)
    np.testing.assert_allclose(lengths, [3, 3, 0, 3, 3], rtol=1e-6)
    np.testing.assert_allclose(scaled * ratios[:, None], vectors, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(normalize_length(vectors, False)[0], axis=1), [1, 1, 0, 1, 1], rtol=1e-6)


def test_transform_linear_and_affine(generator):
    vectors, matrix = generator.standard_normal((4, 3)), generator.standard_normal((2, 4))
    np.testing.assert_allclose(transform(vectors, matrix), vectors @ matrix[:, :3].T + matrix[:, 3])
    np.testing.assert_allclose(transform(vectors, matrix[:, :3]), vectors @ matrix[:, :3].T)
    with pytest.raises(ValueError, match="expected 5 or 6"):
        transform(np.zeros((1, 5)), matrix)


def test_whitening(labelled):
    vectors, speakers = labelled
    matrix, _ = whitening(vectors)
    white = transform(vectors, matrix)
    np.testing.assert_allclose(covariances(white, speakers)[0], np.eye(6), atol=1e-8)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(matrix[:, :6], matrix[:, :6].T, atol=1e-9)  # no rotation
    matrix, _ = whitening(vectors, covariances(vectors, speakers)[1])
    np.testing.assert_allclose(covariances(transform(vectors, matrix), speakers)[1], np.eye(6), atol=1e-8)
    with pytest.raises(ValueError, match="more vectors than dimensions"):
        whitening(vectors[:6])
    with pytest.raises(ValueError, match="do not vary"):
        whitening(np.ones((9, 2)))


def test_roots_of_singular_covariances():
    root, num_floored = covariance_root(np.diag([4.0, 0.0]), 0.25)
    assert num_floored == 1
    np.testing.assert_allclose(np.abs(root), np.diag([0.5, 1.0]))
    with pytest.raises(ValueError, match="singular"):
        covariance_root(np.diag([4.0, 0.0]), 0.0)


def test_mean_of_single_precision_is_taken_in_double():
    vectors = np.full((100_000, 1), 0.1, np.float32)
    assert global_mean(vectors)[0] == pytest.approx(np.float32(0.1), rel=1e-12)
