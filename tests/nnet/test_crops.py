"""Random crops: who is drawn, from where, how long; parts of a batch; short utterances."""

import numpy as np
import pytest
from scipy import stats

from speechlib.nnet.crops import CropBatches, CropOptions, CropSampler, StoredFrames

LABELS = [0] * 2 + [1] * 9 + [2] * 5
LENGTHS = [50, 400, 120, 80, 90, 60, 300, 210, 205, 100, 333, 60, 70, 500, 1000, 64]


def sampler(options=None, batch_size=16, seed=3, lengths=LENGTHS, labels=LABELS, **part) -> CropSampler:
    return CropSampler(lengths, labels, options or CropOptions(60), batch_size, seed, **part)


def test_class_balanced_speakers_come_equally_often_and_their_utterances_are_as_likely():
    drawn = np.concatenate([sampler().draw(number)[0] for number in range(300)])
    speakers = np.bincount(np.asarray(LABELS)[drawn])
    assert speakers.max() - speakers.min() <= 1
    for speaker in range(3):
        counts = [np.sum(drawn == utterance) for utterance, label in enumerate(LABELS) if label == speaker]
        assert stats.chisquare(counts).pvalue > 0.01


def test_utterance_sampling_takes_all_before_any_comes_again():
    balanced = sampler(CropOptions(60, "utterance"), batch_size=5)
    drawn = np.concatenate([balanced.draw(number)[0] for number in range(32)])
    for first in range(0, 160, 16):
        assert sorted(drawn[first : first + 16]) == list(range(16))
    assert list(drawn[:16]) != list(drawn[16:32])


def test_starts_are_uniform_and_reach_both_ends():
    starts = np.concatenate([sampler(lengths=[69], labels=[0]).draw(number)[1] for number in range(200)])
    counts = np.bincount(starts, minlength=10)
    assert len(counts) == 10 and stats.chisquare(counts).pvalue > 0.01


def test_lengths_are_of_the_range_and_one_for_a_batch():
    lengths = [sampler(CropOptions((50, 52))).draw(number)[2] for number in range(300)]
    assert set(lengths) == {50, 51, 52} and stats.chisquare(np.bincount(lengths)[50:]).pvalue > 0.01


def test_a_batch_depends_on_seed_and_number_alone():
    first, again, other = sampler(), sampler(), sampler(seed=4)
    for number in range(20):
        first.draw(number)
    for a, b in zip(first.draw(7), again.draw(7), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(again.draw(7)[1], other.draw(7)[1])
    assert not np.array_equal(again.draw(7)[1], again.draw(8)[1])
    assert first.generator(3, 1).random() == again.generator(3, 1).random() != again.generator(3, 2).random()


@pytest.mark.parametrize("sampling", ["class_balanced", "utterance"])
def test_parts_make_up_the_batch_of_one(sampling):
    options = CropOptions((60, 70), sampling)
    whole = sampler(options, batch_size=8)
    parts = [sampler(options, batch_size=4, part=part, num_parts=2) for part in range(2)]
    assert whole.batches_per_epoch == parts[0].batches_per_epoch == 2
    for number in range(5):
        drawn = [part.draw(number) for part in parts]
        for k in range(2):
            np.testing.assert_array_equal(np.concatenate([one[k] for one in drawn]), whole.draw(number)[k])
        assert drawn[0][2] == drawn[1][2] == whole.draw(number)[2]
    assert parts[1].generator(2, 3).random() == whole.generator(2, 7).random()


def test_batches_hold_the_frames_that_were_drawn_and_short_utterances_go_round():
    matrices = [np.arange(length * 2, dtype=np.float32).reshape(length, 2) + 10_000 * k
                for k, length in enumerate((9, 30, 4))]  # fmt: skip
    crops = sampler(CropOptions(10), lengths=[9, 30, 4], labels=[0, 1, 0], batch_size=40)
    batch, labels = CropBatches(StoredFrames(matrices), crops).batch(5)
    utterances, starts, _ = crops.draw(5)
    assert batch.shape == (40, 10, 2) and batch.dtype == np.float32 and labels.dtype == np.int64
    assert {0, 1, 2} == set(utterances) and {0, 1, 2, 3} == set(starts[utterances == 2])
    for row, (utterance, start) in enumerate(zip(utterances, starts, strict=True)):
        frames = (start + np.arange(10)) % len(matrices[utterance])
        np.testing.assert_array_equal(batch[row], matrices[utterance][frames])
        assert labels[row] == [0, 1, 0][utterance]


def test_crops_are_normalised_one_by_one():
    matrices = [np.random.default_rng(0).normal(3, 1, size=(50, 2)).astype(np.float32)]
    crops = sampler(CropOptions(10), lengths=[50], labels=[0])
    batch, _ = CropBatches(StoredFrames(matrices), crops, lambda crop: crop - crop.mean(axis=0)).batch(0)
    np.testing.assert_allclose(batch.mean(axis=1), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"frames": 0}, "frames"), ({"frames": (30, 20)}, "range such as"), ({"min_frames": 0}, "min_frames")],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CropOptions(**options)


def test_sampler_refuses_nothing():
    for lengths, labels in (([], []), ([10, 0], [0, 1])):
        with pytest.raises(ValueError, match="at least one utterance, each of at least one frame"):
            sampler(lengths=lengths, labels=labels)
    with pytest.raises(ValueError, match="1 labels for 2 utterances"):
        sampler(lengths=[10, 10], labels=[0])
