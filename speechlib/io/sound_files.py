"""Sound files rewritten in their own format: container, coding and channels stay."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import numpy as np

from speechlib.io.atomic import atomic_write


def rewritable(path: str | os.PathLike, rate: int) -> str:
    """Why a file cannot be rewritten at a rate in its own format; nothing if it can."""
    import soundfile

    try:
        info = soundfile.info(os.fspath(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        return f"{path}: {error}"
    try:  # what libsndfile lists as possible it may still refuse for a rate or a number of channels
        _encoded(np.zeros((rate // 100, info.channels), np.float32), rate, info.format, info.subtype, info.endian)
    except (soundfile.LibsndfileError, RuntimeError, ValueError):
        return f"{path}: {info.format} of coding {info.subtype} at {rate} Hz cannot be written"
    return ""


def rewrite_sound(
    path: str | os.PathLike, rate: int, resample: Callable[[np.ndarray, int, int], np.ndarray]
) -> float:
    """Replace a file by itself at another rate, whole or not at all.

    Args:
        path: the file; `rewritable` says whether this can be done.
        rate: Hz.
        resample: `resample(samples, from_rate, to_rate)` of (n, channels) float32 samples.

    Returns:
        The factor that the samples were multiplied by: 1, but for those that would be clipped.
    """
    import soundfile

    info = soundfile.info(os.fspath(path))
    samples, old = soundfile.read(os.fspath(path), dtype="float32", always_2d=True)
    changed = resample(samples, old, rate)
    peak = float(np.abs(changed).max(initial=0.0))
    # Floats hold what is beyond full scale; the step of 16 bits below it is room for all the others' rounding.
    most = np.inf if info.subtype in ("FLOAT", "DOUBLE") else 32767 / 32768
    gain = min(1.0, most / peak) if peak > 0 else 1.0
    changed = changed * np.float32(gain) if gain < 1 else changed
    contents = _encoded(changed, rate, info.format, info.subtype, info.endian)
    mode = os.stat(path).st_mode
    with atomic_write(path) as file:
        file.write(contents)
        os.fchmod(file.fileno(), mode & 0o7777)
    return gain


def _encoded(samples: np.ndarray, rate: int, container: str, coding: str, endian: str) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=coding, endian=endian)
    return buffer.getvalue()
