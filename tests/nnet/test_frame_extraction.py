"""Frames of layers with their times: pieces, short utterances, unevenly spaced input."""

import numpy as np
import pytest
import torch

from speechlib.nnet.embedding_extraction import embed_batch, repeat_edges
from speechlib.nnet.frame_extraction import INPUT, FrameExtractor
from speechlib.nnet.models import find_model

CPU = torch.device("cpu")


def make(name="shon_cnn", **options):
    torch.manual_seed(0)
    module = find_model(name)
    sizes = {"shon_cnn": {"channels": (6, 7, 8, 9), "fc1": 5, "fc2": 4, "pooling": "average"},
             "xvector": {"channels": (6, 6, 6, 6, 8), "tdnn6": 5, "tdnn7": 4}}[name]  # fmt: skip
    return module.build(module.Options(**{**sizes, **options}), 3, 5).eval()


def features(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


def joined(extractor, matrix, layer):
    return np.concatenate(list(extractor.values(matrix, layer)))


@pytest.mark.parametrize("name", ["shon_cnn", "xvector"])
def test_pieces_are_the_whole(name):
    model, matrix = make(name), features(333)
    whole, pieces = FrameExtractor(model, CPU), FrameExtractor(model, CPU, chunk_frames=61)
    for layer in (INPUT, *model.frame_layers):
        values = joined(whole, matrix, layer)
        assert values.shape == (whole.num_outputs(333, layer), whole.num_units(layer)) and values.dtype == np.float32
        np.testing.assert_allclose(joined(pieces, matrix, layer), values, atol=1e-6)
    np.testing.assert_array_equal(joined(whole, matrix, INPUT), matrix)


def test_the_mean_is_the_embedding_also_of_short_utterances():
    model = make()
    extractor = FrameExtractor(model, CPU, chunk_frames=50)
    for count in (1, 7, 24, 25, 26, 180):
        matrix = features(count, count)
        embedding = embed_batch(model, [repeat_edges(matrix, 25)], "fc2", CPU)[0]
        assert np.abs(joined(extractor, matrix, "fc2").mean(axis=0) - embedding).max() < 1e-5
    relu = FrameExtractor(make(linear_fc1=False), CPU)
    embedding = embed_batch(relu.model, [features(180)], "fc2", CPU)[0]
    assert np.abs(joined(relu, features(180), "fc2").mean(axis=0) - embedding).max() > 1e-3


def test_times_of_layers():
    extractor = FrameExtractor(make(), CPU)
    seconds = 0.005 + 0.01 * np.arange(100)
    np.testing.assert_allclose(extractor.times(seconds, INPUT), seconds)
    np.testing.assert_allclose(extractor.times(seconds, "conv1"), seconds)
    for layer in ("conv2", "conv4", "fc2"):  # every second frame
        np.testing.assert_allclose(extractor.times(seconds, layer), seconds[::2])
    np.testing.assert_allclose(FrameExtractor(make("xvector"), CPU).times(seconds, "tdnn5"), seconds[7:93])


def test_times_where_frames_were_taken_out_or_put_in():
    extractor = FrameExtractor(make(), CPU)
    voiced = np.concatenate([0.01 * np.arange(30), 2 + 0.01 * np.arange(30)])
    np.testing.assert_allclose(extractor.times(voiced, "conv1"), voiced)
    short = 0.005 + 0.01 * np.arange(11)  # lengthened to 25 frames, 7 in front
    times = extractor.times(short, "conv1")
    assert len(times) == 25 and (times[:8] == short[0]).all() and (times[17:] == short[-1]).all()
    np.testing.assert_allclose(times[7:18], short)


def test_wrong_sizes():
    for sizes in ({"chunk_frames": 0}, {"min_frames": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            FrameExtractor(make(), CPU, **sizes)
    with pytest.raises(ValueError, match="dimension 4 do not fit"):
        joined(FrameExtractor(make(), CPU), np.zeros((30, 4), np.float32), "conv1")
