"""What is wrong with an audio file: one word, one sentence and one mend; and the lists of bad utterances of jobs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from speechlib.io.atomic import atomic_write

_PRINTABLE = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


class BadAudio(ValueError):
    """An audio entry that cannot be used.

    Attributes:
        reason: a short slug to count by: missing, permission, directory, empty, lfs-pointer, appledouble, html, text,
            truncated, nan, wrong-rate, multichannel, wrong-channel, out-of-range, unreadable, unsupported-codec or
            command-failed.
        source: the path or command that was read.
    """

    def __init__(self, reason: str, source: str | os.PathLike, message: str, mend: str) -> None:
        super().__init__(f"{os.fspath(source)}: {message}; {mend}")
        self.reason = reason
        self.source = os.fspath(source)


def diagnose(head: bytes, source: str) -> BadAudio:
    """Say what a file that is no audio seems to be, from its first bytes (some hundreds are enough)."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return BadAudio("empty", source, "the file has no bytes", "fetch or write it again")
    if head.startswith(b"version https://git-lfs"):
        return BadAudio(
            "lfs-pointer", source, "a Git LFS pointer, not the audio itself", "run `git lfs pull` in its repository"
        )
    if b"/annex/objects/" in head[:300]:
        return BadAudio(
            "lfs-pointer", source, "a git-annex pointer, not the audio itself", "run `git annex get` in its repository"
        )
    if head.startswith((b"\x00\x05\x16\x07", b"\x00\x05\x16\x00")):
        return BadAudio(
            "appledouble",
            source,
            "macOS metadata (AppleDouble), not audio",
            "delete the files named ._* or leave them out of wav.scp",
        )
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return BadAudio("html", source, "a web page or XML, not audio", "download the file again")
    if all(byte in _PRINTABLE for byte in head[:512]):
        return BadAudio("text", source, f"text, not audio: {head[:40].decode('ascii')!r}", "correct the path")
    if not any(head):
        return BadAudio("unreadable", source, "the file starts with nothing but zero bytes", "copy the file again")
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf")):
        return BadAudio("unreadable", source, "a compressed archive, not audio", "unpack it first")
    return BadAudio(
        "unreadable",
        source,
        f"no known audio format (first bytes {head[:8].hex(' ')})",
        "convert it to WAV or FLAC; headerless samples can be read through a command in wav.scp: "
        "`sox -t raw -r 16000 -e signed -b 16 FILE -t wav - |`",
    )


def write_bad_list(path: str | os.PathLike, bad: Iterable[tuple[str, str, str]]) -> None:
    """Write (utterance, reason, message) lines separated by tabs, for `speechlib.bin.check_bad`.

    The file is written even when nothing is bad: its absence says that the job did not end.
    """
    lines = ["\t".join(" ".join(str(field).split()) for field in row) + "\n" for row in bad]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write("".join(lines).encode("utf-8", "surrogateescape"))


def read_bad_list(path: str | os.PathLike) -> list[tuple[str, str, str]]:
    """Read what `write_bad_list` wrote.

    Raises:
        ValueError: a line has not three fields; the message names file and line.
    """
    rows = []
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 3:
                raise ValueError(
                    f"{path}:{number}: expected utterance, reason and message separated by tabs, found {len(fields)} "
                    "fields; delete the list and run its job again"
                )
            rows.append((fields[0], fields[1], fields[2]))
    return rows
