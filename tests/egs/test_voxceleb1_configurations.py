"""The full-size configurations of the VoxCeleb1 recipe: readable, and of the papers' sizes."""

import pytest

from speechlib.bin.train_nnet import read_config
from speechlib.nnet.embedding_model import count_parameters
from speechlib.nnet.models import find_model

SIZES = {"shon_paper": (40, 15_119_800), "xvector_paper": (24, 4_467_164), "vgg_m_paper": (512, 16_628_992)}


@pytest.mark.parametrize("name", SIZES)
def test_sizes(root, name):
    config, options = read_config(str(root / f"egs/voxceleb1/conf/{name}.yaml"), "", None)
    input_dim, parameters = SIZES[name]
    model = find_model(config.model["name"]).build(options, input_dim, 2)
    assert count_parameters(model) - count_parameters(model.output) == parameters
    model.check_input(config.crops.range[0], input_dim)


def test_learning_rates_of_the_papers(root):
    shon = read_config(str(root / "egs/voxceleb1/conf/shon_paper.yaml"), "", None)[0].training
    assert shon.rate(49_999, 10**6) == 0.001 and shon.rate(50_000, 10**6) == pytest.approx(0.00098)
    assert shon.rate(500_000, 10**6) == pytest.approx(0.001 * 0.98**10) and shon.momentum == 0
    vgg = read_config(str(root / "egs/voxceleb1/conf/vgg_m_paper.yaml"), "", None)[0].training
    assert vgg.rate(69_689, 69_690) == pytest.approx(1.6e-8, rel=0.05) and vgg.num_updates == 69_690


@pytest.mark.parametrize("name", ["shon", "xvector", "vgg_m"])
def test_full_configurations_have_the_papers_sizes_and_a_modern_optimiser(root, name):
    paper, full = (
        read_config(str(root / f"egs/voxceleb1/conf/{name}_{size}.yaml"), "", None)[0] for size in ("paper", "full")
    )
    assert full.model == paper.model and full.frontend == paper.frontend
    assert full.crops.frames == paper.crops.frames and full.crops.sampling == "class_balanced"
    training = full.training
    assert training.rate(0, 10**5) < training.rate(1000, 10**5) < training.rate(1999, 10**5)
    assert training.rate(10**5 - 1, 10**5) < 1e-6 and training.momentum == 0.9 and training.precision == "fp16"
