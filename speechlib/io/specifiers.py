"""Kaldi's names for inputs, outputs and tables: rxfilename, wxfilename, rspecifier, wspecifier (util/kaldi-io.h,
util/kaldi-table.h)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from speechlib.io.atomic import PendingFile
from speechlib.io.cli import nearest

if TYPE_CHECKING:
    import subprocess

# What each option means; the flags are options of reading, of writing, or of both.
_READ_OPTIONS = ("t", "b", "o", "no", "s", "ns", "cs", "ncs", "p", "np", "bg")
_WRITE_OPTIONS = ("t", "b", "f", "nf", "p")
_SCRIPT_BLOCK = 1 << 20  # bytes
MAX_DIGITS = 18  # of an offset: more than any file has bytes


@dataclass(frozen=True)
class Rspecifier:
    """A table to read.

    Attributes:
        kind: "ark" or "scp".
        name: rxfilename of the archive or script.
        permissive: skip what is missing or damaged (p).
        sorted: the keys must be in C order (s).
    """

    kind: str
    name: str
    permissive: bool = False
    sorted: bool = False


@dataclass(frozen=True)
class Wspecifier:
    """A table to write.

    Attributes:
        ark: wxfilename of the archive, or None.
        scp: wxfilename of the script, or None; alone, it is read: it says which file each key goes to.
        binary: False for text (t).
        flush: flush after every object (f).
        permissive: with a script alone, drop keys that are not in it (p).
    """

    ark: str | None
    scp: str | None
    binary: bool = True
    flush: bool = False
    permissive: bool = False


def is_specifier(text: str) -> bool:
    """Say whether a command's argument is a table (`ark:...`, `scp,p:...`) rather than a single file."""
    before, colon, _ = text.partition(":")
    return bool(colon) and bool({"ark", "scp"} & {option.strip() for option in before.split(",")})


def parse_rspecifier(text: str) -> Rspecifier:
    """Parse `ark:`, `scp:` and their options.

    The options t, b, o, no, ns, cs, ncs, np and bg are Kaldi's and change nothing here: the format is recognised by
    itself, every table has an index, and the kernel reads ahead.

    Raises:
        ValueError: not an rspecifier, or an unknown option.
    """
    kinds, options, name = _split(text, _READ_OPTIONS, "rspecifier", "ark:feats.ark or scp:feats.scp")
    if len(kinds) != 1:
        raise ValueError(f"rspecifier {text!r}: expected exactly one of ark and scp before the colon")
    permissive = _last(options, "p", "np")
    return Rspecifier(kinds[0], name, permissive=permissive, sorted=_last(options, "s", "ns"))


def parse_wspecifier(text: str) -> Wspecifier:
    """Parse `ark:a`, `ark,t:a`, `ark,scp:a,s` and `scp:s`.

    Raises:
        ValueError: not a wspecifier, or an unknown option.
    """
    kinds, options, name = _split(text, _WRITE_OPTIONS, "wspecifier", "ark:feats.ark or ark,scp:feats.ark,feats.scp")
    ark: str | None = name
    scp: str | None = None
    if kinds == ["ark", "scp"]:
        ark, comma, scp = name.partition(",")
        if not comma or not ark or not scp:
            raise ValueError(f"wspecifier {text!r}: expected two names, ark,scp:feats.ark,feats.scp")
        if not is_plain_file(ark):
            raise ValueError(f"wspecifier {text!r}: a script can only point into an archive that is a file")
    elif kinds == ["scp"]:
        ark, scp = None, name
    elif kinds != ["ark"]:
        raise ValueError(f"wspecifier {text!r}: expected ark, scp or ark,scp (in this order) before the colon")
    return Wspecifier(ark, scp, not _last(options, "t", "b"), _last(options, "f", "nf"), "p" in options)


def is_plain_file(name: str) -> bool:
    """Say whether an rxfilename or wxfilename is a file, not a pipe, stdin or stdout."""
    return name not in ("", "-") and not name.startswith("|") and not name.endswith("|")


def split_offset(name: str) -> tuple[str, int]:
    """Split `foo.ark:123` into path and byte offset (0 if there is none)."""
    path, colon, tail = name.rpartition(":")
    is_offset = colon and path and tail.isascii() and tail.isdigit() and len(tail) <= MAX_DIGITS
    return (path, int(tail)) if is_offset else (name, 0)


def split_part(name: str) -> tuple[str, str | None]:
    """Split `foo.ark:123[0:9]` into the rxfilename and the range (None if there is none)."""
    if name.endswith("]"):
        before, bracket, part = name[:-1].rpartition("[")
        if bracket and before:
            return before.rstrip(), part
    return name, None


@contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """Open an rxfilename: a file (with `:offset`), `command |`, or `-` for standard input.

    Raises:
        OSError: no such file, or the command failed.
        ValueError: a name that Kaldi refuses.
    """
    if name in ("", "-"):
        yield sys.stdin.buffer
    elif name.startswith("|"):
        raise ValueError(f"{name}: an output pipe where an input is due: expected 'command |'")
    elif name.endswith("|"):
        with _input_pipe(name) as stream:
            yield stream
    else:
        path, offset = split_offset(name)
        with open(path, "rb") as file:
            if offset:
                file.seek(offset)
            yield file


class Output:
    """A wxfilename opened for writing: a file (crash-safe), `| command`, or `-` for standard output.

    Attributes:
        file: binary file to write to.
    """

    def __init__(self, name: str):
        self._pending: PendingFile | None = None
        self._process: subprocess.Popen | None = None
        self.name = name
        if name in ("", "-"):
            self.file: BinaryIO = sys.stdout.buffer
        elif name.startswith("|"):
            self._process = _popen(name[1:], stdin=True)
            self.file = self._process.stdin
        elif name.endswith("|"):
            raise ValueError(f"{name}: an input pipe where an output is due: expected '| command'")
        else:
            self._pending = PendingFile(name)
            self.file = self._pending.file

    def commit(self) -> None:
        """Finish: flush, wait for the command, give the file its name."""
        if self._pending is not None:
            self._pending.commit()
        elif self._process is not None:
            self.file.close()
            if status := self._process.wait():
                raise OSError(f"{self.name}: the command failed with status {status}")
        else:
            self.file.flush()

    def abandon(self) -> None:
        """Give up: no file remains, a command is ended."""
        if self._pending is not None:
            self._pending.abandon()
        elif self._process is not None:
            self._process.terminate()
            self._process.wait()
            with suppress(OSError):  # what is still buffered has nowhere to go
                self.file.close()


def _popen(command: str, stdin: bool) -> subprocess.Popen:
    """A command whose standard input, or else output, is a pipe."""
    import subprocess  # every command imports this module, few of them start another

    # As Kaldi's popen: the shell runs what the user's own data directory or command line says.
    return subprocess.Popen(
        command, shell=True, bufsize=1 << 20, **{"stdin" if stdin else "stdout": subprocess.PIPE}
    )


@contextmanager
def _input_pipe(name: str) -> Iterator[BinaryIO]:
    process = _popen(name[:-1], stdin=False)
    finished = False
    try:
        yield process.stdout
        finished = not process.stdout.read(1)
    finally:
        process.stdout.close()  # a reader that stops early ends the command with SIGPIPE, which is no error
        status = process.wait()
    if finished and status:
        raise OSError(f"{name}: the command failed with status {status}")


def read_script(name: str) -> dict[str, str]:
    """Read a script file (scp): key, blanks, rxfilename on each line.

    Args:
        name: rxfilename of the script.

    Returns:
        rxfilename by key, in the order of the file.

    Raises:
        ValueError: an empty line, a missing rxfilename, or a key given twice; the message has the line.
    """
    entries: dict[str, str] = {}
    count = 0
    with open_input(name) as file:
        while data := file.read(_SCRIPT_BLOCK):  # the whole as text and as lines would take more than the result
            if not data.endswith(b"\n"):
                data += file.readline()
            # Only ASCII's blanks are blanks to Kaldi: what has others is cut as bytes.
            text = os.fsdecode(data)
            lines = text.split("\n") if data.isascii() else data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            try:
                if "\0" in text:
                    raise ValueError
                if isinstance(lines[0], str):
                    entries.update([line.rstrip().split(None, 1) for line in lines])
                else:
                    entries.update([map(os.fsdecode, line.rstrip().split(None, 1)) for line in lines])
            except ValueError:
                _report_script(name, lines, list(islice(entries, count)))
            count += len(lines)
            if len(entries) != count:
                _report_script(name, lines, list(islice(entries, count - len(lines))))
    return entries


def _report_script(name: str, lines: list[str] | list[bytes], before: list[str]) -> None:
    """Raise the error of the first bad one of lines that follow those of the keys `before`."""
    seen = {key: number for number, key in enumerate(before, 1)}
    for number, line in enumerate(lines, len(before) + 1):
        fields = [field if isinstance(field, str) else os.fsdecode(field) for field in line.rstrip().split(None, 1)]
        if len(fields) != 2 or "\0" in "".join(fields):
            raise ValueError(f"{name}:{number}: {line[:60]!r}: expected 'key rxfilename', and no empty line")
        if fields[0] in seen:
            raise ValueError(
                f"{name}:{number}: key {fields[0]!r} is already on line {seen[fields[0]]}: keys must be unique"
            )
        seen[fields[0]] = number


def _split(text: str, known: tuple[str, ...], what: str, example: str) -> tuple[list[str], list[str], str]:
    before, colon, name = text.partition(":")
    if not colon:
        raise ValueError(f"{what} {text!r}: expected ark: or scp: before the name, as in {example}")
    if text[-1:].isspace():
        raise ValueError(f"{what} {text!r}: ends in a space: remove it")
    kinds, options = [], []
    for option in (item.strip() for item in before.split(",")):
        if option in ("ark", "scp"):
            kinds.append(option)
        elif option in known:
            options.append(option)
        else:
            close = nearest(option, ["ark", "scp", *known])
            raise ValueError(f"{what} {text!r}: unknown option {option!r}{close}; known: ark, scp, {', '.join(known)}")
    return kinds, options, name


def _last(options: list[str], on: str, off: str) -> bool:
    state = False
    for option in options:
        state = option == on if option in (on, off) else state
    return state
