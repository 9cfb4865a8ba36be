"""Scores of all pairs: beside those of trials, in few dimensions, and of vectors that do not vary."""

import numpy as np
import pytest

from speechlib.backend.dense_scoring import dense_scores, principal_components, reduced
from speechlib.backend.plda import Plda
from speechlib.backend.scoring import plda_scorer, project


@pytest.fixture(scope="module")
def plda():
    rng = np.random.default_rng(3)
    return Plda(rng.standard_normal(6), rng.standard_normal((6, 6)) + 2 * np.eye(6), np.array([9, 4, 2, 1, 0.5, 0.1]))


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(4).standard_normal((15, 6)) * np.array([4, 3, 2, 1, 1, 0.5])


def test_whole_energy_is_the_score_of_trials(plda, vectors):
    projected = project(plda, vectors)
    first, second = np.divmod(np.arange(15 * 15), 15)
    expected = plda_scorer(plda, projected, projected).score(first, second).reshape(15, 15)
    np.testing.assert_allclose(dense_scores(plda, vectors, 1.0), expected, atol=1e-4)


def test_symmetric(plda, vectors):
    for energy in (0.0, 0.5, 1.0):
        scores = dense_scores(plda, vectors, energy)
        np.testing.assert_array_equal(scores, scores.T)


def test_one_component_more_than_the_target_needs(vectors):
    centred = vectors - vectors.mean(axis=0)
    energy = np.cumsum(np.linalg.svd(centred, compute_uv=False) ** 2)
    energy /= energy[-1]
    for target in (0.0, 0.3, 0.6, 0.9, energy[2] - 1e-9, energy[2] + 1e-9):
        needed = int(np.argmax(energy > target)) + 1
        components = principal_components(vectors, target)
        assert components.shape == (min(needed + 1, 6), 6)
        np.testing.assert_allclose(components @ components.T, np.eye(len(components)), atol=1e-10)


def test_reduced_model_has_the_reduced_covariances(plda):
    components = np.random.default_rng(5).standard_normal((3, 6))
    small = reduced(plda, components)
    np.testing.assert_allclose(small.mean, components @ plda.mean)
    np.testing.assert_allclose(small.within(), components @ plda.within() @ components.T)
    np.testing.assert_allclose(small.between(), components @ plda.between() @ components.T)


def test_a_rotation_of_all_dimensions_changes_no_score(plda, vectors):
    rotation = np.linalg.qr(np.random.default_rng(6).standard_normal((6, 6)))[0]
    np.testing.assert_allclose(
        dense_scores(reduced(plda, rotation), vectors @ rotation.T, 1.0), dense_scores(plda, vectors, 1.0), atol=1e-4
    )


def test_one_vector_and_identical_vectors_have_scores(plda, vectors):
    one = dense_scores(plda, vectors[:1])
    assert one.shape == (1, 1)
    np.testing.assert_allclose(dense_scores(plda, np.repeat(vectors[:1], 4, axis=0)), np.tile(one, (4, 4)), rtol=1e-5)
    assert np.isfinite(dense_scores(plda, vectors[:2])).all()


def test_bad_arguments(plda, vectors):
    with pytest.raises(ValueError, match="target energy 1.5: expected 0 to 1"):
        dense_scores(plda, vectors, 1.5)
    with pytest.raises(ValueError, match=r"shape \(15, 4\), a PLDA of dimension 6"):
        dense_scores(plda, vectors[:, :4])
