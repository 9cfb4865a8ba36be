"""Kaldi's tables, archives (ark) and scripts (scp): read in order or by key, written crash-safely (util/kaldi-table.h).

Arrays that are read are the caller's own: changing one changes neither the file nor a later read. Big matrices read in
order from an archive on disk are pages of a private mapping instead of a copy: writable, though not aligned.
"""

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from speechlib.io import ark
from speechlib.io.specifiers import (
    Output,
    Rspecifier,
    is_plain_file,
    parse_rspecifier,
    parse_wspecifier,
    read_script,
    split_offset,
    split_part,
)
from speechlib.io.streams import EntryReader, is_whole, open_archive

_SHOWN = 20  # keys in a message


def read_table(rspecifier: str, kind: str = "any") -> Iterator[tuple[str, Any]]:
    """Read a table in its order.

    Args:
        rspecifier: `ark:` or `scp:` with Kaldi's options, then a file, `command |` or `-`.
        kind: "any", "matrix", "vector", "int_vector", "int", "float", "token", "tokens" or "wave" (see ark.decode).

    Yields:
        Key and object. Matrices (frames, dim) and vectors (dim,) are float32 or float64, integer vectors int32,
        waves (rate, int16 samples).

    Raises:
        ValueError: damaged or truncated data; the message names the file, the key and the offset.
        OSError: a file is missing or a command failed.
    """
    specifier = parse_rspecifier(rspecifier)
    _check_kind(kind)
    if specifier.kind == "scp":
        items = _read_script_table(specifier, kind)
    else:
        items = _read_archive(specifier.name, kind, specifier.permissive)
    return _check_order(items, specifier.name) if specifier.sorted else items


class RandomAccessTable(Mapping):
    """A table read by key: `table[key]`, `key in table`, `len(table)`, iteration over the keys in order.

    A script is read at once and its archives are mapped when first used; an archive on disk is indexed in one pass
    over its headers; what comes through a pipe is kept in memory.

    Args:
        rspecifier: as for `read_table`.
        kind: as for `read_table`.

    Raises:
        ValueError: a key given twice, or damaged data.
    """

    def __init__(self, rspecifier: str, kind: str = "any"):
        specifier = parse_rspecifier(rspecifier)
        _check_kind(kind)
        self._kind = kind
        self._permissive = specifier.permissive
        self._reader = EntryReader(kind)
        self._loaded: dict[str, Any] = {}
        if specifier.kind == "scp":
            self._entries = read_script(specifier.name)
        elif is_plain_file(specifier.name):
            self._entries = _index_archive(specifier.name, specifier.permissive)
        else:
            self._entries = {}
            for key, value in _read_archive(specifier.name, kind, specifier.permissive):
                if key in self._loaded:
                    raise ValueError(f"{specifier.name}: key {key!r} is there twice: keys must be unique")
                self._loaded[key] = value
                self._entries[key] = ""
        if specifier.sorted:
            for _ in _check_order(((key, None) for key in self._entries), specifier.name):
                pass

    def __getitem__(self, key: str) -> Any:
        """Return the object of a key, an array of the caller's own.

        Raises:
            KeyError: no such key.
            ValueError: damaged data; the message names the file, the key and the offset.
        """
        entry = self._entries[key]
        if not self._loaded:
            try:
                return self._reader.read(key, entry)
            except ValueError as error:
                raise _with_losses(error, entry, self._entries, self._kind) from error.__cause__
        value = self._loaded[key]
        return value.copy() if isinstance(value, np.ndarray) else value

    def __contains__(self, key: object) -> bool:
        if not self._permissive:
            return key in self._entries
        try:  # Kaldi's permissive mode: what cannot be read is not there
            self[key]
        except (KeyError, ValueError, OSError):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __enter__(self) -> "RandomAccessTable":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the archives; the table can be used again."""
        self._reader = EntryReader(self._kind)


class TableWriter:
    """Writes a table; made by `open_table`. A context manager: an exception inside leaves no file behind."""

    def __init__(self, wspecifier: str, compression: int | bool | None = None):
        self._outputs: list[Output] = []
        self._specifier = specifier = parse_wspecifier(wspecifier)
        self._compression = compression
        self._keys: set[str] = set()
        self._position = 0
        self._targets = read_script(specifier.scp) if specifier.ark is None else None
        self._ark = self._scp = None
        if specifier.ark is not None:
            self._ark = self._open(specifier.ark)
            if specifier.scp is not None:
                self._scp = self._open(specifier.scp)

    def write(self, key: str, value: Any) -> None:
        """Write one object: what `ark.encode` takes.

        Raises:
            ValueError: a bad key, a key written before, or a value that Kaldi's formats do not have.
        """
        try:
            pieces = ark.encode(value, self._specifier.binary, self._compression)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error
        self.write_pieces(key, pieces)

    def write_rows(self, key: str, shape: tuple[int, int], blocks: Iterable[np.ndarray]) -> None:
        """Write a float32 matrix whose rows come block by block, such as one that is too big for the memory.

        Args:
            key: of the matrix.
            shape: (rows, cols) of the whole.
            blocks: (some rows, cols) each; in text and in compressed tables they are put together first.

        Raises:
            ValueError: as for `write`, or the blocks do not make up the shape.
        """
        checked = _check_blocks(key, shape, blocks)
        if not self._specifier.binary or self._compression:
            self.write(key, np.concatenate(list(checked) or [np.empty(shape, np.float32)]))
            return
        values = (memoryview(block).cast("B") for block in checked if block.size)
        header = ark.matrix_header(shape if shape[0] else (0, 0))  # Kaldi has no matrix with columns but no rows
        self.write_pieces(key, chain([header], values))

    def write_pieces(self, key: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Write one object that is encoded already, piece after piece.

        Raises:
            ValueError: a bad key, or a key written before.
        """
        if not key or key.split() != [key]:
            raise ValueError(f"key {key!r}: expected a word without spaces")
        if key in self._keys:
            raise ValueError(f"key {key!r} is written twice: keys must be unique")
        self._keys.add(key)
        if self._targets is not None:
            self._write_own_file(key, pieces)
            return
        head = key.encode() + b" "
        self._ark.file.write(head)
        self._position += len(head)
        if self._scp is not None:
            self._scp.file.write(os.fsencode(f"{key} {self._specifier.ark}:{self._position}\n"))
        for piece in pieces:
            self._ark.file.write(piece)
            self._position += len(piece)
        if self._specifier.flush:
            self._ark.file.flush()

    def close(self) -> None:
        """Flush to disk and give the files their names, the archive before the script that points into it."""
        try:
            while self._outputs:
                self._outputs[0].commit()
                self._outputs.pop(0)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Remove what has been written and is not closed."""
        while self._outputs:
            self._outputs.pop().abandon()

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind, value, traceback) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def __del__(self):
        self.abandon()

    def _open(self, name: str) -> Output:
        try:
            output = Output(name)
        except BaseException:
            self.abandon()
            raise
        self._outputs.append(output)
        return output

    def _write_own_file(self, key: str, pieces: list) -> None:
        name = self._targets.get(key)
        if name is not None:
            _write_single(name, pieces)
        elif not self._specifier.permissive:
            raise ValueError(f"{self._specifier.scp}: no line for key {key!r}: add one, or use scp,p: to drop the key")


def open_table(wspecifier: str, compression: int | bool | None = None) -> TableWriter:
    """Open a table for writing.

    Args:
        wspecifier: `ark:a`, `ark,t:a` (text), `ark,scp:a,s`, `scp:s` (a script that says where each key goes); the
            names are files, `| command` or `-`; f flushes after every object.
        compression: for matrices: None, True (Kaldi's default method), or a method 1..7.

    Returns:
        A writer, to be used in a `with` statement. Its files appear under their names when it closes.

    Raises:
        ValueError: a bad wspecifier. OSError: a file cannot be made.
    """
    return TableWriter(wspecifier, compression)


def read_object(rxfilename: str, kind: str = "any") -> Any:
    """Read one object that has no key: a file, `archive:offset`, `command |` or `-`, each with a range if wanted."""
    _check_kind(kind)
    return EntryReader(kind).read("", rxfilename)


def read_matrix(rxfilename: str) -> np.ndarray:
    """Read one matrix, (rows, cols) float32 or float64; see `read_object`."""
    return read_object(rxfilename, "matrix")


def read_vector(rxfilename: str) -> np.ndarray:
    """Read one float vector, (dim,) float32 or float64; see `read_object`."""
    return read_object(rxfilename, "vector")


def write_object(wxfilename: str, value: Any, binary: bool = True, compression: int | bool | None = None) -> None:
    """Write one object without a key (see `ark.encode`) to a file, `| command` or `-`."""
    _write_single(wxfilename, ark.encode(value, binary, compression))


def write_matrix(
    wxfilename: str, matrix: np.ndarray, binary: bool = True, compression: int | bool | None = None
) -> None:
    """Write one matrix (rows, cols); see `write_object`."""
    if np.ndim(matrix) != 2:
        raise ValueError(f"{wxfilename}: an array of shape {np.shape(matrix)}: expected a matrix")
    write_object(wxfilename, matrix, binary, compression)


def write_vector(wxfilename: str, vector: np.ndarray, binary: bool = True) -> None:
    """Write one vector (dim,); see `write_object`."""
    if np.ndim(vector) != 1:
        raise ValueError(f"{wxfilename}: an array of shape {np.shape(vector)}: expected a vector")
    write_object(wxfilename, vector, binary)


def _write_single(wxfilename: str, pieces: list) -> None:
    output = Output(wxfilename)
    try:
        for piece in pieces:
            output.file.write(piece)
        output.commit()
    except BaseException:
        output.abandon()
        raise


def _check_blocks(key: str, shape: tuple[int, int], blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    num_rows = 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != shape[1] or num_rows + len(block) > shape[0]:
            raise ValueError(f"{key}: rows of shape {block.shape} behind {num_rows} do not fit a matrix of {shape}")
        num_rows += len(block)
        yield np.ascontiguousarray(block, "<f4")
    if num_rows != shape[0]:
        raise ValueError(f"{key}: {num_rows} rows for a matrix of {shape}")


def _check_kind(kind: str) -> None:
    if kind not in ark.KINDS:
        raise ValueError(f"kind {kind!r}: expected one of {', '.join(ark.KINDS)}")


def _check_order(items: Iterator[tuple[str, Any]], name: str) -> Iterator[tuple[str, Any]]:
    previous = None
    for key, value in items:
        if previous is not None and key.encode() <= previous.encode():
            raise ValueError(f"{name}: key {key!r} after {previous!r}: option s wants sorted keys: sort it (LC_ALL=C)")
        previous = key
        yield key, value


def _read_archive(name: str, kind: str, permissive: bool) -> Iterator[tuple[str, Any]]:
    with open_archive(name) as archive:
        yield from archive.records(kind, permissive)


def _read_script_table(specifier: Rspecifier, kind: str) -> Iterator[tuple[str, Any]]:
    read = EntryReader(kind).read
    entries = read_script(specifier.name)
    for key, entry in entries.items():
        try:
            value = read(key, entry)
        except (ValueError, OSError) as error:
            if not specifier.permissive:
                if isinstance(error, ValueError):
                    raise _with_losses(error, entry, entries, kind) from error.__cause__
                raise
            warnings.warn(f"skipped: {error}", stacklevel=2)
            continue
        yield key, value


def _with_losses(error: ValueError, entry: str, entries: Mapping[str, str], kind: str) -> ValueError:
    """The error of an entry; where its archive was cut off, with the keys whose objects went with its end."""
    path = split_offset(split_part(entry)[0])[0]
    if not isinstance(error.__cause__, ark.Truncated) or not os.path.isfile(path):
        return error
    places = ((split_offset(split_part(other)[0]), key) for key, other in entries.items())
    found = sorted((offset, key) for (name, offset), key in places if name == path)
    lost = [key for offset, key in found if not is_whole(path, offset, kind)]
    shown = ", ".join(lost[:_SHOWN]) + (f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else "")
    return ValueError(
        f"{error}; the archive was cut off: of its {len(found)} utterances {len(lost)} are lost ({shown}): "
        "write it again"
    )


def _index_archive(name: str, permissive: bool) -> dict[str, str]:
    entries: dict[str, str] = {}
    path, _ = split_offset(name)
    with open_archive(name) as archive:
        for key, offset in archive.offsets(permissive):
            if key in entries:
                raise ValueError(f"{name}: key {key!r} is there twice (offset {offset}): keys must be unique")
            entries[key] = f"{path}:{offset}"
    return entries
