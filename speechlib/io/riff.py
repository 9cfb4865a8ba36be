"""The header of WAV files: RIFF, RIFX and RF64 with PCM, float and G.711 samples, also as pipes leave it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from speechlib.io.bad_audio import BadAudio
from speechlib.io.pcm import WIDTHS, PcmLayout

_ENCODINGS = {1: "signed", 3: "float", 6: "alaw", 7: "ulaw"}
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # the format tag stands before it, in two bytes


def is_riff(head: bytes) -> bool:
    """Whether the first 12 bytes say that a WAV file follows."""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def _is_unknown(size: int) -> bool:
    """Sizes that writers to a pipe put for want of the true one: sox near 0x7ffff000, others 0xffffffff."""
    return 0x7FFFF000 <= size <= 0x7FFFFFFF or size >= 0xFFFFFF00


def parse_riff(pread: Callable[[int, int], bytes], head: bytes, size: int, source: str) -> PcmLayout | None:
    """Read the chunks up to the samples.

    Args:
        pread: (number of bytes, offset) -> bytes, fewer at the end of the file.
        head: the first bytes of the file, some hundreds.
        size: bytes of the file.
        source: named in messages.

    Returns:
        The layout of the samples, None for a codec that is neither PCM nor float nor G.711.

    Raises:
        BadAudio: unreadable (no fmt or data chunk, senseless values) or truncated within the header.
    """
    order = ">" if head[:4] == b"RIFX" else "<"
    two_words = struct.Struct(order + "4sI")
    riff_size = struct.unpack_from(order + "I", head, 4)[0]
    fmt = b""
    long_data_size = None
    offset = 12
    while True:
        if offset + 8 > len(head):
            chunk = pread(8, offset)
            if len(chunk) < 8:
                what = "fmt" if not fmt else "data"
                raise BadAudio(
                    "truncated", source, f"the WAV file ends before its {what} chunk", "copy or download it again"
                )
            name, chunk_size = two_words.unpack(chunk)
        else:
            name, chunk_size = two_words.unpack_from(head, offset)
        offset += 8
        if name == b"data":
            break
        if name == b"fmt ":
            length = min(chunk_size, 64)
            fmt = head[offset : offset + length] if offset + length <= len(head) else pread(length, offset)
        elif name == b"ds64":
            sizes = pread(16, offset)
            long_data_size = struct.unpack_from(order + "Q", sizes, 8)[0] if len(sizes) == 16 else None
        offset += chunk_size + (chunk_size & 1)

    if len(fmt) < 16:
        raise BadAudio("unreadable", source, "no complete fmt chunk before the samples", "write the WAV file again")
    tag, channels, rate, _, block, bits = struct.unpack_from(order + "HHIIHH", fmt)
    if tag == _EXTENSIBLE and len(fmt) >= 40 and fmt[26:40] == _GUID_TAIL:
        tag = struct.unpack_from(order + "H", fmt, 24)[0]
    if not channels or not rate:
        raise BadAudio(
            "unreadable", source, f"the header says {channels} channels at {rate} Hz", "write the WAV file again"
        )
    encoding = _ENCODINGS.get(tag)
    if encoding is None:
        return None
    width = block // channels if block and block % channels == 0 else -(-bits // 8)
    if encoding == "signed" and width == 1:
        encoding = "unsigned"
    if width not in WIDTHS[encoding]:
        raise BadAudio(
            "unsupported-codec",
            source,
            f"{bits}-bit {encoding} samples of {width} bytes",
            "convert the file to 16-bit PCM",
        )
    data_bytes: int | None = long_data_size if long_data_size is not None else chunk_size
    if long_data_size is None and _is_unknown(chunk_size) and offset + chunk_size > size:
        data_bytes = None
    elif chunk_size == 0 and abs(riff_size + 8 - size) > 1:
        data_bytes = None  # a header that was never completed: 0, 36 or -1 as the size of the whole
    return PcmLayout(encoding, width, order, rate, channels, offset, data_bytes)
