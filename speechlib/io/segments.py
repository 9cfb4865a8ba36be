"""Which samples a segment means: the rules of Kaldi's extract-segments."""

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

    Times are multiplied in double precision and cut off to whole samples; the two lengths are single-precision numbers,
    as in Kaldi: 0.1 s at 16 kHz is 1600 samples, and a segment of exactly that many is already too short.

    Args:
        start: seconds, not negative.
        end: seconds, or -1 for the end of the recording; less than `max_overshoot` beyond the end is clipped.
        num_samples: samples of the recording.
        rate: samples per second.
        min_segment_length: seconds; segments that are not longer are refused. 0 refuses empty ones only.
        max_overshoot: seconds.

    Raises:
        SegmentError: the segment is invalid, out of range or too short.
    """
    if not (start >= 0 and (end == -1 or end > start)) or np.isinf(start) or np.isinf(end):
        raise SegmentError("invalid", f"the times {start} {end} must be 0 <= start < end, or end -1")
    begin_sample = int(start * rate)
    end_sample = num_samples if end == -1 else int(end * rate)
    if begin_sample >= num_samples:
        raise SegmentError("out-of-range", f"it starts at {start} s, the recording ends at {num_samples / rate:.6g} s")
    single_rate = np.float32(rate)
    if end_sample > num_samples:
        if end_sample >= num_samples + int(np.float32(max_overshoot) * single_rate):
            raise SegmentError("out-of-range", f"it ends at {end} s, the recording at {num_samples / rate:.6g} s")
        end_sample = num_samples
    if end_sample <= begin_sample + int(np.float32(min_segment_length) * single_rate):
        raise SegmentError(
            "too-short",
            f"{end_sample - begin_sample} samples at {rate} Hz are not more than {min_segment_length:g} s",
        )
    return begin_sample, end_sample
