"""Which samples a segment means: the rules of Kaldi's extract-segments, its single-precision numbers included."""

from __future__ import annotations

import numpy as np


class SegmentError(ValueError):
    """A segment that Kaldi skips; `.reason` is too-short, out-of-range or invalid."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def segment_bounds(
    start: float,
    end: float,
    num_samples: int,
    rate: int,
    min_segment_length: float = 0.1,
    max_overshoot: float = 0.5,
) -> tuple[int, int]:
    """First sample and one past the last sample of a segment.

    The times are double-precision numbers and rounded to the nearest sample. The length of the recording and the two
    limits are single-precision numbers: a segment of exactly 0.1 s is shorter than Kaldi's 0.1f = 0.10000000149 and
    therefore refused, and the end of a recording of hours is known to a few samples only.

    Args:
        start: seconds, not negative.
        end: seconds, or -1 for the end of the recording; up to `max_overshoot` beyond the end is clipped.
        num_samples: samples of the recording.
        rate: samples per second.
        min_segment_length: seconds; shorter segments are refused. 0 refuses only those without a sample.
        max_overshoot: seconds.

    Raises:
        SegmentError: the segment is invalid, out of range or too short.
    """
    if not (start >= 0 and (end == -1 or end > start)) or np.isinf(start) or np.isinf(end):
        raise SegmentError("invalid", f"the times {start} {end} must be 0 <= start < end, or end -1")
    length = np.float32(num_samples) / np.float32(rate)
    if start > float(length):
        raise SegmentError("out-of-range", f"it starts at {start} s, the recording ends at {length:.6g} s")
    if end > float(length + np.float32(max_overshoot)):
        raise SegmentError("out-of-range", f"it ends at {end} s, the recording at {length:.6g} s")
    if end == -1 or end > float(length):
        end = float(length)
    if end - start < float(np.float32(min_segment_length)):
        raise SegmentError("too-short", f"{end - start:.6g} s are less than {np.float32(min_segment_length):.9g} s")
    begin_sample = int(start * rate + 0.5)
    end_sample = min(int(end * rate + 0.5), num_samples)
    if begin_sample >= end_sample:
        raise SegmentError("too-short", f"no sample lies between {start} s and {end} s")
    return begin_sample, end_sample
