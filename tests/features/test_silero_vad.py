"""Silero's network in NumPy: equal to a plain one in PyTorch with any weights, and to the package's with its own."""

import importlib.util

import numpy as np
import pytest

from speechlib.features.silero_vad import SileroNetwork, SileroOptions, silero_decisions


def random_weights(rate, seed=0):
    window = rate * 16 // 1000
    bins = window // 2 + 1
    shapes = {"stft.forward_basis_buffer": (2 * bins, 1, window), "decoder.decoder.2.weight": (1, 128, 1)}
    sizes = (bins, 128, 64, 64, 128)
    for layer in range(4):
        shapes[f"encoder.{layer}.reparam_conv.weight"] = (sizes[layer + 1], sizes[layer], 3)
        shapes[f"encoder.{layer}.reparam_conv.bias"] = (sizes[layer + 1],)
    shapes |= {f"decoder.rnn.weight_{part}": (512, 128) for part in ("ih", "hh")}
    shapes |= {f"decoder.rnn.bias_{part}": (512,) for part in ("ih", "hh")} | {"decoder.decoder.2.bias": (1,)}
    rng = np.random.default_rng(seed)
    return {
        name: (rng.standard_normal(shape) * 1.5 / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
        for name, shape in shapes.items()
    }


def twin(rate, weights, samples):
    """The network chunk by chunk, in PyTorch's words."""
    import torch
    from torch.nn import functional

    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    chunk, context = rate * 32 // 1000, rate * 4 // 1000
    padded = torch.nn.functional.pad(torch.from_numpy(samples), (context, -len(samples) % chunk))
    hidden = cell = torch.zeros(1, 128)
    probabilities = []
    for first in range(0, len(padded) - context, chunk):
        values = functional.pad(padded[None, None, first : first + context + chunk], (0, context), "reflect")
        values = functional.conv1d(values, tensors["stft.forward_basis_buffer"], stride=chunk // 4)
        values = (values[:, : values.shape[1] // 2] ** 2 + values[:, values.shape[1] // 2 :] ** 2).sqrt()
        for layer, stride in enumerate((1, 2, 2, 1)):
            name = f"encoder.{layer}.reparam_conv"
            values = functional.conv1d(values, tensors[f"{name}.weight"], tensors[f"{name}.bias"], stride, 1).relu()
        hidden, cell = torch.lstm_cell(
            values[:, :, 0], (hidden, cell), *(tensors[f"decoder.rnn.{part}"] for part in
                                              ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        )  # fmt: skip
        output = functional.conv1d(
            hidden.relu()[:, :, None], tensors["decoder.decoder.2.weight"], tensors["decoder.decoder.2.bias"]
        )
        probabilities.append(float(output.sigmoid()))
    return np.array(probabilities)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_equal_to_a_plain_network(rate):
    weights = random_weights(rate)
    samples = (0.3 * np.random.default_rng(1).standard_normal(rate * 3 + 77)).astype(np.float32)
    found = np.concatenate(list(SileroNetwork(rate, weights).stream([samples])))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, twin(rate, weights, samples), atol=1e-5)
    assert found.std() > 1e-3


def test_pieces_do_not_matter():
    network = SileroNetwork(8000, random_weights(8000))
    samples = (0.3 * np.random.default_rng(2).standard_normal(40_000)).astype(np.float32)
    whole = np.concatenate(list(network.stream([samples])))
    cut = np.concatenate(list(network.stream(samples[first : first + 999] for first in range(0, 40_000, 999))))
    np.testing.assert_array_equal(cut, whole)
    assert len(whole) == -(-40_000 // 256)
    assert list(network.stream([])) == []


def test_weights_are_checked():
    weights = random_weights(16000)
    with pytest.raises(ValueError, match=r"weight_ih of shape \(512, 128\), found none"):
        SileroNetwork(16000, {name: array for name, array in weights.items() if name != "decoder.rnn.weight_ih"})
    with pytest.raises(ValueError, match=r"forward_basis_buffer of shape \(130, 1, 128\), found one of shape"):
        SileroNetwork(8000, weights)
    with pytest.raises(ValueError, match="44100 Hz"):
        SileroNetwork(44100, weights)


def test_decisions_have_hysteresis_durations_and_margins():
    probabilities = np.array([0.1] * 10 + [0.4] * 10 + [0.6] + [0.4] * 10 + [0.1] * 20 + [0.9] * 3 + [0.1] * 10)
    seconds = len(probabilities) * 0.032
    voiced = silero_decisions(probabilities, seconds, SileroOptions(margin=0))
    assert len(voiced) == round(seconds * 100)
    # 21 chunks that an onset is among; not the 96 ms that are certain but short
    assert np.flatnonzero(np.diff(voiced)).tolist() == [31, 98]
    wider = silero_decisions(probabilities, seconds, SileroOptions(margin=50))
    assert np.flatnonzero(np.diff(wider)).tolist() == [26, 103]
    assert not silero_decisions(np.full(100, 0.4), 3.2).any()
    assert silero_decisions(np.zeros(0), 0.0).shape == (0,)


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match="offset <= onset"):
        SileroOptions(onset=0.2)
    with pytest.raises(ValueError, match="min-speech=-1"):
        SileroOptions(min_speech=-1)


@pytest.mark.skipif(importlib.util.find_spec("silero_vad") is None, reason="the package silero-vad is not installed")
@pytest.mark.parametrize("rate", [8000, 16000])
def test_equal_to_the_packages_network(corpora, rate):
    import silero_vad
    import torch

    from speechlib.io.audio import read_audio
    from speechlib.io.silero_weights import read_silero_weights

    samples, _ = read_audio(corpora / "pyaa_dialogue/diarizationExample.wav", end=12.0)
    samples = samples[:: 16000 // rate] / np.float32(32768)
    found = np.concatenate(list(SileroNetwork(rate, read_silero_weights(rate)).stream([samples])))
    expected = silero_vad.load_silero_vad().audio_forward(torch.from_numpy(samples)[None], rate)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.max() > 0.9
