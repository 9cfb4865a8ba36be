"""Stretches of speech cut into overlapping windows of one length, as Kaldi's diarization recipes do."""

from __future__ import annotations

# What rounding leaves of a stretch is no reason for one more window (seconds).
_TOLERANCE = 1e-4


def uniform_windows(
    start: float, end: float, window: float = 1.5, period: float = 0.75, min_segment: float = 0.5
) -> list[tuple[float, float]]:
    """Windows that cover a stretch of speech.

    They begin every `period` seconds; the last one is moved to the left so that it ends with the stretch, for a window
    of full length says more about its speaker than a remainder would. A stretch no longer than a window stays whole.

    Args:
        start, end: seconds.
        window: length in seconds.
        period: from one start to the next, at most `window`, so that no speech falls between two windows.
        min_segment: stretches shorter than this give nothing.

    Returns:
        (start, end) of each window, in order.

    Raises:
        ValueError: 0 < period <= window and 0 <= min_segment do not hold.
    """
    if not 0 < period <= window:
        raise ValueError(f"a window of {window} s every {period} s: expected 0 < period <= window")
    if min_segment < 0:
        raise ValueError(f"min_segment={min_segment} must not be negative")
    if end - start < min_segment - _TOLERANCE or end <= start:
        return []
    if end - start <= window + _TOLERANCE:
        return [(start, end)]
    windows = []
    begin = start
    while begin + window < end - _TOLERANCE:
        windows.append((begin, begin + window))
        begin = start + len(windows) * period
    return [*windows, (end - window, end)]
