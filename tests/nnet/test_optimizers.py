"""Learning rates by update, and which parameters an optimiser has."""

import pytest
import torch
from torch import nn

from speechlib.nnet.optimizers import TrainOptions, make_optimizer


def test_the_papers_staircase():
    options = TrainOptions(optimizer="sgd", momentum=0.0, lr_schedule="staircase")
    for k in (0, 1, 2, 13, 80):
        for update in (50_000 * k, 50_000 * k + 49_999):
            assert options.rate(update, 4_000_000) == pytest.approx(0.001 * 0.98**k, rel=1e-12)


def test_cosine_and_warm_up():
    options = TrainOptions(learning_rate=0.4, lr_schedule="cosine")
    assert [options.rate(update, 4) for update in range(4)] == pytest.approx([0.4, 0.34142136, 0.2, 0.05857864])
    options = TrainOptions(learning_rate=0.4, warmup_updates=4)
    assert [options.rate(update, 9) for update in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_plain_gradient_descent():
    parameter = nn.Parameter(torch.tensor([1.0, -2.0]))
    options = TrainOptions(optimizer="sgd", momentum=0.0, learning_rate=0.5)
    optimizer = make_optimizer(nn.ParameterList([parameter]), options)
    for _ in range(3):
        optimizer.zero_grad()
        (parameter**2).sum().backward()
        optimizer.step()
    assert parameter.tolist() == [0.0, 0.0]  # the first step takes off 0.5 times twice the value


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adamw"])
def test_weight_decay_spares_vectors_and_frozen_parameters_are_left_out(name):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    model[2].bias.requires_grad_(False)
    optimizer = make_optimizer(model, TrainOptions(optimizer=name, weight_decay=0.1))
    decays = [(group["weight_decay"], [tuple(p.shape) for p in group["params"]]) for group in optimizer.param_groups]
    assert decays == [(0.1, [(2, 3), (2, 2)]), (0.0, [(2,), (2,), (2,)])]
    assert optimizer.param_groups[0].get("nesterov", False) == (name == "nesterov")


def test_what_does_not_decide_the_weights():
    options = TrainOptions(log_every=7, checkpoint_seconds=1, loader_threads=3, tensorboard=False)
    assert options.decisive() == TrainOptions().decisive()
    assert TrainOptions(precision="bf16").decisive() != TrainOptions().decisive()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "sgd", "momentum": 1.0}, "momentum"),
        ({"optimizer": "nesterov", "momentum": 0.0}, "Nesterov"),
        ({"lr_decay_updates": 0}, "lr_decay_updates"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"loader_threads": 0}, "loader_threads"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainOptions(**options)
