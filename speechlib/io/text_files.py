"""Text of a file in UTF-8, or an error that says where it is none."""

from __future__ import annotations

import os


def read_text(path: str | os.PathLike, encoding: str = "utf-8") -> str:
    """Read a text file; line ends stay as they are.

    Args:
        path: the file.
        encoding: "utf-8", or "utf-8-sig" to drop a byte-order mark.

    Raises:
        ValueError: bytes that are not UTF-8; with file and line. OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        start = error.start + (len(data) - len(error.object))  # of the text behind a byte-order mark
        line = data[:start].count(b"\n") + 1
        raise ValueError(
            f"{os.fspath(path)}:{line}: byte {data[start]:#04x} is not UTF-8; convert the file, e.g. with "
            "'iconv -f latin1 -t utf8'"
        ) from None


def read_lines(path: str | os.PathLike, encoding: str = "utf-8") -> list[str]:
    """The lines of a text file without their ends, of any system; arguments and errors are those of `read_text`."""
    text = read_text(path, encoding).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines
