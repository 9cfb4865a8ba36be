"""Scores of segments beside a brute-force twin, batches, loss, decoding, and that the model learns."""

import numpy as np
import pytest
import torch

from speechlib.probing.segmental import log_partition, log_partition_of_labels
from speechlib.probing.segmental_model import SegmentalModel, SegmentalOptions, SegmentScorer

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def brute_force_score(scorer, hidden, start, end, label):
    """w(label, start, end) of the class's docstring; `end` is the last frame."""
    weights = scorer.weights.weight.unflatten(0, (10, scorer.num_labels))[:, label]
    last, duration = len(hidden) - 1, end - start + 1

    def at(part, frame):
        return weights[part] @ hidden[min(max(frame, 0), last)]

    total = torch.stack([at(0, frame) for frame in range(start, end + 1)]).mean()
    for part, numerator in ((1, 1), (2, 3), (3, 5)):
        total = total + at(part, start + duration * numerator // 6)
    for place in (1, 2, 3):
        total = total + at(3 + place, start - place) + at(6 + place, end + place)
    return total + scorer.length[duration - 1, label] + scorer.label_bias[label] + scorer.bias


def test_scores_of_all_segments():
    scorer = SegmentScorer(5, 3, 7).double()
    for parameter in scorer.parameters():
        torch.nn.init.normal_(parameter)
    lengths = torch.tensor([9, 4, 1])
    hidden = torch.randn(3, 9, 5, dtype=torch.float64)
    scores = scorer(hidden, lengths)
    assert scores.shape == (3, 9, 7, 3)
    for row, length in enumerate(lengths.tolist()):
        for end in range(length):
            for start in range(max(0, end - 6), end + 1):
                for label in range(3):
                    wanted = brute_force_score(scorer, hidden[row, :length], start, end, label)
                    assert abs(float(scores[row, end, end - start, label] - wanted)) < 1e-12


def test_durations_beyond_the_utterance_are_not_computed():
    scorer = SegmentScorer(5, 3, 30)
    assert scorer(torch.randn(1, 4, 5), torch.tensor([4])).shape == (1, 4, 4, 3)


def test_a_batch_gives_each_what_it_gets_alone():
    model = SegmentalModel(4, 3, SegmentalOptions(hidden=6, max_duration=5))
    x, lengths = torch.randn(3, 40, 4), torch.tensor([40, 23, 9])
    labels = [[0, 1, 2, 1], [2, 0], [1]]
    together = model.loss(x, lengths, labels)
    for row, length in enumerate(lengths.tolist()):
        alone = model.loss(x[row : row + 1, :length], torch.tensor([length]), labels[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-4, rtol=0)
        assert model.decode(x[row : row + 1, :length], torch.tensor([length])) == [model.decode(x, lengths)[row]]
    assert (together > 0).all()  # the given labels are but a part of everything


def test_the_loss_is_the_difference_of_the_sums():
    model = SegmentalModel(4, 3, SegmentalOptions(hidden=6, max_duration=5)).double()
    x, lengths = torch.randn(1, 12, 4, dtype=torch.float64), torch.tensor([12])
    scores, reduced = model.scores(x, lengths)
    assert reduced.tolist() == [3] and scores.shape == (1, 3, 3, 3)
    wanted = log_partition(scores[0]) - log_partition_of_labels(scores[0], [2, 1])
    torch.testing.assert_close(model.loss(x, lengths, [[2, 1]])[0], wanted)


def test_gradients_of_the_whole_model():
    model = SegmentalModel(2, 2, SegmentalOptions(hidden=3, max_duration=3)).double()
    x, lengths = torch.randn(2, 12, 2, dtype=torch.float64), torch.tensor([12, 8])
    weight = model.scorer.weights.weight

    def loss(value):
        return torch.func.functional_call(
            model.scorer, {"weights.weight": value}, (model.encoder(x, lengths)[0], torch.tensor([3, 2]))
        ).square().sum()  # fmt: skip

    assert torch.autograd.gradcheck(loss, weight.detach().clone().requires_grad_())
    total = model.loss(x, lengths, [[0, 1], [1]]).sum()
    total.backward()
    for parameter in model.parameters():  # against finite differences, one value of each
        index = tuple(0 for _ in parameter.shape)
        with torch.no_grad():
            parameter[index] += 1e-5
            above = model.loss(x, lengths, [[0, 1], [1]]).sum()
            parameter[index] -= 2e-5
            below = model.loss(x, lengths, [[0, 1], [1]]).sum()
            parameter[index] += 1e-5
        assert abs(float((above - below) / 2e-5 - parameter.grad[index])) < 1e-5


def test_what_fits():
    model = SegmentalModel(2, 3, SegmentalOptions(hidden=3, max_duration=4))
    assert model.fits(8, [0, 1]) and not model.fits(8, [0, 1, 2])  # two reduced frames
    assert model.fits(16, [0]) and not model.fits(17, [0])  # a segment has four at most
    assert not model.fits(8, [])
    assert model.loss(torch.randn(1, 8, 2), torch.tensor([8]), [[0, 1, 2]]).isinf().all()


@pytest.mark.parametrize("name", ["hidden", "num_layers", "max_duration"])
def test_sizes(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        SegmentalOptions(**{name: 0})


def test_it_learns_labels_without_times():
    """Segments of noisy prototypes: after a few updates most of the labels of other utterances are found."""
    from speechlib.metrics.error_rate import error_rate
    from speechlib.probing.training import ProbeTrainingOptions, decode_all, train_probe

    rng = np.random.default_rng(0)
    prototypes = rng.normal(size=(4, 6))

    def utterance():
        labels, frames = [], []
        while len(labels) < 6:
            label = int(rng.integers(4))
            if labels and label == labels[-1]:
                continue
            labels.append(label)
            frames.append(prototypes[label] + 0.3 * rng.normal(size=(int(rng.integers(8, 20)), 6)))
        return np.concatenate(frames).astype(np.float32), labels

    training, test = [utterance() for _ in range(40)], [utterance() for _ in range(10)]
    model = SegmentalModel(6, 4, SegmentalOptions(hidden=12, max_duration=8))
    losses = []
    train_probe(
        model, lambda item: training[item][0], [len(x) for x, _ in training], [labels for _, labels in training],
        ProbeTrainingOptions(epochs=6, batch_size=4, optimizer="adam", learning_rate=0.02), 0, CPU,
        lambda epoch, state: losses.append(epoch.loss),
    )  # fmt: skip
    assert losses[-1] < 0.2 * losses[0]
    found = decode_all(model, ((str(index), x) for index, (x, _) in enumerate(test)), CPU, batch_size=3)
    assert error_rate([(test[int(name)][1], labels) for name, labels in found]) < 0.15
