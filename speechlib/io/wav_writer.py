"""16-bit PCM WAV files."""

from __future__ import annotations

import logging
import os
import struct

import numpy as np

from speechlib.io.atomic import atomic_write

_log = logging.getLogger(__name__)


def wav_bytes(samples: np.ndarray, rate: int) -> bytes:
    """A 16-bit PCM WAV file in memory.

    Args:
        samples: (n,) or (n, channels) in int16 range; integers are written as they are, other values rounded to the
            nearest and clipped with a warning.
        rate: samples per second.

    Raises:
        ValueError: no samples, not 1 or 2 dimensions, NaN or infinity, a rate that is not positive, or over 4 GiB.
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or not samples.size:
        raise ValueError(f"expected (n,) or (n, channels) samples, not an array of shape {samples.shape}")
    if int(rate) != rate or rate <= 0:
        raise ValueError(f"the rate must be a positive whole number of Hz, not {rate}")
    if samples.dtype != np.int16:
        if not np.isfinite(samples).all():
            raise ValueError("samples that are NaN or infinite cannot be written")
        rounded = np.rint(samples)
        clipped = np.clip(rounded, -32768, 32767)
        over = int(np.count_nonzero(clipped != rounded))
        if over:
            _log.warning("%d of %d samples were clipped to 16 bits", over, samples.size)
        samples = clipped.astype("<i2")
    data = np.ascontiguousarray(samples, "<i2").tobytes()
    if len(data) + 36 >= 1 << 32:
        raise ValueError(f"{len(data)} bytes of samples do not fit into a WAV file; write it in pieces")
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    layout = struct.pack("<IHHIIHH", 16, 1, channels, int(rate), int(rate) * channels * 2, channels * 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + layout
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


def write_wav(path: str | os.PathLike, samples: np.ndarray, rate: int) -> None:
    """Write a 16-bit PCM WAV file, whole or not at all; arguments and errors as `wav_bytes`."""
    contents = wav_bytes(samples, rate)
    with atomic_write(path) as file:
        file.write(contents)
