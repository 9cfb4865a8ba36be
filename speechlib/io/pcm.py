"""Uncompressed samples in a file: where they lie, how wide they are, and their values as float32 in int16 range."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np


class PcmLayout(NamedTuple):
    """Where and how samples lie in a file (offsets count from the first byte of the header)."""

    encoding: str  # "signed", "unsigned", "float", "ulaw" or "alaw"
    width: int  # bytes of one sample of one channel
    order: str  # "<" or ">"
    rate: int
    channels: int
    data_offset: int
    data_bytes: int | None  # what the header promises; None: until the end of the file

    @property
    def frame_bytes(self) -> int:
        return self.width * self.channels


WIDTHS = {"signed": (1, 2, 3, 4), "unsigned": (1,), "float": (4, 8), "ulaw": (1,), "alaw": (1,)}


@functools.cache
def _g711_table(encoding: str) -> np.ndarray:
    """The 256 values of G.711 codes on a 16-bit scale (ITU-T G.711)."""
    codes = np.arange(256, dtype=np.int32)
    if encoding == "ulaw":
        codes = ~codes & 0xFF
        magnitude = ((((codes & 0x0F) << 3) + 0x84) << ((codes >> 4) & 7)) - 0x84
        return np.where(codes & 0x80, -magnitude, magnitude).astype(np.float32)
    codes = codes ^ 0x55
    segment = (codes >> 4) & 7
    mantissa = ((codes & 0x0F) << 4) + 8
    magnitude = np.where(segment > 0, (mantissa + 0x100) << np.maximum(segment - 1, 0), mantissa)
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.float32)


def decode(raw: np.ndarray, layout: PcmLayout, channel: int) -> np.ndarray:
    """One channel of interleaved samples as float32 in int16 range.

    Integers of n bits are divided by 2^(n-16) and keep their fraction; floating-point samples, whose full scale is 1,
    are multiplied by 32768. Nothing is clipped.

    Args:
        raw: (samples * frame_bytes,) uint8, contiguous.
        layout: how the bytes are to be read.
        channel: counted from 0.
    """
    width = layout.width
    if layout.channels > 1:
        raw = np.ascontiguousarray(raw.reshape(-1, layout.channels, width)[:, channel, :]).reshape(-1)
    if layout.encoding in ("ulaw", "alaw"):
        return _g711_table(layout.encoding)[raw]
    if layout.encoding == "float":
        with np.errstate(over="ignore", invalid="ignore"):  # the caller looks for NaN and infinity
            return (raw.view(f"{layout.order}f{width}") * 32768.0).astype(np.float32)
    if layout.encoding == "unsigned":
        return (raw.astype(np.float32) - 128.0) * 256.0
    if width == 2:
        return raw.view(f"{layout.order}i2").astype(np.float32)
    if width == 1:
        return raw.view(np.int8).astype(np.float32) * 256.0
    if width == 3:  # put the three bytes on top of a 32-bit integer
        wide = np.zeros((raw.size // 3, 4), np.uint8)
        if layout.order == "<":
            wide[:, 1:] = raw.reshape(-1, 3)
        else:
            wide[:, :3] = raw.reshape(-1, 3)
        raw = wide.reshape(-1)
    return raw.view(f"{layout.order}i4").astype(np.float32) * np.float32(2.0**-16)
