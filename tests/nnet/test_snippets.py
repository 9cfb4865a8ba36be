"""Sampler, batches and cutting of snippets."""

import numpy as np
import pytest
from scipy import stats

from speechlib.nnet.snippets import SnippetBatches, SnippetSampler, bin_statistics, cut_snippets


def test_sentences_are_drawn_uniformly_whatever_their_length():
    lengths = np.array([100, 150, 400, 1000, 101, 5000, 60, 250])
    sampler = SnippetSampler(lengths, 100, 128, seed=3)
    drawn = np.concatenate([sampler.draw(number)[0] for number in range(200)])
    counts = np.bincount(drawn, minlength=len(lengths))
    assert stats.chisquare(counts).pvalue > 0.01
    by_frames = lengths / lengths.sum() * len(drawn)
    assert stats.chisquare(counts, by_frames).pvalue < 1e-6


def test_starts_are_uniform_and_reach_both_ends():
    sampler = SnippetSampler([109], 100, 64, seed=0)
    starts = np.concatenate([sampler.draw(number)[1] for number in range(100)])
    counts = np.bincount(starts, minlength=10)
    assert len(counts) == 10  # 0 to 9
    assert stats.chisquare(counts).pvalue > 0.01


def test_a_batch_depends_on_seed_and_number_alone():
    first, again = (SnippetSampler([300, 200, 500], 100, 16, seed=5) for _ in range(2))
    for number in range(5):
        first.draw(number)
    np.testing.assert_array_equal(first.draw(7), again.draw(7))
    assert not np.array_equal(again.draw(7), again.draw(8))
    assert not np.array_equal(again.draw(7), SnippetSampler([300, 200, 500], 100, 16, seed=6).draw(7))


@pytest.mark.parametrize(("sentences", "batches"), [(1, 1), (128, 1), (129, 2), (590 * 8, 37), (630 * 8, 40), (800, 7)])
def test_epoch_of_the_papers_code(sentences, batches):
    assert SnippetSampler([100] * sentences, 100, 128, seed=0).batches_per_epoch == batches


def test_batches_hold_the_frames_that_were_drawn():
    features = [np.arange(length * 3, dtype=np.float32).reshape(length, 3) + 1000 * k
                for k, length in enumerate((12, 7, 30))]  # fmt: skip
    sampler = SnippetSampler([12, 7, 30], 5, 20, seed=1)
    snippets, labels = SnippetBatches(features, [4, 5, 4], sampler, 5).batch(3)
    sentences, starts = sampler.draw(3)
    assert snippets.shape == (20, 3, 5) and snippets.dtype == np.float32
    for row, (sentence, start) in enumerate(zip(sentences, starts, strict=True)):
        np.testing.assert_array_equal(snippets[row], features[sentence][start : start + 5].T)
        assert labels[row] == [4, 5, 4][sentence]


def test_short_sentences_are_followed_by_zeros():
    features = [np.ones((3, 2), dtype=np.float32)]
    snippets, _ = SnippetBatches(features, [0], SnippetSampler([3], 5, 2, seed=0), 5).batch(0)
    np.testing.assert_array_equal(snippets[0], [[1, 1, 1, 0, 0]] * 2)


@pytest.mark.parametrize("lengths", [[], [10, 0]])
def test_sampler_refuses_nothing(lengths):
    with pytest.raises(ValueError, match="at least one sentence, each of at least one frame"):
        SnippetSampler(lengths, 100, 128, seed=0)


@pytest.mark.parametrize(
    ("samples", "snippets"), [(16000, 1), (31840, 1), (31999, 1), (32000, 2), (15999, 1), (8000, 1), (1, 1), (48000, 3)]
)
def test_seconds_to_snippets(samples, snippets):
    frames = 1 + samples // 160  # centred frames
    cut = cut_snippets(np.random.default_rng(0).normal(size=(frames, 128)), 100)
    assert cut.shape == (snippets, 128, 100) and cut.dtype == np.float32


def test_snippets_are_in_a_row_and_the_rest_is_dropped():
    features = np.arange(250 * 2, dtype=np.float32).reshape(250, 2)
    cut = cut_snippets(features, 100)
    np.testing.assert_array_equal(cut, [features[:100].T, features[100:200].T])


def test_short_spectrogram_is_padded_and_empty_refused():
    np.testing.assert_array_equal(cut_snippets(np.ones((100, 2), dtype=np.float32), 100), np.ones((1, 2, 100)))
    cut = cut_snippets(np.ones((40, 2), dtype=np.float32), 100)
    assert cut[0, :, :40].all() and not cut[0, :, 40:].any()
    with pytest.raises(ValueError, match="without frames"):
        cut_snippets(np.zeros((0, 2)), 100)


def test_bin_statistics():
    rng = np.random.default_rng(0)
    features = [rng.normal(3, 2, size=(length, 4)).astype(np.float32) for length in (10, 50, 7)]
    mean, deviation = bin_statistics(features)
    np.testing.assert_allclose(mean, np.concatenate(features).mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, np.concatenate(features).std(0), rtol=1e-6)
