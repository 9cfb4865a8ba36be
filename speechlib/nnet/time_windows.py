"""How the outputs of a stack of convolutions lie over its input frames: counts, contexts, and cuts into chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

Count = TypeVar("Count")  # int, or an integer tensor


class TimeWindow(NamedTuple):
    """A convolution or pooling along time; `padding` on each side."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0

    @property
    def reach(self) -> int:
        """Input frames between the first and the last that an output sees."""
        return (self.kernel - 1) * self.dilation

    def num_outputs(self, length: Count) -> Count:
        """Outputs of that many frames; less than 1 if there are too few."""
        return (length + 2 * self.padding - self.reach - 1) // self.stride + 1


class Chunk(NamedTuple):
    """Input frames first..past of an utterance, and which of their outputs, keep_first..keep_past, to keep."""

    first: int
    past: int
    keep_first: int
    keep_past: int


class TimeGeometry:
    """A stack of windows as one: output k sees the input frames k * stride - left ... k * stride - left + field - 1.

    Args:
        windows: from the input on.

    Attributes:
        stride: input frames from one output to the next.
        left: frames before frame 0 that output 0 sees, filled in by padding.
        field: input frames that an output sees.
        min_frames: the fewest input frames with an output.
    """

    def __init__(self, windows: Sequence[TimeWindow]):
        self.windows = tuple(windows)
        self.stride, self.left, self.field = 1, 0, 1
        for window in self.windows:
            self.left += window.padding * self.stride
            self.field += window.reach * self.stride
            self.stride *= window.stride
        needed = 1
        for window in reversed(self.windows):
            needed = max((needed - 1) * window.stride + 1 + window.reach - 2 * window.padding, 1)
        self.min_frames = needed

    def num_outputs(self, length: Count) -> Count:
        """Outputs of an utterance of that many frames (at least min_frames)."""
        for window in self.windows:
            length = window.num_outputs(length)
        return length

    def centres(self, num_outputs: int) -> np.ndarray:
        """(outputs,) float64: the middle of what each output sees, counted in input frames from 0; may be .5."""
        return np.arange(num_outputs) * self.stride - self.left + (self.field - 1) / 2

    def chunks(self, num_frames: int, chunk_frames: int) -> Iterator[Chunk]:
        """Cut an utterance so that the kept outputs are, one after the other, those of the whole.

        A layer that pads sees its padding only at the utterance's ends: outputs that would see the padding of a cut
        are computed again, in the neighbouring chunk.

        Args:
            num_frames: of the utterance, at least min_frames.
            chunk_frames: the most frames of a chunk; too small a number is raised to what an output needs.
        """
        total = self.num_outputs(num_frames)
        # A chunk begins at a multiple of the stride, `lost` outputs before the first that is kept.
        lost = -(-self.left // self.stride)
        around = lost * self.stride - self.left + self.field  # frames of a chunk that keeps a single output
        per_chunk = max((chunk_frames - around) // self.stride + 1, 1)
        done = 0
        while done < total:
            start = max(done - lost, 0)
            past = min(done + per_chunk, total)
            end = min((past - 1) * self.stride - self.left + self.field, num_frames)
            if past == total:  # frames that the last output does not see, but the padding is behind them
                end = num_frames
            yield Chunk(start * self.stride, end, done - start, past - start)
            done = past
