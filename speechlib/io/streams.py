"""Archives as a sliding window over a file or a pipe, and the entries of scripts (util/kaldi-table-inl.h).

A file is mapped 16 MiB at a time, so that memory stays bounded however long the archive is; a pipe is read into a
buffer that holds at least the object at hand. Nothing is allocated for a size that only a header claims.
"""

import mmap
import os
import re
import stat
from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from speechlib.io import ark
from speechlib.io.specifiers import MAX_DIGITS, is_plain_file, open_input, split_offset, split_part

_WINDOW = 1 << 24
_CHUNK = 1 << 18
_MAX_MAPS = 64
_GLANCE, _MAX_GLANCE = 1 << 16, 1 << 20  # bytes of an object that is read on its own: at first, and at most
_MAX_TOUCHED = 1 << 29  # bytes read through mappings before their pages are given back
_DIMENSIONS = {"any": (1, 2), "matrix": (2,), "vector": (1,)}  # of the kinds that ark.decode_quickly may read
_SPACE = re.compile(rb"[ \t\r\n]*")
_KEY = re.compile(rb"[^ \t\r\n\0]+")


@contextmanager
def open_archive(name: str) -> Iterator["Archive"]:
    """Open the rxfilename of an archive to read it in order.

    Raises:
        OSError: no such file, or the command failed.
    """
    if is_plain_file(name):
        path, offset = split_offset(name)
        with open(path, "rb", buffering=0) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield Archive(name, _FileWindow(file, offset))
                return
    with open_input(name) as stream:
        yield Archive(name, _StreamWindow(stream))


class Archive:
    """An archive that is read in order; made by `open_archive`."""

    def __init__(self, name: str, window: "_FileWindow | _StreamWindow"):
        self._name = name or "-"
        self._window = window

    def records(self, kind: str, permissive: bool) -> Iterator[tuple[str, Any]]:
        """Yield key and object; a permissive reader takes damage for the end, as Kaldi does.

        Raises:
            ValueError: damaged data; the message has file, key and offset.
        """
        window = self._window
        position = window.start
        dimensions = _DIMENSIONS.get(kind, ())
        views = window.is_private
        while True:
            if 2 in dimensions:
                position = yield from ark.float_matrices(window.buffer, position, views)
            if dimensions:
                position = yield from self._quick_records(position, dimensions)
            record = self._record(position, kind, permissive)
            if record is None:
                return
            key, value, position = record
            yield key, value

    def _quick_records(self, position: int, dimensions: tuple[int, ...]) -> Generator[tuple[str, Any], None, int]:
        buffer, views = self._window.buffer, self._window.is_private
        while True:
            space = buffer.find(b" ", position, position + ark.MAX_KEY)
            found = ark.decode_quickly(buffer, space + 1, views) if space > position else None
            if found is None or found[0].ndim not in dimensions:
                return position
            key = buffer[position:space].decode(errors="replace")
            if not key.isprintable():
                return position
            yield key, found[0]
            position = found[1]

    def offsets(self, permissive: bool) -> Iterator[tuple[str, int]]:
        """Yield key and the offset of its object in the file, reading headers only where the object is binary."""
        position = self._window.start
        while (record := self._record(position, None, permissive)) is not None:
            key, offset, position = record
            yield key, offset

    def _record(self, position: int, kind: str | None, permissive: bool) -> tuple[str, Any, int] | None:
        """Return key, object (offset if the kind is None) and position after it; None at the end."""
        window = self._window
        start, key = position, ""
        while True:
            try:
                key, start = _parse_key(window.buffer, position, window.is_last)
                if not key:
                    return None
                if kind is None:
                    end = ark.skip(window.buffer, start)
                    return key, window.base + start, end
                value, end = ark.decode(window.buffer, start, kind, copy=not window.is_private)
                return key, value, end
            except ValueError as error:
                if isinstance(error, ark.Truncated) and not window.is_last:
                    position = window.slide(position, error.needed)
                    continue
                if permissive:
                    return None
                lost = "; it is lost, and all that followed it: write the archive again"
                said = f"{error}{lost}" if isinstance(error, ark.Truncated) else error
                raise ValueError(_located(self._name, key, window.base + start, said)) from error


class EntryReader:
    """Reads the objects that a script's entries name; keeps some of the last used files mapped.

    Where reads jump between more archives than that, their objects are read one by one: to map an archive anew for
    each would take twice the time.

    Args:
        kind: as for `ark.decode`.
    """

    def __init__(self, kind: str):
        self._kind = kind
        self._dimensions = _DIMENSIONS.get(kind)
        self._maps: OrderedDict[str, Any] = OrderedDict()
        self._path: str | None = None
        self._buffer: Any = b""
        self._glanced: str | None = None  # the archive that was not mapped last
        self._touched = 0

    def read(self, key: str, entry: str) -> Any:
        """Return the object of an entry `file`, `file:offset`, `file:offset[range]` or `command |`.

        Raises:
            ValueError: damaged data; the message has file, key and offset.
            OSError: a file is missing or a command failed.
        """
        path, _, tail = entry.rpartition(":")
        if self._dimensions and tail.isdecimal() and len(tail) <= MAX_DIGITS:
            buffer, offset = self._buffer, int(tail)
            if path != self._path:
                buffer, offset = self._find(path, offset)
            found = ark.decode_quickly(buffer, offset)
            if found is not None and found[0].ndim in self._dimensions:
                self._touched += found[1] - offset
                if self._touched > _MAX_TOUCHED:
                    self._unload()
                return found[0]
        return self._read_any(key, entry)

    def _read_any(self, key: str, entry: str) -> Any:
        name, part = split_part(entry)
        path, offset = name, 0
        if is_plain_file(name):
            path, offset = split_offset(name)
            buffer, start = self._find(path, offset)
        else:
            with open_input(name) as stream:
                buffer, start = stream.read(), 0
        try:
            return ark.decode(buffer, start, self._kind, part)[0]
        except ValueError as error:
            raise ValueError(_located(path, key, offset, error)) from error

    def _unload(self) -> None:
        # Pages once read stay in the kernel's cache, but would count as this process's memory for ever.
        self._touched = 0
        for buffer in self._maps.values():
            if isinstance(buffer, mmap.mmap):
                buffer.madvise(mmap.MADV_DONTNEED)

    def _find(self, path: str, offset: int) -> tuple[Any, int]:
        """A buffer, and where in it the object of a file begins."""
        if path != self._path:
            if len(self._maps) == _MAX_MAPS and path not in self._maps and path != self._glanced:
                self._glanced = path
                found = _read_object(path, offset)
                if found is not None:
                    return found, 0
            self._select(path)
        return self._buffer, offset

    def _select(self, path: str) -> None:
        buffer = self._maps.get(path)
        if buffer is None:
            buffer = self._maps[path] = _map_file(path)
            if len(self._maps) > _MAX_MAPS:  # thousands of archives must not use up the descriptors
                self._maps.popitem(last=False)
        else:
            self._maps.move_to_end(path)
        self._path, self._buffer = path, buffer

    def __reduce__(self):
        return EntryReader, (self._kind,)  # a worker process maps for itself


class _FileWindow:
    """A sliding private mapping: arrays may be views of it and may be written to, the file never changes."""

    is_private = True

    def __init__(self, file: BinaryIO, offset: int):
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self.buffer: Any = b""
        self.base = 0
        self.is_last = offset >= self._size
        self.start = 0 if self.is_last else self.slide(offset, None)

    def slide(self, position: int, needed: int | None) -> int:
        """Map from the object at `position`, up to `needed` or farther than before; return its new position."""
        if needed is None:
            needed = position + 2 * (len(self.buffer) - position)
        first = self.base + position
        self.base = first - first % mmap.ALLOCATIONGRANULARITY
        new = first - self.base
        length = min(max(_WINDOW, new + needed - position), self._size - self.base)
        self.is_last = self.base + length == self._size
        self.buffer = mmap.mmap(
            self._file.fileno(),
            length,
            flags=mmap.MAP_PRIVATE,
            prot=mmap.PROT_READ | mmap.PROT_WRITE,
            offset=self.base,
        )
        self.buffer.madvise(mmap.MADV_SEQUENTIAL)
        return new


class _StreamWindow:
    """What has arrived through a pipe and is not yet used."""

    is_private = False

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.buffer = b""
        self.base = 0
        self.is_last = False
        self.start = 0

    def slide(self, position: int, needed: int | None) -> int:
        """Drop what is before `position` and read up to `needed`, or as much again as there is."""
        kept = self.buffer[position:]
        self.base += position
        wanted = max(_CHUNK, len(kept)) if needed is None else max(_CHUNK, needed - position - len(kept))
        pieces = [kept]
        while wanted > 0:
            piece = self._stream.read1(_CHUNK)
            if not piece:
                self.is_last = True
                break
            pieces.append(piece)
            wanted -= len(piece)
        self.buffer = b"".join(pieces)
        return 0


def _parse_key(buffer, position: int, is_last: bool) -> tuple[str, int]:
    """Return the key and where its object begins; an empty key at the end."""
    start = _SPACE.match(buffer, position).end()
    match = _KEY.match(buffer, start)
    end = match.end() if match else start
    if end == len(buffer):
        if is_last and not match:
            return "", end
        raise ark.Truncated("truncated: ends after a key" if match else "more to come")
    if not match or end - start > ark.MAX_KEY:
        raise ValueError(f"{bytes(buffer[start : start + 20])!r} where a key is due: not an archive, or damaged")
    try:
        key = match[0].decode()
    except UnicodeDecodeError:
        raise ValueError(f"{match[0][:20]!r} where a key is due: not an archive, or damaged") from None
    # A key before a newline has an empty list of tokens: the newline belongs to the object.
    return key, end if buffer[end : end + 1] in (b"\n", b"\r") else end + 1


def _map_file(path: str) -> Any:
    with open(path, "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def is_whole(path: str, offset: int, kind: str) -> bool:
    """Whether an object of a kind is all there, as far as its header says; text is taken for whole."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        head = os.pread(descriptor, _GLANCE, offset)
        if head not in (b"", b"\0") and not head.startswith(b"\0B"):
            return True
        try:
            ark.decode(head, 0, kind)
        except ark.Truncated as error:
            return error.needed is not None and offset + error.needed <= os.fstat(descriptor).st_size
        except ValueError:  # damage of another kind
            return True
    finally:
        os.close(descriptor)
    return True


def _read_object(path: str, offset: int) -> bytes | None:
    """The bytes of a sound binary object that is not large; None for all else."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        data = os.pread(descriptor, _GLANCE, offset)
        if not data.startswith(b"\0B"):  # where text ends, only what is behind it tells
            return None
        try:
            ark.skip(data, 0)
        except ark.Truncated as error:
            if error.needed is None or error.needed > _MAX_GLANCE:
                return None
            data = os.pread(descriptor, error.needed, offset)
    except (OSError, OverflowError, ValueError):  # no file that has offsets, or damage, which the mapping reports
        return None
    finally:
        os.close(descriptor)
    return data


def _located(name: str, key: str, offset: int, error: Exception | str) -> str:
    owner = f"utterance {key!r} at offset {offset}" if key else f"offset {offset}"
    return f"{name}: {owner}: {error}"
