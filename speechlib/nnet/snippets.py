"""One-second snippets of spectrograms: drawn at random for training, cut in a row for testing (Lukic et al., 2016)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class SnippetSampler:
    """Draws a sentence first, each as likely as any other, then where its snippet starts, each place as likely.

    A batch is a function of seed and number alone, so that a training that resumes sees the batches it would have seen.

    Args:
        num_frames: (sentences,) length of each sentence in frames.
        length: frames of a snippet.
        batch_size: snippets of a batch.
        seed: not negative.

    Raises:
        ValueError: no sentence, or one without frames.
    """

    def __init__(self, num_frames: Sequence[int], length: int, batch_size: int, seed: int):
        lengths = np.asarray(num_frames, dtype=np.int64)
        if lengths.ndim != 1 or lengths.size == 0 or lengths.min() < 1:
            raise ValueError(f"need at least one sentence, each of at least one frame, got lengths {lengths}")
        self.num_starts = np.maximum(lengths - length + 1, 1)
        self.batch_size = batch_size
        self.seed = seed

    @property
    def batches_per_epoch(self) -> int:
        """Batches in what the paper's code calls an epoch: as many snippets as there are sentences, rounded up."""
        return -(-len(self.num_starts) // self.batch_size)

    def draw(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(batch,) sentences and (batch,) first frames of batch `number`, counted from 0."""
        generator = np.random.default_rng((self.seed, number))
        sentences = generator.integers(len(self.num_starts), size=self.batch_size)
        return sentences, generator.integers(self.num_starts[sentences])


class SnippetBatches:
    """Batches of snippets and labels for training.

    Args:
        features: (frames, bins) float matrix by sentence; only the frames of the snippet are touched.
        labels: (sentences,) speaker by sentence.
        sampler: draws sentences and starts.
        length: frames of a snippet.
    """

    def __init__(self, features: Sequence[np.ndarray], labels: Sequence[int], sampler: SnippetSampler, length: int):
        self.features = features
        self.labels = np.asarray(labels, dtype=np.int64)
        self.sampler = sampler
        self.length = length

    @property
    def batches_per_epoch(self) -> int:
        """As the sampler counts them."""
        return self.sampler.batches_per_epoch

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(batch, bins, frames) float32 snippets, short sentences followed by zeros, and (batch,) int64 labels."""
        sentences, starts = self.sampler.draw(number)
        bins = self.features[sentences[0]].shape[1]
        snippets = np.zeros((len(sentences), bins, self.length), dtype=np.float32)
        for row, (sentence, start) in enumerate(zip(sentences, starts, strict=True)):
            frames = self.features[sentence][start : start + self.length]
            snippets[row, :, : len(frames)] = frames.T
        return snippets, self.labels[sentences]


def cut_snippets(features: np.ndarray, length: int) -> np.ndarray:
    """Cut a spectrogram into snippets in a row, without overlap; what remains at the end is dropped.

    The spectrogram's frames are centred: there is one at time 0 and one after each hop, so that (frames - 1) hops fit
    into the waveform. A snippet takes `length` whole hops of it: 1 s gives 101 frames and one snippet of 100, 1.99 s
    gives 200 frames and one snippet still, 2 s give two.

    Args:
        features: (frames, bins).
        length: frames of a snippet.

    Returns:
        (snippets, bins, frames) float32; a spectrogram too short for a snippet gives one, followed by zeros.

    Raises:
        ValueError: there is no frame.
    """
    num_frames, bins = features.shape
    if num_frames == 0:
        raise ValueError("a spectrogram without frames has no snippet")
    whole = (num_frames - 1) // length
    if whole == 0:
        snippet = np.zeros((1, bins, length), dtype=np.float32)
        snippet[0, :, :num_frames] = features[:length].T
        return snippet
    rows = np.asarray(features[: whole * length], dtype=np.float32).reshape(whole, length, bins)
    return np.ascontiguousarray(rows.transpose(0, 2, 1))


def bin_statistics(features: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(bins,) float64 mean and standard deviation over all frames of all sentences."""
    count, total, squares = 0, 0.0, 0.0
    for matrix in features:
        values = np.asarray(matrix, dtype=np.float64)
        count += len(values)
        total = total + values.sum(axis=0)
        squares = squares + np.square(values).sum(axis=0)
    mean = total / count
    return mean, np.sqrt(np.maximum(squares / count - np.square(mean), 0.0))
