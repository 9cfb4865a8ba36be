"""The header of NIST SPHERE files (TIMIT, Switchboard, SRE) with PCM and G.711 samples."""

from __future__ import annotations

from collections.abc import Callable

from speechlib.io.bad_audio import BadAudio
from speechlib.io.pcm import WIDTHS, PcmLayout

_MOST = (1 << 31) - 1  # channels, Hz: what a header of another format could say
_ENCODINGS = {"pcm": "signed", "ulaw": "ulaw", "mu-law": "ulaw", "alaw": "alaw"}


def is_sphere(head: bytes) -> bool:
    """Whether the first bytes say that a SPHERE file follows."""
    return head[:7] == b"NIST_1A"


def parse_sphere(pread: Callable[[int, int], bytes], size: int, source: str) -> PcmLayout:
    """Read the header of a SPHERE file.

    Args:
        pread: (number of bytes, offset) -> bytes, fewer at the end of the file.
        size: bytes of the file.
        source: named in messages.

    Raises:
        BadAudio: unreadable, truncated within the header, or unsupported-codec (compression with shorten).
    """
    mend = "get an intact copy (some web copies were damaged by a change of line ends)"
    try:
        header_bytes = int(pread(16, 0)[8:16])
        if header_bytes < 16:
            raise ValueError
    except ValueError:
        raise BadAudio("unreadable", source, "the SPHERE header does not say its size", mend) from None
    if header_bytes > size:
        raise BadAudio("truncated", source, "the file ends within its SPHERE header", mend)
    text = pread(header_bytes, 0).decode("latin-1")
    fields = {}
    for line in text[16:].split("\n"):
        words = line.split(None, 2)
        if words and words[0] == "end_head":
            break
        if len(words) == 3 and words[1].startswith("-"):
            fields[words[0]] = words[2].strip()
    else:
        raise BadAudio("unreadable", source, "no end_head in the SPHERE header", mend)

    def number(name: str, default: int | None = None) -> int:
        value = fields.get(name, default)
        try:
            if int(value) < 0:
                raise ValueError
            return int(value)
        except (TypeError, ValueError):
            raise BadAudio("unreadable", source, f"{name} in the SPHERE header is {value}", mend) from None

    coding = fields.get("sample_coding", "pcm").lower()
    encoding = _ENCODINGS.get(coding)
    channels = number("channel_count", 1)
    rate = number("sample_rate")
    width = number("sample_n_bytes", 1 if encoding in ("ulaw", "alaw") else 2)
    if encoding is None or width not in WIDTHS[encoding]:
        raise BadAudio(
            "unsupported-codec",
            source,
            f"SPHERE samples coded as {coding!r} in {width} bytes",
            f"decode it by a command in wav.scp: `sph2pipe -f wav {source} |`",
        )
    if not (1 <= channels <= _MOST and 1 <= rate <= _MOST):
        raise BadAudio("unreadable", source, f"the SPHERE header says {channels} channels at {rate} Hz", mend)
    order = ">" if fields.get("sample_byte_format", "").startswith("1") and width > 1 else "<"
    data_bytes = number("sample_count") * channels * width if "sample_count" in fields else None
    return PcmLayout(encoding, width, order, rate, channels, header_bytes, data_bytes)
