"""Sums over segmentations and the best one, beside all of them written out."""

import itertools
import math

import pytest
import torch

from speechlib.probing.segmental import best_segmentation, log_partition, log_partition_of_labels


def segmentations(num_frames, max_duration):
    """All ways to cut frames into pieces: lists of (start, end)."""
    if num_frames == 0:
        yield []
        return
    for duration in range(1, min(max_duration, num_frames) + 1):
        for head in segmentations(num_frames - duration, max_duration):
            yield [*head, (num_frames - duration, num_frames)]


def labelled(scores):
    """Score and segments (start, end, label) of every labelled segmentation."""
    num_frames, max_duration, num_labels = scores.shape
    for pieces in segmentations(num_frames, max_duration):
        for labels in itertools.product(range(num_labels), repeat=len(pieces)):
            segments = [(start, end, label) for (start, end), label in zip(pieces, labels, strict=True)]
            yield sum(float(scores[end - 1, end - start - 1, label]) for start, end, label in segments), segments


def draw(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 2), (4, 2, 3), (6, 3, 3), (5, 9, 2), (6, 1, 3)])
def test_all_segmentations_written_out(shape):
    scores = draw(*shape)
    everything = list(labelled(scores))
    expected = torch.logsumexp(torch.tensor([score for score, _ in everything], dtype=torch.float64), 0)
    assert abs(float(log_partition(scores)) - float(expected)) < 1e-12
    best, segments = max(everything)
    assert best_segmentation(scores) == segments
    by_labels = {}
    for score, found in everything:
        by_labels.setdefault(tuple(label for _, _, label in found), []).append(score)
    for labels, values in by_labels.items():
        value = float(log_partition_of_labels(scores, labels))
        assert abs(value - math.log(sum(map(math.exp, values)))) < 1e-12
        assert value <= float(expected) + 1e-12


def test_what_lies_before_the_first_frame_does_not_count():
    scores = draw(4, 3, 2)
    other = scores.clone()
    for frame, duration in ((0, 1), (0, 2), (1, 2)):
        other[frame, duration] = 1e6
    assert torch.equal(log_partition(scores), log_partition(other))
    assert torch.equal(log_partition_of_labels(scores, [0, 1]), log_partition_of_labels(other, [0, 1]))
    assert best_segmentation(scores) == best_segmentation(other)


def test_batches_of_several_lengths():
    scores, lengths = draw(3, 6, 3, 2, seed=1), torch.tensor([6, 2, 5])
    labels = [[0, 1, 1], [1], [1, 0, 1, 0]]
    sums, parts = log_partition(scores, lengths), log_partition_of_labels(scores, labels, lengths)
    for index, length in enumerate(lengths.tolist()):
        alone = scores[index, :length]
        assert abs(float(sums[index] - log_partition(alone))) < 1e-12
        assert abs(float(parts[index] - log_partition_of_labels(alone, labels[index]))) < 1e-12


def test_gradients():
    scores = draw(5, 3, 3, seed=2).requires_grad_()

    def loss(values):
        return log_partition(values) - log_partition_of_labels(values, [2, 0])

    assert torch.autograd.gradcheck(loss, scores)
    log_partition(scores).backward()
    # Posteriors of the segments: those that cover a frame sum to one.
    for frame in range(5):
        covering = [
            scores.grad[end, duration].sum()
            for end in range(frame, 5) for duration in range(3) if end - duration <= frame and duration <= end
        ]  # fmt: skip
        assert abs(float(sum(covering)) - 1) < 1e-12


def test_segments_that_are_ruled_out():
    scores = draw(5, 3, 3, seed=3)
    scores[2], scores[4, 0] = -torch.inf, -torch.inf
    scores[2, 2, 1] = 0.5
    everything = [found for found in labelled(scores) if found[0] > -torch.inf]
    scores.requires_grad_()
    value = log_partition(scores)
    value.backward()
    assert abs(value.item() - math.log(sum(math.exp(score) for score, _ in everything))) < 1e-12
    assert torch.isfinite(scores.grad).all() and not scores.grad[4, 0].any()
    assert best_segmentation(scores) == max(everything)[1]


def test_labels_that_do_not_fit_the_frames():
    scores = draw(4, 2, 2).requires_grad_()
    for labels in ([0] * 5, [1]):  # more than there are frames; more frames than one segment can have
        value = log_partition_of_labels(scores, labels)
        assert value == -torch.inf
        value.backward()
        assert not scores.grad.isnan().any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: log_partition(torch.zeros(3, 2)),
        lambda: log_partition(torch.zeros(0, 2, 2)),
        lambda: log_partition(torch.zeros(2, 3, 2, 2), torch.tensor([4, 1])),
        lambda: log_partition_of_labels(torch.zeros(3, 2, 2), [2]),
        lambda: log_partition_of_labels(torch.zeros(3, 2, 2), []),
        lambda: log_partition_of_labels(torch.zeros(2, 3, 2, 2), [[0]]),
        lambda: best_segmentation(torch.zeros(2, 3, 2, 2)),
        lambda: best_segmentation(torch.full((3, 2, 2), -torch.inf)),
    ],
)
def test_wrong_arguments(call):
    with pytest.raises(ValueError, match="expected|labels|segmentation"):
        call()
