"""Embeddings: the values belong to the utterance alone, in the order in which utterances came."""

import numpy as np
import pytest
import torch

from speechlib.nnet.embedding_extraction import ExtractionOptions, extract_embeddings, repeat_edges
from speechlib.nnet.embedding_model import EmbeddingModel, load_embedding_weights
from speechlib.nnet.models import find_model


@pytest.fixture(autouse=True)
def seed():
    """The same random numbers in every run."""
    torch.manual_seed(0)

CPU = torch.device("cpu")
MODELS = {"shon_cnn": {"channels": (8, 8, 8, 10), "fc1": 8, "fc2": 6},
          "vgg_m": {"channels": (3,) * 5, "fc6": 8, "fc7": 6},
          "xvector": {"channels": (8, 8, 8, 8, 10), "tdnn6": 6, "tdnn7": 6}}  # fmt: skip
DIM = 128


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request) -> EmbeddingModel:
    torch.manual_seed(0)
    module = find_model(request.param)
    return module.build(module.Options(**MODELS[request.param]), DIM, 4).eval()


@pytest.fixture(scope="module")
def utterances() -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    counts = [300, 90, 1, 91, 700, 24, 90, 333, 2, 150]
    return [(f"u{k}", rng.normal(size=(count, DIM)).astype(np.float32)) for k, count in enumerate(counts)]


def extract(model, utterances, layer=None, **sizes):
    options = ExtractionOptions(**sizes)
    return list(extract_embeddings(model, iter(utterances), layer or model.layers[-1], options, CPU))


@pytest.mark.parametrize("sizes", [
    {"batch_frames": 1}, {"batch_frames": 350}, {"batch_frames": 10**6}, {"chunk_frames": 100},
    {"chunk_frames": 1}, {"batch_frames": 200, "chunk_frames": 310},
])  # fmt: skip
def test_sizes_change_nothing(model, utterances, sizes):
    found = extract(model, utterances, **sizes)
    assert [name for name, _ in found] == [name for name, _ in utterances]
    for (_, features), (_, vector) in zip(utterances, found, strict=True):
        long_enough = repeat_edges(features, max(25, model.min_frames))
        with torch.inference_mode():
            expected = model.embed(torch.from_numpy(long_enough)[None], model.layers[-1])[0]
        np.testing.assert_allclose(vector, expected.numpy(), atol=1e-5)
        assert vector.dtype == np.float32 and vector.shape == (6,)


def test_layers(model, utterances):
    for layer in model.layers:
        (name, vector), *_ = extract(model, utterances[:2], layer)
        with torch.inference_mode():
            expected = model.embed(torch.from_numpy(utterances[0][1])[None], layer)[0]
        np.testing.assert_allclose(vector, expected.numpy(), atol=1e-5)
    with pytest.raises(ValueError, match=f"'L7'.*{' or '.join(model.layers)}"):
        extract(model, utterances, "L7")


def test_wrong_dimension_and_sizes(model, utterances):
    for count in (50, 1000):
        with pytest.raises(ValueError, match="dimension 7 do not fit a model for dimension 128"):
            extract(model, [("u", np.zeros((count, 7), np.float32))], chunk_frames=500)
    with pytest.raises(ValueError, match="batch_frames must be at least 1"):
        ExtractionOptions(batch_frames=0)
    assert extract(model, []) == []


def test_edges_are_repeated_as_kaldi_does():
    features = np.array([[1.0], [2.0]], np.float32)
    assert repeat_edges(features, 7)[:, 0].tolist() == [1, 1, 1, 2, 2, 2, 2]  # one more on the right
    assert repeat_edges(features, 2) is features


def test_weights_but_for_the_output():
    module = find_model("xvector")
    options = module.Options(**MODELS["xvector"])
    trained, other = module.build(options, 12, 9), module.build(options, 12, 2)
    state = trained.state_dict()
    load_embedding_weights(other, state)
    x = torch.randn(1, 40, 12)
    torch.testing.assert_close(other.eval().embed(x, "tdnn6"), trained.eval().embed(x, "tdnn6"))
    with pytest.raises(ValueError, match="lack tdnn6.bias"):
        load_embedding_weights(other, {name: value for name, value in state.items() if name != "tdnn6.bias"})
    with pytest.raises(ValueError, match="hold lstm.weight"):
        load_embedding_weights(other, {**state, "lstm.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="tdnns.0.weight"):
        load_embedding_weights(module.build(options, 13, 2), state)
