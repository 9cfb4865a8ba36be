"""Speaker models: sizes, variants, masks and chunks, and the identity behind frame-level embeddings."""

import numpy as np
import pytest
import torch

from speechlib.nnet import models
from speechlib.nnet.embedding_model import EmbeddingModel, count_parameters
from speechlib.nnet.models import find_model, model_names
from speechlib.nnet.pooling import RunningMoments


@pytest.fixture(autouse=True)
def seed():
    """The same random numbers in every run."""
    torch.manual_seed(0)

SMALL = {
    "shon_cnn": ({"channels": (12, 14, 12, 20), "fc1": 16, "fc2": 8}, 6),
    "xvector": ({"channels": (12, 12, 12, 12, 20), "tdnn6": 10, "tdnn7": 9}, 6),
    "vgg_m": ({"channels": (4, 6, 6, 6, 6), "fc6": 16, "fc7": 8}, 128),
}
VARIANTS = [
    ("shon_cnn", {}), ("shon_cnn", {"pooling": "average"}), ("shon_cnn", {"linear_fc1": False}),
    ("shon_cnn", {"batch_norm": False}), ("xvector", {}), ("vgg_m", {}), ("vgg_m", {"batch_norm": False}),
]  # fmt: skip


def make(name: str, seed: int = 0, **more) -> EmbeddingModel:
    """A small model whose batch normalisation has seen something."""
    torch.manual_seed(seed)
    options, dim = SMALL[name]
    module = find_model(name)
    model = module.build(module.Options(**options, **more), dim, 5)
    for norm in model.modules():
        if isinstance(norm, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
            if norm.affine:
                torch.nn.init.normal_(norm.weight, 1, 0.2)
                torch.nn.init.normal_(norm.bias, 0, 0.2)
    return model.eval()


def parameters_without_output(name: str, input_dim: int, **options) -> int:
    module = find_model(name)
    model = module.build(module.Options(**options), input_dim, 1211)
    return count_parameters(model) - count_parameters(model.output)


def test_the_zoo():
    assert {"shon_cnn", "vgg_m", "xvector"} <= set(model_names())
    with pytest.raises(ValueError, match=r"'shon'.*shon_cnn, vgg_m, xvector"):
        find_model("shon")
    with pytest.raises(ValueError, match="unknown model"):
        find_model("../training")


@pytest.mark.parametrize(
    ("pooling", "batch_norm", "below", "everything"),
    [("average", False, 12_856_600, 13_584_411), ("stats", False, 15_106_600, 15_834_411),
     ("average", True, 12_869_800, 13_597_611), ("stats", True, 15_119_800, 15_847_611)],
)  # fmt: skip
def test_shons_sizes(pooling, batch_norm, below, everything):
    module = find_model("shon_cnn")
    model = module.build(module.Options(pooling=pooling, batch_norm=batch_norm), 40, 1211)
    assert count_parameters(model) == everything
    assert count_parameters(model) - count_parameters(model.output) == below


def test_xvectors_sizes():
    assert parameters_without_output("xvector", 23) == 4_464_604  # 4.46 million
    assert parameters_without_output("xvector", 24) == 4_467_164
    module = find_model("xvector")
    model = module.build(module.Options(), 23, 1211)
    assert parameters_without_output("xvector", 23) - count_parameters(model.tdnn7) == 4_201_948  # 4.20 million


def test_vgg_ms_maps_are_the_papers():
    module = find_model("vgg_m")
    model = module.build(module.Options(), 512, 1251).eval()
    sizes = []
    for layer in [*model.convs, model.fc6]:
        layer.register_forward_hook(lambda layer, x, y: sizes.append(tuple(y.shape[1:])))
    with torch.inference_mode():
        hidden = model.frame_level(torch.randn(1, 300, 512))
        assert model(torch.randn(1, 300, 512)).shape == (1, 1251)
    assert sizes[:6] == [(96, 254, 148), (256, 62, 36), (384, 30, 17), (256, 30, 17), (256, 30, 17), (4096, 1, 8)]
    assert hidden.shape == (1, 4096, 8) and model.geometry.num_outputs(300) == 8


def test_kaldis_context_of_the_xvector():
    model = make("xvector")
    assert model.context_frames == model.min_frames == 15
    x = torch.randn(1, 15, 6)
    expected = model.frame_level(torch.cat([torch.randn(1, 3, 6), x, torch.randn(1, 4, 6)], dim=1))[..., 3]
    torch.testing.assert_close(model.frame_level(x)[..., 0], expected)


@pytest.mark.parametrize("name", SMALL)
def test_shapes_and_one_step(name):
    model = make(name).train()
    x = torch.randn(4, 120, SMALL[name][1])
    weights = [parameter for parameter in model.parameters() if parameter.dim() > 1]  # norms undo what biases add
    before = [weight.clone() for weight in weights]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 3])).backward()
    optimizer.step()
    assert all(bool((a != b).any()) for a, b in zip(before, weights, strict=True))
    assert model(x).shape == (4, 5)
    torch.testing.assert_close(model.eval()(x), model.output(model.penultimate(x)))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_a_batch_of_mixed_lengths_gives_each_what_it_gets_alone(name, options):
    model, dim = make(name, **options), SMALL[name][1]
    lengths = [140, 97, model.min_frames, 98, 131, model.min_frames + 1]
    utterances = [torch.randn(1, length, dim) for length in lengths]
    batch = torch.full((len(lengths), max(lengths), dim), 7.0)  # whatever fills up must not matter
    for row, utterance in zip(batch, utterances, strict=True):
        row[: utterance.shape[1]] = utterance[0]
    with torch.inference_mode():
        for layer in model.layers:
            together = model.embed(batch, layer, torch.tensor(lengths))
            alone = torch.cat([model.embed(utterance, layer) for utterance in utterances])
            assert float((together - alone).abs().max()) < 1e-5
        torch.testing.assert_close(
            model(batch, torch.tensor(lengths)), torch.cat([model(x) for x in utterances]), atol=1e-5, rtol=0
        )
        assert not torch.allclose(model.embed(batch, layer)[1:], alone[1:], atol=1e-3)  # without masks it does matter


@pytest.mark.parametrize(("name", "options"), VARIANTS)
@pytest.mark.parametrize("num_frames", [65, 130, 333, 334])
def test_chunks_give_what_the_whole_gives(name, options, num_frames):
    model, dim = make(name, **options), SMALL[name][1]
    x = torch.randn(1, num_frames, dim)
    with torch.inference_mode():
        whole = model.frame_level(x)
        for chunk_frames in (1, 66, 100, 129, 1000):
            parts, running = [], RunningMoments()
            for chunk in model.geometry.chunks(num_frames, chunk_frames):
                hidden = model.frame_level(x[:, chunk.first : chunk.past])[..., chunk.keep_first : chunk.keep_past]
                assert hidden.shape[-1] == chunk.keep_past - chunk.keep_first > 0
                parts.append(hidden)
                running.add(hidden)
            torch.testing.assert_close(torch.cat(parts, dim=-1), whole, atol=1e-5, rtol=0)
            assert running.count == whole.shape[-1]
            pooled = model.pooling.of_moments(running.mean, running.variance).float()
            torch.testing.assert_close(pooled, model.pooled(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_the_mean_of_frame_level_embeddings_is_the_embedding(batch_norm, dtype, tolerance):
    """u = mean_t u_t, since nothing but affine maps follow the pooling."""
    model = make("shon_cnn", pooling="average", linear_fc1=True, batch_norm=batch_norm).to(dtype)
    for num_frames in np.random.default_rng(0).integers(20, 400, 4):
        x = torch.randn(2, int(num_frames), 6, dtype=dtype)
        with torch.inference_mode():
            for layer in ("fc1", "fc2"):
                frames = model.frame_values(x, layer)
                assert frames.shape[1] == -(-num_frames // 2)
                assert float((frames.mean(dim=1) - model.embed(x, layer)).abs().max()) < tolerance


def test_that_identity_fails_with_a_relu_behind_fc1():
    model = make("shon_cnn", pooling="average", linear_fc1=False)
    x = torch.randn(2, 200, 6)
    with torch.inference_mode():
        difference = model.frame_values(x, "fc2").mean(dim=1) - model.embed(x, "fc2")
        assert float(difference.abs().max()) > 1e-2
        assert float((model.frame_values(x, "fc1").mean(dim=1) - model.embed(x, "fc1")).abs().max()) < 1e-5


def test_frame_values_of_convolutions():
    model = make("shon_cnn", pooling="average")
    x = torch.randn(1, 51, 6)
    with torch.inference_mode():
        assert [model.frame_values(x, f"conv{k}").shape[1:] for k in (1, 2, 3, 4)] == [
            (51, 12), (26, 14), (26, 12), (26, 20)]  # fmt: skip
        torch.testing.assert_close(model.frame_values(x, "conv4"), model.frame_level(x).transpose(1, 2))
        with pytest.raises(ValueError, match="conv1, conv2, conv3, conv4, fc1, fc2"):
            model.frame_values(x, "fc3")
        with pytest.raises(ValueError, match="average"):
            make("shon_cnn").frame_values(x, "fc2")


@pytest.mark.parametrize(
    ("name", "options", "layers"),
    [("shon_cnn", {"pooling": "average"}, "conv1 conv2 conv3 conv4 fc1 fc2"),
     ("shon_cnn", {}, "conv1 conv2 conv3 conv4"),
     ("xvector", {}, "tdnn1 tdnn2 tdnn3 tdnn4 tdnn5"), ("vgg_m", {}, "conv1 conv2 conv3 conv4 conv5 fc6 fc7")],
)  # fmt: skip
def test_frames_of_every_layer_of_the_zoo(name, options, layers):
    model = make(name, **options)
    assert list(model.frame_layers) == layers.split()
    x = torch.randn(2, 170, SMALL[name][1])
    with torch.inference_mode():
        for layer in model.frame_layers:
            geometry, values = model.frame_geometry(layer), model.frame_values(x, layer)
            assert values.shape[:2] == (2, geometry.num_outputs(170))
            parts = [  # a long utterance in pieces
                model.frame_values(x[:, chunk.first : chunk.past], layer)[:, chunk.keep_first : chunk.keep_past]
                for chunk in geometry.chunks(170, 90)
            ]
            assert len(parts) > 1
            torch.testing.assert_close(torch.cat(parts, dim=1), values, atol=1e-5, rtol=0)
        last = list(model.frame_windows)[-1]
        torch.testing.assert_close(model.frame_values(x, last), model.frame_level(x).transpose(1, 2))


@pytest.mark.parametrize(("name", "layer"), [("shon_cnn", "fc2"), ("xvector", "tdnn6"), ("vgg_m", "fc7")])
def test_what_a_frame_sees_lies_around_its_centre(name, layer):
    """Each layer's frame changes with the input frame at its centre, and with none outside its field."""
    model = make(name, **({"pooling": "average"} if name == "shon_cnn" else {}))
    x = torch.randn(1, 200, SMALL[name][1], dtype=torch.float64, requires_grad=True)
    model.double()
    for found in model.frame_layers:
        geometry = model.frame_geometry(found)
        count = geometry.num_outputs(200)
        centres = geometry.centres(count)
        for output in range(count // 2, count):  # the first that is not dead (small layers may be)
            (gradient,) = torch.autograd.grad(model.frame_values(x, found)[0, output].square().sum(), x)
            seen = torch.nonzero(gradient[0].abs().sum(dim=1))[:, 0]
            if len(seen):
                break
        reach = (geometry.field - 1) / 2
        assert centres[output] - reach <= int(seen.min()) and int(seen.max()) <= centres[output] + reach
        assert int(seen.min()) <= centres[output] <= int(seen.max())


def test_dense_layers_over_statistics_have_no_frames_and_say_what_to_do():
    for name, layer, rest in (("shon_cnn", "fc2", "conv1, .*conv4"), ("xvector", "tdnn6", "tdnn1, .*tdnn5")):
        model = make(name)
        with pytest.raises(ValueError, match=f"statistics pooling.*model.pooling=average.*below the pooling: {rest}"):
            model.frame_values(torch.randn(1, 50, 6), layer)
        with pytest.raises(ValueError, match="statistics pooling"):
            model.frame_geometry(layer)
    model = make("vgg_m")  # pools by averaging: the mean of its last layer's frames is the embedding
    x = torch.randn(1, 200, 128)
    with torch.inference_mode():
        difference = model.frame_values(x, "fc7").mean(dim=1) - model.embed(x, "fc7")
    assert float(difference.abs().max()) < 1e-5


def test_a_tap_is_in_front_of_the_relu():
    for name, layer in (("shon_cnn", "fc2"), ("shon_cnn", "fc1"), ("xvector", "tdnn6"), ("vgg_m", "fc7")):
        model = make(name)
        with torch.inference_mode():
            assert float(model.embed(torch.randn(3, 120, SMALL[name][1]), layer).min()) < 0


def test_what_does_not_fit_is_told():
    model = make("xvector")
    with pytest.raises(ValueError, match="dimension 5 do not fit a model for dimension 6"):
        model(torch.randn(1, 50, 5))
    with pytest.raises(ValueError, match="14 frames are too few.*at least 15"):
        model(torch.randn(1, 14, 6))
    with pytest.raises(ValueError, match="14 frames"):
        model(torch.randn(2, 50, 6), torch.tensor([50, 14]))
    with pytest.raises(ValueError, match="'fc2'.*choose tdnn6 or tdnn7"):
        model.embed(torch.randn(1, 50, 6), "fc2")
    with pytest.raises(ValueError, match="40 bins are too small for VGG-M"):
        find_model("vgg_m").build(find_model("vgg_m").Options(), 40, 5)
    for name, options in (("shon_cnn", {"fc1": 0}), ("xvector", {"channels": (5, 5, 0, 5, 5)}), ("vgg_m", {"fc7": -1})):
        with pytest.raises(ValueError, match="at least 1"):
            find_model(name).Options(**options)


def test_xavier_and_the_bias_of_the_authors():
    module = find_model("shon_cnn")
    model = module.build(module.Options(), 40, 10)
    assert bool((model.fc1.bias == 0.001).all()) and bool((model.convs[0].bias == 0.001).all())
    bound = (6 / (40 * 5 + 1000 * 5)) ** 0.5
    assert 0.98 * bound < float(model.convs[0].weight.detach().abs().max()) <= bound


def test_xvectors_frames_are_kaldis():
    """relu-batchnorm-layer input=Append(-2,-1,0,1,2), Append(-2,0,2), Append(-3,0,3), then one frame each, in numpy."""
    model = make("xvector")
    frames = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    hidden = {t: frames[t] for t in range(30)}
    for layer, norm, offsets in zip(
        model.tdnns, model.tdnn_norms, [(-2, -1, 0, 1, 2), (-2, 0, 2), (-3, 0, 3), (0,), (0,)], strict=True
    ):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        mean, scale = norm.running_mean.numpy(), (norm.running_var.numpy() + 1e-3) ** -0.5
        after = {}
        for t in hidden:
            if all(t + offset in hidden for offset in offsets):
                affine = bias + sum(weight[:, :, k] @ hidden[t + offset] for k, offset in enumerate(offsets))
                after[t] = (np.maximum(affine, 0) - mean) * scale
        hidden = after
    assert sorted(hidden) == list(range(7, 23))
    with torch.inference_mode():
        found = model.frame_level(torch.from_numpy(frames)[None])[0].T.numpy()
        np.testing.assert_allclose(found, np.stack([hidden[t] for t in sorted(hidden)]), atol=1e-5)
        pooled = np.concatenate([found.mean(axis=0), found.std(axis=0)])
        expected = model.tdnn6.weight.numpy() @ pooled + model.tdnn6.bias.numpy()
        np.testing.assert_allclose(model.embed(torch.from_numpy(frames)[None], "tdnn6")[0], expected, atol=1e-5)


def test_a_model_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "one_file_net.py").write_text('''
"""A model that is in no list."""
from dataclasses import dataclass
from speechlib.nnet.models.xvector import XVector, Options as XVectorOptions

@dataclass(frozen=True)
class Options:
    width: int = 8

def build(options, input_dim, num_classes):
    return XVector(XVectorOptions((options.width,) * 5, options.width, options.width), input_dim, num_classes)
''')
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    assert "one_file_net" in model_names()
    module = find_model("one_file_net")
    assert module.build(module.Options(width=4), 6, 3)(torch.randn(2, 20, 6)).shape == (2, 3)
