"""The network of Lukic et al.: sizes, layers, initial weights, equivalences that the implementation relies on."""

import math

import pytest
import torch
import torch.nn.functional as F

from speechlib.nnet.models.lukic_cnn import LAYERS, LukicCNN, LukicOptions, count_parameters

SMALL = {"bins": 24, "frames": 20, "channels": (3, 4), "filter": (3, 2), "pool": (2, 2), "pool_stride": (2, 2)}


def small(num_speakers=3, **options) -> LukicCNN:
    torch.manual_seed(0)
    return LukicCNN(LukicOptions(**{**SMALL, **options}), num_speakers)


@pytest.mark.parametrize(
    ("num_speakers", "expected"), [(10, 3_802_236), (100, 38_216_976), (590, 241_217_116), (630, 258_954_556)]
)
def test_parameter_counts_of_the_paper(num_speakers, expected):
    with torch.device("meta"):
        model = LukicCNN(LukicOptions(), num_speakers)
    assert count_parameters(model) == expected


def test_feature_maps_of_the_paper():
    assert LukicOptions().map_sizes() == [(32, 125, 97), (32, 61, 47), (64, 58, 44), (64, 28, 21)]


def test_map_sizes_are_those_of_torch():
    options = LukicOptions(**{**SMALL, "filter": (4, 3), "pool": (3, 2), "pool_stride": (1, 2)})
    model = LukicCNN(options, 2)
    sizes = []
    hooks = [layer.register_forward_hook(lambda *a: sizes.append(tuple(a[2].shape[1:])))
             for layer in (model.conv1, model.conv3)]  # fmt: skip
    model(torch.zeros(1, 24, 20))
    assert sizes == [options.map_sizes()[0], options.map_sizes()[2]] and len(hooks) == 2


def test_shape_along_each_axis():
    options = LukicOptions(filter=(8, 1), pool=(4, 1), pool_stride=(2, 1))
    assert options.map_sizes()[-1] == (64, 25, 100)
    options = LukicOptions(filter=(1, 8), pool=(1, 4), pool_stride=(1, 2))
    assert options.map_sizes()[-1] == (64, 128, 18)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": (200, 4)}, "L1 filter of 200 x 4 .* larger than its input of 128 x 100"),
        ({"filter": (4, 101)}, "L1 filter of 4 x 101"),
        ({"filter": (4, 60)}, "L3 filter of 4 x 60 .* input of 61 x 19"),
        ({"filter": (120, 4)}, "L3 filter of 120 x 4"),
        ({"pool": (200, 4)}, "L2 pool of 200 x 4"),
        ({"filter": (0, 4)}, "filter must be two whole numbers of at least 1"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"frames": 0}, "frames must be at least 1"),
    ],
)
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LukicOptions(**options)


def test_filter_as_large_as_its_input_is_possible():
    options = LukicOptions(bins=10, frames=8, filter=(1, 4), pool=(1, 1), pool_stride=(1, 1))
    assert options.map_sizes()[-1] == (64, 10, 2)
    with pytest.raises(ValueError, match="L3 filter of 1 x 5 .* input of 10 x 4: make filter, pool or pool_stride"):
        LukicOptions(bins=10, frames=8, filter=(1, 5), pool=(1, 1), pool_stride=(1, 1))


def test_one_speaker_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        LukicCNN(LukicOptions(**SMALL), 1)


def test_weights_are_glorot_uniform_and_biases_zero():
    torch.manual_seed(1)
    model = LukicCNN(LukicOptions(bins=48, frames=40, channels=(8, 8)), 20)
    for layer, fan_in, fan_out in (
        (model.conv1, 16, 8 * 16), (model.conv3, 8 * 16, 8 * 16), (model.dense5, model.dense5.in_features, 200),
        (model.dense7, 200, 100), (model.dense8, 100, 20),
    ):  # fmt: skip
        bound = math.sqrt(6 / (fan_in + fan_out))
        largest = layer.weight.abs().max().item()
        assert 0.9 * bound < largest <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
        assert not layer.bias.any()


def test_forward_is_the_papers_order_of_operations():
    model = small().eval()
    x = torch.randn(5, 24, 20)
    maps = F.max_pool2d(F.relu(model.conv1(x[:, None])), (2, 2), (2, 2))
    maps = F.max_pool2d(F.relu(model.conv3(maps)), (2, 2), (2, 2))
    dense5 = F.relu(model.dense5(maps.flatten(1)))
    dense7 = F.relu(model.dense7(dense5))
    logits = model.dense8(dense7)
    found = model.activations(x)
    assert list(found) == list(LAYERS)
    torch.testing.assert_close(found["L5"], dense5)
    torch.testing.assert_close(found["L7"], dense7)
    torch.testing.assert_close(found["L8"], logits.softmax(1))
    torch.testing.assert_close(model(x), logits)
    assert (found["L5"] >= 0).all() and (found["L7"] >= 0).all()
    assert found["L5"].shape == (5, 30) and found["L7"].shape == (5, 15) and found["L8"].shape == (5, 3)


def test_gradients_are_those_of_the_papers_order():
    model = small(dropout=0.0)
    x, y = torch.randn(6, 24, 20), torch.tensor([0, 1, 2, 0, 1, 2])
    F.cross_entropy(model(x), y).backward()
    ours = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    maps = F.max_pool2d(F.relu(model.conv1(x[:, None])), (2, 2), (2, 2))
    maps = F.max_pool2d(F.relu(model.conv3(maps)), (2, 2), (2, 2))
    hidden = F.relu(model.dense7(F.relu(model.dense5(maps.flatten(1)))))
    F.cross_entropy(model.dense8(hidden), y).backward()
    for got, parameter in zip(ours, model.parameters(), strict=True):
        torch.testing.assert_close(got, parameter.grad, rtol=1e-4, atol=1e-6)


def test_dropout_acts_between_the_dense_layers_in_training_only():
    model = small(dropout=0.5)
    x = torch.randn(4, 24, 20)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_activations_need_evaluation_mode_and_known_layers():
    model = small()
    with pytest.raises(ValueError, match=r"call eval\(\)"):
        model.activations(torch.zeros(1, 24, 20))
    with pytest.raises(ValueError, match="unknown layer 'L6'"):
        model.eval().activations(torch.zeros(1, 24, 20), ["L6"])
    assert list(model.activations(torch.zeros(1, 24, 20), ["L8", "L5"])) == ["L8", "L5"]


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"\(batch, 24 bins, 20 frames\), got \(2, 20, 24\)"):
        small()(torch.zeros(2, 20, 24))


def test_batch_norm_is_the_authors_variant():
    plain, normed = small(), small(batch_norm=True)
    assert count_parameters(normed) == count_parameters(plain) + 2 * (3 + 4 + 30 + 15)
    maps = normed.norm1(normed.conv1(torch.randn(8, 1, 24, 20)))
    torch.testing.assert_close(maps.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(maps.var((0, 2, 3)), torch.ones(3), atol=1e-2, rtol=0)


def test_input_norm_removes_mean_and_deviation_of_each_bin():
    model, plain = small(input_norm="bins").eval(), small().eval()
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if not name.startswith("input")})
    mean, deviation = torch.linspace(-2, 2, 24), torch.linspace(0.5, 3, 24)
    model.set_input_statistics(mean, deviation)
    x = torch.randn(2, 24, 20)
    torch.testing.assert_close(model(x * deviation[:, None] + mean[:, None]), plain(x), rtol=1e-4, atol=1e-5)
    assert count_parameters(model) == count_parameters(plain)
