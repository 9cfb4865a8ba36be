"""The encoder of waveforms: the network's own states, whatever fills up a batch; what learns and what stays."""

import pytest
import torch

from speechlib.nnet.self_supervised import CustomSizes, NetworkOptions, build_network
from speechlib.nnet.waveform_encoder import WaveformEncoder

TINY = CustomSizes(stem=((8, 10, 5), (8, 4, 4)), width=16, num_layers=2, heads=2, feed_forward=24, position_frames=8,
                   position_groups=4)  # fmt: skip


@pytest.mark.parametrize("normalises", [False, True])
def test_states_do_not_depend_on_what_fills_up_a_batch(normalises):
    network = build_network(NetworkOptions("custom", TINY), 1)
    encoder = WaveformEncoder(network, normalises).eval()
    rows = [0.1 * torch.randn(length, generator=torch.manual_seed(length)) for length in (900, 2000)]
    with torch.inference_mode():
        states, counts = encoder(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), torch.tensor([900, 2000]))
        for row, state, count in zip(rows, states, counts, strict=True):
            heard = torch.nn.functional.layer_norm(row, row.shape) if normalises else row
            alone, _ = network(heard[None])
            torch.testing.assert_close(state[:count], alone[0], atol=1e-5, rtol=1e-4)
    assert states.shape == (2, int(counts.max()), encoder.dim) and encoder.dim == 16


def test_convolutions_and_frozen_layers_stay():
    network = build_network(NetworkOptions("custom", TINY), 1)
    encoder = WaveformEncoder(network, False, frozen_layers=1)
    layers = network.encoder.transformer.layers
    still = [network.feature_extractor, network.encoder.feature_projection, layers[0]]
    assert not any(weight.requires_grad for module in still for weight in module.parameters())
    assert all(weight.requires_grad for weight in layers[1].parameters()) and encoder.dim == 16
    with pytest.raises(ValueError, match="freeze_layers = 3: the network has 2 layers"):
        WaveformEncoder(network, False, frozen_layers=3)
