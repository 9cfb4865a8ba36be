"""Crops whose features are computed on the fly, so that every crop can be augmented in its own way.

Without augmentation a crop equals the one that is cut from stored features behind the same front end: the voicing
decisions are those of the clean audio, and as much audio is read around the crop as its frames, their derivatives and
a sliding mean look at. Kaldi's dither excepted, which is drawn anew for each crop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.nnet.crops import CropSampler, repeat


@dataclass(frozen=True)
class Geometry:
    """What the features of a frame depend on.

    Attributes:
        shift: samples from one frame to the next.
        margin: frames on each side that share samples with a frame.
        context: frames on each side that the front end looks at for a frame; None: all of the utterance.
    """

    shift: int
    margin: int
    context: int | None


@dataclass(frozen=True)
class Augmentation:
    """What is done to the samples of a crop; all that is random comes from the generator.

    Attributes:
        change: from samples, generator and utterance to as many samples.
        draw_speed: from a generator to a factor, 1 for the speed as it is.
        change_speed: from samples and factor to the samples played so many times as fast.
    """

    change: Callable[[np.ndarray, np.random.Generator, int], np.ndarray]
    draw_speed: Callable[[np.random.Generator], float] = lambda rng: 1.0
    change_speed: Callable[[np.ndarray, float], np.ndarray] = lambda samples, factor: samples


class WaveformCrops:
    """Batches of crops from waveforms, and labels.

    Args:
        read: samples (n,) float32 of an utterance: read(utterance, first, past).
        num_samples: (utterances,) lengths.
        voiced: (utterances,) int arrays of the frames that the model gets.
        num_frames: (utterances,) frames of each, the unvoiced ones included.
        sampler: draws the crops, by the numbers of voiced frames.
        geometry: of the features and the front end.
        make_features: called once in each thread; returns the function from samples (n,) and a key for random numbers
            to features (frames, dim).
        frontend: from features and decisions (frames,) to the (voiced frames, dim) that the model gets.
        normalise: what is done to each crop at the end, (frames, dim) to the same.
        augmentation: None leaves the samples as they are.
    """

    def __init__(
        self,
        read: Callable[[int, int, int], np.ndarray],
        num_samples: Sequence[int],
        voiced: Sequence[np.ndarray],
        num_frames: Sequence[int],
        sampler: CropSampler,
        geometry: Geometry,
        make_features: Callable[[], Callable[[np.ndarray, str], np.ndarray]],
        frontend: Callable[[np.ndarray, np.ndarray], np.ndarray],
        normalise: Callable[[np.ndarray], np.ndarray],
        augmentation: Augmentation | None = None,
    ):
        self._read, self._num_samples = read, num_samples
        self._voiced, self._num_frames = voiced, num_frames
        self.sampler, self._geometry = sampler, geometry
        self._make_features, self._frontend, self._normalise = make_features, frontend, normalise
        self._augmentation = augmentation
        self._local = threading.local()

    @property
    def batches_per_epoch(self) -> int:
        """As the sampler counts them."""
        return self.sampler.batches_per_epoch

    def batch(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(batch, frames, dim) float32 crops and (batch,) int64 labels."""
        utterances, starts, length = self.sampler.draw(number)
        crops = []
        for row, (utterance, start) in enumerate(zip(utterances.tolist(), starts.tolist(), strict=True)):
            rng = self.sampler.generator(number, row)
            crops.append(self.crop(utterance, start, length, rng, f"{number} {row}"))
        return np.stack(crops), self.sampler.labels[utterances]

    def crop(self, utterance: int, start: int, length: int, rng: np.random.Generator, key: str) -> np.ndarray:
        """(length, dim) float32: the crop that begins at voiced frame `start`; from the last one it goes on at the
        first."""
        if not hasattr(self._local, "features"):
            self._local.features = self._make_features()
        voiced = self._voiced[utterance]
        chosen = voiced[start : start + length] if start + length <= len(voiced) else voiced
        begin = int(chosen[0])
        first, past = self._span(begin, int(chosen[-1]) + 1, self._num_frames[utterance])
        margin = self._geometry.margin
        cut = max(0, first - margin)
        # Frames at the edges of what is read see mirrored samples: margins keep them away from those that count.
        samples, speed = self._samples(utterance, cut, past + 2 * margin, begin, rng)
        samples = np.require(samples, requirements="W")  # torch warns of arrays that it could not change
        features = self._local.features(samples, key)[first - cut : past - cut]
        numbers = np.arange(first, first + len(features))
        if speed != 1:
            numbers = begin + np.floor((numbers - begin) * speed).astype(np.int64)
        decisions = _is_in(numbers, voiced)
        skipped = int(decisions[: begin - first].sum())
        frames = self._frontend(features, decisions)[skipped : skipped + len(chosen)]
        if len(frames) < length:
            whole = np.empty((length, frames.shape[1]), np.float32)
            repeat(frames, start if len(chosen) < length else 0, whole)
            frames = whole
        return self._normalise(frames)

    def _samples(
        self, utterance: int, first: int, past: int, anchor: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, float]:
        """Samples from which frames first..past-1 are computed, augmented, and the speed at which they are played.

        At another speed frame `anchor` still begins where it did, and what is around it is played faster or slower.
        """
        begin, end, fixed = (frame * self._geometry.shift for frame in (first, past, anchor))
        total, augmentation = self._num_samples[utterance], self._augmentation
        if augmentation is None:
            return self._read(utterance, begin, min(end, total)), 1.0
        speed = augmentation.draw_speed(rng)
        if speed == 1:
            samples = self._read(utterance, begin, min(end, total))
        else:
            begin, end = (fixed + round((place - fixed) * speed) for place in (begin, end))
            samples = self._read(utterance, max(begin, 0), min(end, total))
            if begin < 0:
                samples = np.pad(samples, (-begin, 0), mode="symmetric")
            samples = augmentation.change_speed(samples, speed)
        return augmentation.change(samples, rng, utterance), speed

    def _span(self, first: int, past: int, total: int) -> tuple[int, int]:
        """Frames that are needed for the frames first..past-1 of a whole of `total`."""
        context = self._geometry.context
        if context is None:
            return 0, total
        # At an edge a sliding window goes on to the other side (Kaldi's sliding-window-cmn), so that all of a window
        # is needed wherever it lies.
        begin, end = max(0, first - context), min(total, past + context)
        return max(0, min(begin, end - 2 * context)), min(total, max(end, begin + 2 * context))


def _is_in(numbers: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """(n,) float32: 1 for the numbers that are among the ordered ones, else 0."""
    places = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    return (ordered[places] == numbers).astype(np.float32)
