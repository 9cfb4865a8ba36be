"""Leave-one-out speaker models, similarity of frames, contrast between phones."""

import math

import numpy as np

from speechlib.probing.critical_frames import (
    frame_similarities,
    leave_one_out_models,
    phone_contrast,
    similarity_matrix,
)


def test_a_model_is_the_mean_of_the_others():
    rng = np.random.default_rng(0)
    embeddings = {f"u{k}": rng.normal(size=4) for k in range(7)}
    utt2spk = {"u0": "a", "u1": "a", "u2": "a", "u3": "b", "u4": "b", "u5": "c", "u6": "a"}
    models = leave_one_out_models(embeddings, utt2spk)
    assert sorted(models) == ["u0", "u1", "u2", "u3", "u4", "u6"]  # c has a single utterance
    for name, model in models.items():
        others = [embeddings[o] for o in embeddings if o != name and utt2spk[o] == utt2spk[name]]
        np.testing.assert_allclose(model, np.mean(others, axis=0))


def test_cosines():
    frames = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [0.0, 0.0]])
    np.testing.assert_allclose(frame_similarities(frames, np.array([5.0, 0.0])), [1, 0, math.sqrt(0.5), 0], atol=1e-12)
    matrix = similarity_matrix(frames, frames[:2])
    assert matrix.shape == (4, 2)
    np.testing.assert_allclose(matrix, [[1, 0], [0, 1], [math.sqrt(0.5)] * 2, [0, 0]], atol=1e-12)


def test_contrast_of_phones():
    matrix = np.array([[0.9, 0.1, 0.5], [0.2, 0.7, 0.4]])
    same, other = phone_contrast(matrix, np.array([3, 4]), np.array([3, 4, -1]))
    assert (same, other) == (0.8, 0.15000000000000002)
    same, other = phone_contrast(matrix, np.array([1, 2]), np.array([3, 4, 5]))
    assert math.isnan(same) and not math.isnan(other)
