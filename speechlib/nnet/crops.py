"""Random crops of utterances for the training of speaker models: which utterance, where, how long.

A crop from an utterance that is shorter than it goes on from the utterance's beginning when it comes to its end, as
often as it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np


@dataclass(frozen=True)
class CropOptions:
    """The section `crops` of a configuration."""

    frames: int | tuple[int, int] = 200  # of a crop; of a range, one length for each batch, each as likely
    sampling: Literal["class_balanced", "utterance"] = "class_balanced"  # each speaker, or each utterance, as often
    min_frames: int = 25  # shorter utterances (after the front end) are left out

    def __post_init__(self) -> None:
        least, most = self.range
        if not 1 <= least <= most:
            raise ValueError(f"frames must be a number or a range such as [200, 400], got {self.frames}")
        if self.min_frames < 1:
            raise ValueError(f"min_frames must be at least 1, got {self.min_frames}")

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest number of frames."""
        return (self.frames, self.frames) if isinstance(self.frames, int) else self.frames


class CropSampler:
    """Draws what the crops of a batch are cut from.

    Speakers (class_balanced) or utterances (utterance) come in random order, all of them before any comes again; with
    class_balanced, each of a speaker's utterances is as likely. A crop begins at each place as likely; in an
    utterance shorter than the crop, at any frame. A batch is a function of seed and number alone, so that a training
    that resumes sees the batches it would have seen.

    Args:
        num_frames: (utterances,) length of each utterance.
        labels: (utterances,) speaker of each, from 0 on, none left out.
        options: see CropOptions.
        batch_size: crops of a batch.
        seed: not negative.
        part, num_parts: of each batch of batch_size * num_parts crops, the part-th batch_size are drawn here, so that
            several processes share one sequence of batches.

    Raises:
        ValueError: no utterance, or one without frames.
    """

    def __init__(
        self,
        num_frames: Sequence[int],
        labels: Sequence[int],
        options: CropOptions,
        batch_size: int,
        seed: int,
        part: int = 0,
        num_parts: int = 1,
    ):
        self.num_frames = np.asarray(num_frames, np.int64)
        self.labels = np.asarray(labels, np.int64)
        if self.num_frames.size == 0 or self.num_frames.min() < 1:
            raise ValueError("need at least one utterance, each of at least one frame")
        if self.labels.shape != self.num_frames.shape:
            raise ValueError(f"{len(self.labels)} labels for {len(self.num_frames)} utterances")
        self.options, self.batch_size, self.seed = options, batch_size, seed
        self.part, self.num_parts = part, num_parts
        self._by_speaker = np.argsort(self.labels, kind="stable")
        self._counts = np.bincount(self.labels)
        self._firsts = np.cumsum(self._counts) - self._counts
        self._orders: dict[int, np.ndarray] = {}  # of the rounds last used; made again if lost

    @property
    def batches_per_epoch(self) -> int:
        """Batches with as many crops as there are utterances, rounded up."""
        return -(-len(self.labels) // (self.batch_size * self.num_parts))

    def draw(self, number: int) -> tuple[np.ndarray, np.ndarray, int]:
        """(batch,) utterances, (batch,) first frames, and the length of the crops of batch `number`, from 0 on."""
        total = self.batch_size * self.num_parts
        generator = np.random.default_rng((self.seed, 0, number))
        least, most = self.options.range
        length = int(generator.integers(least, most + 1))
        positions = number * total + np.arange(total)
        within, where = generator.random(total), generator.random(total)
        if self.options.sampling == "utterance":
            utterances = self._in_rounds(positions, len(self.labels))
        else:
            speakers = self._in_rounds(positions, len(self._counts))
            picks = (within * self._counts[speakers]).astype(np.int64)
            utterances = self._by_speaker[self._firsts[speakers] + picks]
        frames = self.num_frames[utterances]
        places = np.where(frames >= length, frames - length + 1, frames)
        starts = (where * places).astype(np.int64)
        rows = slice(self.part * self.batch_size, (self.part + 1) * self.batch_size)
        return utterances[rows], starts[rows], length

    def generator(self, number: int, row: int) -> np.random.Generator:
        """Random numbers for what is done to a crop: row of this part's batch `number`."""
        return np.random.default_rng((self.seed, 1, number, self.part * self.batch_size + row))

    def _in_rounds(self, positions: np.ndarray, size: int) -> np.ndarray:
        rounds, place = np.divmod(positions, size)
        drawn = np.empty(len(positions), np.int64)
        for number in range(int(rounds[0]), int(rounds[-1]) + 1):
            chosen = rounds == number
            drawn[chosen] = self._order(number, size)[place[chosen]]
        return drawn

    def _order(self, number: int, size: int) -> np.ndarray:
        order = self._orders.get(number)
        if order is None:
            order = np.random.default_rng((self.seed, 2, number)).permutation(size)
            self._orders = {**dict(list(self._orders.items())[-3:]), number: order}  # one assignment: threads share it
        return order


class Frames(Protocol):
    """The frames of utterances."""

    dim: int

    def read(self, utterance: int, start: int, out: np.ndarray) -> None:
        """Write the frames from `start` on into out (frames, dim); after the last one comes the first one again."""


class StoredFrames:
    """Frames of utterances in memory, or mapped from a file.

    Args:
        matrices: (frames, dim) float32 by utterance.
    """

    def __init__(self, matrices: Sequence[np.ndarray]):
        self.matrices = matrices
        self.dim = matrices[0].shape[1]

    def read(self, utterance: int, start: int, out: np.ndarray) -> None:
        """See Frames."""
        frames = self.matrices[utterance]
        if start + len(out) <= len(frames):
            out[:] = frames[start : start + len(out)]
        else:
            repeat(frames, start, out)


def repeat(frames: np.ndarray, start: int, out: np.ndarray) -> None:
    """Fill out with the rows of frames from `start` on; after the last one comes the first one again."""
    out[:] = frames.take(np.arange(start, start + len(out)), axis=0, mode="wrap")


class CropBatches:
    """Batches of crops and labels.

    Args:
        frames: of the utterances.
        sampler: draws the crops.
        normalise: what is done to each crop, (frames, dim) to the same.
    """

    def __init__(self, frames: Frames, sampler: CropSampler, normalise=None):
        self.frames, self.sampler, self._normalise = frames, sampler, normalise

    @property
    def batches_per_epoch(self) -> int:
        """As the sampler counts them."""
        return self.sampler.batches_per_epoch

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(batch, frames, dim) float32 crops and (batch,) int64 labels."""
        utterances, starts, length = self.sampler.draw(number)
        crops = np.empty((len(utterances), length, self.frames.dim), np.float32)
        for row, (utterance, start) in enumerate(zip(utterances.tolist(), starts.tolist(), strict=True)):
            self.frames.read(utterance, start, crops[row])
            if self._normalise is not None:
                crops[row] = self._normalise(crops[row])
        return crops, self.sampler.labels[utterances]
