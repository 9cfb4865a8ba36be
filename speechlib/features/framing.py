"""Frames of a waveform: counts, edges and windows as in Kaldi's feature-window.cc, and their streaming in blocks.

Blocks of frames always start at the same frame numbers of an utterance, whether its samples come at once or piece by
piece. Every block is computed from the same samples by the same calls, so that results are equal bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speechlib.features.options import FrameOptions


@dataclass(frozen=True)
class Framing:
    """Where frames lie in a waveform.

    Args:
        length: samples in a frame.
        shift: samples from one frame to the next.
        first: position of the first sample of frame 0; negative if the first frame reaches over the edge.
        edges: `snip` (only whole frames), `mirror` (Kaldi: ... 1 0 | 0 1 ..., a frame every shift), `reflect`
            (... 2 1 | 0 1 2 ..., centred frames), `constant` (zeros, centred frames).
    """

    length: int
    shift: int
    first: int
    edges: str

    def num_frames(self, samples: int) -> int:
        """Number of frames of a waveform of that many samples (Kaldi NumFrames)."""
        if samples == 0:
            return 0
        if self.edges == "snip":
            return 0 if samples < self.length else 1 + (samples - self.length) // self.shift
        if self.edges == "mirror":
            return (samples + self.shift // 2) // self.shift
        return 1 + samples // self.shift

    def sources(self, start: int, stop: int, samples: int) -> np.ndarray:
        """(stop - start,) positions inside a waveform that positions beyond its edges take their values from."""
        position = np.arange(start, stop)
        # Kaldi reflects until the position is inside: that is periodic.
        if self.edges == "mirror":
            position %= 2 * samples
            return np.minimum(position, 2 * samples - 1 - position)
        if samples == 1:
            return np.zeros_like(position)
        position %= 2 * samples - 2
        return np.minimum(position, 2 * samples - 2 - position)


def kaldi_framing(options: FrameOptions) -> Framing:
    """Frames of Kaldi's features: whole frames from the first sample, or one every shift with mirrored edges."""
    length, shift = options.window_size, options.window_shift
    if options.snip_edges:
        return Framing(length, shift, 0, "snip")
    return Framing(length, shift, shift // 2 - length // 2, "mirror")


def window_function(options: FrameOptions) -> Tensor:
    """(window_size,) float64 window (Kaldi FeatureWindowFunction); `povey` is a Hann window to the power 0.85."""
    size = options.window_size
    angle = torch.arange(size, dtype=torch.float64) * (2 * math.pi / (size - 1))
    if options.window_type == "hanning":
        return 0.5 - 0.5 * angle.cos()
    if options.window_type == "sine":
        return (0.5 * angle).sin()
    if options.window_type == "hamming":
        return 0.54 - 0.46 * angle.cos()
    if options.window_type == "povey":
        return (0.5 - 0.5 * angle.cos()).pow(0.85)
    if options.window_type == "blackman":
        coeff = options.blackman_coeff
        return coeff - 0.5 * angle.cos() + (0.5 - coeff) * (2 * angle).cos()
    return torch.ones(size, dtype=torch.float64)


def frame_blocks(
    pieces: Iterable[Tensor], framing: Framing, block_frames: int
) -> Iterator[tuple[int, int, list[Tensor]]]:
    """Cut a waveform that comes in pieces into blocks of frames.

    Args:
        pieces: (samples,) float32 tensors, one after the other the whole waveform.
        framing: geometry of the frames.
        block_frames: frames in a block; the last block of a waveform holds what is left.

    Yields:
        (first frame, frames, parts): the parts' concatenation is the samples ((frames - 1) * shift + length,) that
        the block's frames cover, with the edges filled in. Holds no more than a piece, a block and a frame in memory.
    """
    length, shift = framing.length, framing.shift
    history = length + shift + abs(framing.first)  # what a reflection at the end can reach back to
    held = torch.empty(0)
    begin = end = frame = 0  # `held` covers the positions begin..end of the waveform

    def beyond(start: int, stop: int) -> list[Tensor]:
        if stop <= start:
            return []
        if framing.edges == "constant":
            return [torch.zeros(stop - start)]
        # Mirrored, position p has the value of -1 - p (left) or 2 end - 1 - p (right); reflected, of -p (left) or
        # 2 end - 2 - p: a slice read backwards, unless the waveform is so short that it is reflected again.
        middle = (0 if start < 0 else 2 * end) + {"mirror": 0, "reflect": 1 if start < 0 else -1}[framing.edges]
        low, high = middle - stop, middle - start
        if begin <= low and high <= end:
            return [held[low - begin : high - begin].flip(0)]
        return [held[torch.from_numpy(framing.sources(start, stop, end) - begin)]]

    def cut(count: int) -> list[Tensor]:
        start = framing.first + frame * shift
        stop = start + (count - 1) * shift + length
        inside = held[max(start, 0) - begin : max(min(stop, end) - begin, 0)]
        return [*beyond(start, min(0, stop)), inside, *beyond(max(end, start), stop)]

    for piece in pieces:
        held = torch.cat([held, piece]) if len(held) else piece
        end += len(piece)
        # Reflections on the left look at samples up to -first, so they must be there too.
        while framing.first + (frame + block_frames - 1) * shift + length <= end and end > -framing.first:
            yield frame, block_frames, cut(block_frames)
            frame += block_frames
        keep = max(begin, min(framing.first + frame * shift, end - history))
        held, begin = held[keep - begin :], keep
    total = framing.num_frames(end)
    while frame < total:
        count = min(block_frames, total - frame)
        yield frame, count, cut(count)
        frame += count
