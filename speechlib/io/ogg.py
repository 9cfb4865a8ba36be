"""Ogg files that end within a page (RFC 3533): libsndfile takes them for shorter recordings and says nothing."""

from __future__ import annotations

from collections.abc import Callable

_HEADER_BYTES = 27  # of a page, before the sizes of its parts
_MAX_PAGE_BYTES = _HEADER_BYTES + 255 + 255 * 255
_START = b"OggS\0"


def is_ogg(head: bytes) -> bool:
    """Whether the first bytes say that Ogg pages follow."""
    return head.startswith(_START)


def ends_within_page(pread: Callable[[int, int], bytes], size: int) -> bool:
    """Whether the last page is not complete.

    Args:
        pread: (number of bytes, offset) -> bytes, fewer at the end of the file.
        size: bytes of the file.
    """
    tail = pread(_MAX_PAGE_BYTES, max(0, size - _MAX_PAGE_BYTES))
    start = tail.rfind(_START)
    if start < 0:  # not one beginning of a page in the length of the longest
        return True
    page = tail[start:]
    if len(page) < _HEADER_BYTES:
        return True
    num_parts = page[_HEADER_BYTES - 1]
    return len(page) < _HEADER_BYTES + num_parts + sum(page[_HEADER_BYTES : _HEADER_BYTES + num_parts])
