"""Crash-safe writing: temporary name in the same folder, fsync, rename (rename(2) is atomic)."""

import contextlib
import io
import json
import os
import stat
from collections.abc import Iterator
from typing import IO, Any


@contextlib.contextmanager
def errors_named(path: str | os.PathLike) -> Iterator[None]:
    """Give errors of the operating system that name no file the name of the one that is written.

    Writing, flushing and closing fail without one, on a full disk first of all.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


class PendingFile:
    """A file that appears under its name only when committed.

    A symbolic link is followed, so that it keeps pointing at its (new) target. What is there and is no regular file
    (/dev/null, a named pipe) is written in place, because a rename would replace the device.

    Args:
        path: final name.
        mode: "wb" or "w" (UTF-8 with "\\n" line ends).

    Raises:
        OSError: the folder does not exist or cannot be written.
        ValueError: a mode that does not write a new file.
    """

    def __init__(self, path: str | os.PathLike, mode: str = "wb"):
        if mode not in ("wb", "w"):
            raise ValueError(f"{path}: mode {mode!r}: expected 'wb' or 'w', a pending file is always written anew")
        self.path = os.fspath(path)
        self._target = os.path.realpath(self.path)
        self._temporary: str | None = None
        name = self._target
        if not _is_special(self._target):
            folder, base = os.path.split(self._target)
            if not os.path.isdir(folder):
                raise FileNotFoundError(f"{self.path}: the folder {folder} does not exist: create it first")
            if os.path.isdir(self._target):
                raise IsADirectoryError(f"{self.path}: is a folder, expected the name of a file to write")
            # The base name is cut: a name of the longest legal length would not fit with a suffix.
            name = self._temporary = os.path.join(folder, f".{base[:200]}.{os.urandom(6).hex()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if self._temporary else 0)
        descriptor = os.open(name, flags, 0o666)  # the umask decides, as for any other new file
        buffered = io.BufferedWriter(_NamedFile(descriptor, self.path), 1 << 20)
        self.file: IO[Any] = buffered if "b" in mode else io.TextIOWrapper(buffered, encoding="utf-8", newline="\n")

    def commit(self) -> None:
        """Flush to disk and give the file its final name."""
        self.file.flush()
        if self._temporary is None:
            self.file.close()
            return
        with errors_named(self.path):  # a network's disk may say only now that it is full
            os.fsync(self.file.fileno())
            self.file.close()
        os.replace(self._temporary, self._target)
        self._temporary = None
        _sync_folder(os.path.dirname(self._target))

    def abandon(self) -> None:
        """Remove what was written; nothing happens after a commit."""
        with contextlib.suppress(OSError):  # a full disk fails again when the buffer is flushed
            self.file.close()
        if self._temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)
            self._temporary = None


class _NamedFile(io.FileIO):
    """A file opened for writing whose errors say what it is called: a full disk is found out while writing."""

    def __init__(self, descriptor: int, path: str):
        super().__init__(descriptor, "wb")
        self._path = path

    def write(self, data: Any) -> int | None:
        with errors_named(self._path):
            return super().write(data)


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file that replaces `path` when the block ends, and vanishes when the block raises.

    Args:
        path: final name; its folder must exist.
        mode: "wb" or "w" (UTF-8).

    Raises:
        OSError: the folder does not exist, or the disk is full.
    """
    pending = PendingFile(path, mode)
    try:
        yield pending.file
        pending.commit()
    except BaseException:
        pending.abandon()
        raise


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 text file crash-safely."""
    with atomic_write(path, "w") as file:
        file.write(text)


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Write a value as indented JSON crash-safely; the keys keep their order.

    Raises:
        ValueError: the value holds NaN or infinity, which JSON does not have.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _sync_folder(folder: str) -> None:
    # Without this the rename itself may be lost in a power cut. Some network file systems refuse it: then they decide.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
