"""Self-supervised networks: published architectures, sizes of one's own, hidden states against torchaudio's."""

import dataclasses

import pytest
import torch

from speechlib._torchaudio import import_torchaudio
from speechlib.nnet import self_supervised
from speechlib.nnet.self_supervised import CustomSizes, HiddenStateExtractor, NetworkOptions, build_network

TINY = CustomSizes(stem=((8, 10, 5), (8, 4, 4)), width=16, num_layers=3, heads=2, feed_forward=24, position_frames=8,
                   position_groups=4)  # fmt: skip


def tiny(seed=0, sizes=TINY):
    return build_network(NetworkOptions("custom", sizes), seed)


def test_all_hidden_states_are_the_networks_own():
    model = tiny()
    extractor = HiddenStateExtractor(model)
    waveform = 0.1 * torch.randn(2000)
    states = extractor(waveform)
    with torch.inference_mode():
        expected, _ = model.extract_features(waveform[None])
    assert states.shape == (3, extractor.num_frames(2000), 16) and extractor.layers == [1, 2, 3]
    torch.testing.assert_close(states, torch.cat(expected))
    some = HiddenStateExtractor(model, layers=[1, 3])(waveform)
    torch.testing.assert_close(some, states[[0, 2]])


@pytest.mark.parametrize("samples", [25, 44, 45, 64, 65, 66])
def test_frames_are_counted_as_they_come(samples):
    extractor = HiddenStateExtractor(tiny())
    assert (extractor.hop, extractor.min_samples) == (20, 25)
    assert extractor(torch.randn(samples)).shape[1] == extractor.num_frames(samples) == (samples - 25) // 20 + 1


def test_a_short_waveform_is_an_error():
    extractor = HiddenStateExtractor(tiny())
    assert extractor.num_frames(24) == 0
    with pytest.raises(ValueError, match=r"24 samples at 16000 Hz, but the network needs 25 \(0.0015625 s\)"):
        extractor(torch.randn(24))


def test_normalised_waveforms_do_not_depend_on_level_and_offset():
    waveform = torch.randn(1000)
    model = tiny(sizes=dataclasses.replace(TINY, stem_norm="layer"))
    normal = HiddenStateExtractor(model, normalises=True)
    torch.testing.assert_close(normal(waveform), normal(3 * waveform + 0.5), rtol=1e-3, atol=1e-4)
    plain = HiddenStateExtractor(model)
    standard = (waveform - waveform.mean()) / waveform.std(correction=0)
    torch.testing.assert_close(normal(waveform), plain(standard), rtol=1e-3, atol=1e-4)
    assert (plain(waveform + 0.5) - plain(standard)).abs().max() > 1e-2


def test_random_weights_are_those_of_the_seed_and_leave_others_draws_alone():
    torch.manual_seed(11)
    before = torch.get_rng_state()
    one, same, other = tiny(1), tiny(1), tiny(2)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs) and any(not torch.equal(a, c) for a, _, c in pairs)


def test_hubert_base_has_its_published_size():
    model = build_network(NetworkOptions(), 1)
    assert sum(weight.numel() for weight in model.parameters()) == 94_370_944  # 95 million, Hsu et al., 2021
    extractor = HiddenStateExtractor(model)
    assert (extractor.num_layers, extractor.dim, extractor.hop, extractor.min_samples) == (12, 768, 320, 400)
    assert extractor(0.1 * torch.randn(720)).shape == (12, 2, 768)


def test_addresses_and_treatment_are_those_of_torchaudios_bundles():
    pipelines = import_torchaudio().pipelines
    for name in self_supervised._WEIGHTS:
        bundle = getattr(pipelines, name.upper())
        options = NetworkOptions(name)
        assert options.weights_url() == f"https://download.pytorch.org/torchaudio/models/{bundle._path}"
        assert options.normalises == bundle._normalize_waveform
    assert NetworkOptions("hubert_large", normalise_waveform=False).normalises is False
    with pytest.raises(ValueError, match="nobody has published weights for architecture custom"):
        NetworkOptions("custom", TINY).weights_url()


@pytest.mark.parametrize("layers", [[0], [4], []])
def test_layers_that_are_not_there(layers):
    with pytest.raises(ValueError, match="the network has layers 1 to 3"):
        HiddenStateExtractor(tiny(), layers=layers)


def test_layers_out_of_order():
    with pytest.raises(ValueError, match="the lowest first"):
        HiddenStateExtractor(tiny(), layers=[2, 1])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: NetworkOptions("custom"), "sizes in `custom` belong to architecture custom"),
        (lambda: NetworkOptions("hubert_base", TINY), "this one is hubert_base"),
        (lambda: CustomSizes(stem=()), "stem needs a convolution"),
        (lambda: CustomSizes(stem=((8, 10, 0),)), "must be at least 1"),
        (lambda: CustomSizes(stem=((8, 10, 5),), width=90), "must be a multiple of heads, 4"),
    ],
)
def test_options_that_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()
