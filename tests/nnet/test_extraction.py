"""Activations in batches over utterances: the values belong to the snippet alone."""

import numpy as np
import pytest
import torch

from speechlib.nnet.extraction import extract
from speechlib.nnet.models.lukic_cnn import LukicCNN, LukicOptions

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> LukicCNN:
    torch.manual_seed(0)
    options = LukicOptions(bins=16, frames=12, channels=(3, 4), filter=(3, 3), pool=(2, 2), pool_stride=(2, 2))
    return LukicCNN(options, 4).eval()


@pytest.fixture(scope="module")
def utterances() -> list[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    counts = [1, 3, 9, 2, 1, 1, 5]
    return [(f"u{k}", rng.normal(size=(count, 16, 12)).astype(np.float32)) for k, count in enumerate(counts)]


@pytest.mark.parametrize("batch_size", [1, 2, 4, 22, 100])
def test_any_batch_size_gives_the_same_values_in_order(model, utterances, batch_size):
    found = list(extract(model, iter(utterances), ["L8", "L5"], batch_size, CPU))
    assert [name for name, _ in found] == [name for name, _ in utterances]
    for (_, snippets), (_, activations) in zip(utterances, found, strict=True):
        with torch.no_grad():
            expected = model.activations(torch.from_numpy(snippets), ["L8", "L5"])
        for layer, values in expected.items():
            np.testing.assert_allclose(activations[layer], values.numpy(), atol=1e-5)
            assert activations[layer].dtype == np.float32


def test_the_neighbours_do_not_matter_at_all(model, utterances):
    together = dict(extract(model, iter(utterances), ["L7"], 4, CPU))
    for name, snippets in utterances:
        alone = dict(extract(model, iter([(name, snippets)]), ["L7"], 4, CPU))
        np.testing.assert_array_equal(alone[name]["L7"], together[name]["L7"])


def test_nothing_gives_nothing(model):
    assert list(extract(model, iter([]), ["L5"], 4, CPU)) == []
