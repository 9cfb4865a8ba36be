"""The training loop: Nesterov's step, resume bit for bit, learning, logs."""

import io

import numpy as np
import pytest
import torch

from speechlib.nnet.models.lukic_cnn import LukicCNN, LukicOptions
from speechlib.nnet.snippets import SnippetBatches, SnippetSampler
from speechlib.nnet.training import TrainOptions, make_optimizer, train

CPU = torch.device("cpu")
SMALL = LukicOptions(bins=12, frames=10, channels=(3, 4), filter=(3, 3), pool=(2, 2), pool_stride=(2, 2), hidden=(4, 2))


def batches(seed=0, batch_size=8) -> SnippetBatches:
    """Three speakers, told apart by the bins in which they are loud."""
    rng = np.random.default_rng(0)
    features, labels = [], []
    for index in range(12):
        matrix = rng.normal(size=(rng.integers(8, 40), 12)).astype(np.float32)
        matrix[:, 4 * (index % 3) : 4 * (index % 3) + 4] += 2
        features.append(matrix)
        labels.append(index % 3)
    sampler = SnippetSampler([len(matrix) for matrix in features], 10, batch_size, seed)
    return SnippetBatches(features, labels, sampler, 10)


def network(seed=1, **options) -> LukicCNN:
    torch.manual_seed(seed)
    return LukicCNN(LukicOptions(**{**SMALL.__dict__, **options}), 3)


def weights(model) -> list[torch.Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def assert_same(first, second):
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_nesterov_step_is_lasagnes():
    rng = np.random.default_rng(0)
    parameter = torch.nn.Parameter(torch.from_numpy(rng.normal(size=50)))
    module = torch.nn.ParameterList([parameter])
    optimizer = make_optimizer(module, TrainOptions(learning_rate=0.03, momentum=0.9))
    target = torch.from_numpy(rng.normal(size=50))
    reference, velocity = parameter.detach().numpy().copy(), np.zeros(50)
    for _ in range(25):
        optimizer.zero_grad()
        (0.5 * ((parameter - target) ** 2).sum() + parameter.sin().sum()).backward()
        optimizer.step()
        gradient = reference - target.numpy() + np.cos(reference)
        # Lasagne: sgd updates, then apply_nesterov_momentum: v = m v + (p' - p); p = m v + p'.
        stepped = reference - 0.03 * gradient
        velocity = 0.9 * velocity + stepped - reference
        reference = 0.9 * velocity + stepped
        np.testing.assert_allclose(parameter.detach().numpy(), reference, atol=1e-7, rtol=0)


def test_it_learns_and_reports():
    model, lines = network(), []
    options = TrainOptions(batch_size=8, num_updates=120, learning_rate=0.05, log_every=50)
    train(model, batches(), options, CPU, on_progress=lines.append)
    assert [line.update for line in lines] == [50, 100, 120]
    assert lines[-1].epoch == 60 and lines[-1].accuracy > 0.9 and lines[-1].loss < 0.4
    assert 0 <= lines[0].waiting <= 1 and lines[0].samples_per_second > 0
    assert len(str(lines[0]).split("\t")) == len(lines[0].HEADER.split("\t"))
    assert not model.training


@pytest.mark.parametrize("options", [{}, {"batch_norm": True}])
@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_resumed_training_ends_with_the_same_weights(options, schedule):
    train_options = TrainOptions(
        batch_size=8, num_updates=9, learning_rate=0.05, lr_schedule=schedule, checkpoint_seconds=0
    )
    whole, states = network(**options), []

    def keep(state):  # through a file, as a resume would read it
        buffer = io.BytesIO()
        torch.save(state, buffer)
        states.append(buffer)

    train(whole, batches(), train_options, CPU, on_checkpoint=keep)
    assert len(states) == 8  # none after the last update
    for buffer in (states[0], states[5]):
        buffer.seek(0)
        resumed = network(seed=99, **options)
        torch.manual_seed(1234)
        train(resumed, batches(), train_options, CPU, resume=torch.load(buffer, weights_only=True))
        assert_same(weights(whole), weights(resumed))


def test_same_seed_same_weights_other_seed_others():
    options = TrainOptions(batch_size=8, num_updates=4, learning_rate=0.05)
    trained = []
    for seed in (1, 1, 2):
        model = network(seed)
        train(model, batches(seed), options, CPU)
        trained.append(weights(model))
    assert_same(trained[0], trained[1])
    assert not torch.equal(trained[0][0], trained[2][0])


def test_epochs_are_counted_in_sentences():
    assert TrainOptions().total_updates(37) == 37_000
    assert TrainOptions(num_epochs=3).total_updates(batches().sampler.batches_per_epoch) == 6
    assert TrainOptions(num_updates=5).total_updates(37) == 5


def test_linear_schedule_falls_to_nothing():
    options = TrainOptions(learning_rate=0.1, lr_schedule="linear")
    assert [options.rate(update, 4) for update in range(4)] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert TrainOptions().rate(39_999, 40_000) == 0.001


def test_bf16_is_near_fp32_and_keeps_float32_weights():
    results = []
    for precision in ("fp32", "bf16"):
        model = network(dropout=0.0)
        train(model, batches(), TrainOptions(batch_size=8, num_updates=3, learning_rate=0.01, precision=precision), CPU)
        assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
        results.append(weights(model))
    assert not torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0], results[1], atol=0.02, rtol=0)


def test_a_diverged_training_says_so():
    options = TrainOptions(batch_size=8, num_updates=20, learning_rate=1e38, log_every=10)
    with pytest.raises(ValueError, match="lower the learning rate"):
        train(network(), batches(), options, CPU)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"batch_size": 0}, "batch_size"), ({"momentum": 0.0}, "momentum"), ({"num_updates": -1}, "num_updates")],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainOptions(**options)
