"""A whole table of float vectors (embeddings) as one matrix."""

import mmap
import os
import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speechlib.io.ark import MAX_KEY
from speechlib.io.specifiers import is_plain_file, parse_rspecifier, read_script, split_offset
from speechlib.io.tables import read_table

_HEADER = 10  # bytes of "\0BFV " and of the dimension with its size
_RUN = 1 << 12  # vectors that are found at once
_QUICK_VECTOR = struct.Struct("<6si").unpack_from


@dataclass(frozen=True)
class VectorTable:
    """Vectors by key.

    Attributes:
        keys: in the order of the table.
        values: (keys, dim) float32, float64 if a vector was.
        source: the rspecifier, for messages.
    """

    keys: list[str]
    values: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return self.values.shape[1]

    def rows(self) -> dict[str, int]:
        """Row by key; made once, not to be changed."""
        return self._rows

    @cached_property
    def _rows(self) -> dict[str, int]:
        return dict(zip(self.keys, range(len(self.keys)), strict=True))


def read_vectors(rspecifier: str) -> VectorTable:
    """Read a table of vectors.

    Args:
        rspecifier: `ark:` or `scp:` with Kaldi's options, then a file, `command |` or `-`.

    Returns:
        Its vectors, all of one dimension and finite.

    Raises:
        ValueError: no vector, another dimension than the first, a value that is NaN or infinite, a key that comes
            twice, or damaged data; names the key. OSError: a file is missing or a command failed.
    """
    found = _read_quickly(rspecifier) or _read_one_by_one(rspecifier)
    table = VectorTable(*found, rspecifier)
    if len(table.rows()) < len(table):
        seen: set[str] = set()
        twice = next(key for key in table.keys if key in seen or seen.add(key))
        raise ValueError(f"{rspecifier}: key {twice!r} is there twice: keys must be unique")
    for start in range(0, len(table), 1 << 12):
        values = table.values[start : start + (1 << 12)]
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(values.sum()):  # NaN and infinity stay in a sum, which is found in half the time
                continue
        finite = np.isfinite(values)
        if not finite.all():
            bad = int(np.argmin(finite.all(axis=1)))
            raise ValueError(
                f"{rspecifier}: the vector of {table.keys[start + bad]!r} holds NaN or infinity: "
                f"leave it out, or look at what made it"
            )
    return table


def _read_one_by_one(rspecifier: str) -> tuple[list[str], np.ndarray]:
    keys, vectors = [], []
    for key, vector in read_table(rspecifier, "vector"):
        if vectors and len(vector) != len(vectors[0]):
            raise ValueError(
                f"{rspecifier}: the vector of {key!r} has dimension {len(vector)}, that of {keys[0]!r} "
                f"{len(vectors[0])}: all must have the same"
            )
        keys.append(key)
        vectors.append(vector)
    if not vectors or not len(vectors[0]):
        raise ValueError(f"{rspecifier}: {'empty vectors' if vectors else 'no vector'}: expected some embeddings")
    return keys, np.array(vectors)


def _read_quickly(rspecifier: str) -> tuple[list[str], np.ndarray] | None:
    """Keys and vectors of a sound table of single precision on disk; None for all else, which has slower readers."""
    specifier = parse_rspecifier(rspecifier)
    if specifier.sorted or specifier.permissive or not is_plain_file(specifier.name):
        return None
    if specifier.kind == "scp":
        return _gather_script(read_script(specifier.name))
    path, offset = split_offset(specifier.name)
    buffer = _map(path) if not offset else None
    if buffer is None:
        return None
    keys, offsets = _walk(buffer)
    values = _gather(buffer, np.array(offsets)) if offsets else None
    return None if values is None else (keys, values)


def _gather_script(entries: dict[str, str]) -> tuple[list[str], np.ndarray] | None:
    places = [entry.rpartition(":") for entry in entries.values()]
    paths = sorted({path for path, _, _ in places})
    try:
        offsets = np.array([int(tail) for _, _, tail in places])
    except ValueError:
        return None
    if not len(offsets) or len(paths) > len(offsets) // 16 + 1:
        return None
    owner = np.array([path for path, _, _ in places]) if len(paths) > 1 else None
    values: np.ndarray | None = None
    for path in paths:
        buffer = _map(path) if is_plain_file(path) else None
        rows = slice(None) if owner is None else np.flatnonzero(owner == path)
        part = None if buffer is None else _gather(buffer, offsets[rows])
        if part is None or (values is not None and part.shape[1] != values.shape[1]):
            return None
        if values is None:
            values = np.empty((len(offsets), part.shape[1]), np.float32)
        values[rows] = part
    return list(entries), values


def _map(path: str) -> mmap.mmap | None:
    if not os.path.isfile(path) or not os.path.getsize(path):
        return None
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _walk(buffer: mmap.mmap) -> tuple[list[str], list[int]]:
    """Keys and where their vectors' headers begin; nothing if there is anything but float vectors of one dimension."""
    keys, offsets, position, end, find = [], [], 0, len(buffer), buffer.find
    first = 0
    while position < end:
        if len(keys) % _RUN == 2:  # the keys may be of one length: then no loop is needed
            run_keys, run_offsets = _run(buffer, offsets[-2], offsets[-1] - offsets[-2], len(keys[-1]))
            if run_keys:
                keys += run_keys
                offsets += run_offsets
                position = offsets[-1] + _HEADER + 4 * first
                continue
        space = find(b" ", position, position + MAX_KEY)
        if space <= position or space + 1 + _HEADER > end:
            return [], []
        magic, dim = _QUICK_VECTOR(buffer, space + 1)
        first = first or dim
        if magic != b"\0BFV \4" or dim != first:
            return [], []
        key = buffer[position:space].decode(errors="replace")
        if not key.isprintable():
            return [], []
        keys.append(key)
        offsets.append(space + 1)
        position = space + 1 + _HEADER + 4 * dim
    return keys, offsets


def _run(buffer: mmap.mmap, last: int, stride: int, width: int) -> tuple[list[str], list[int]]:
    """Keys and offsets of the vectors behind the one after `last` that stand `stride` apart, with keys of one width."""
    data = np.frombuffer(buffer, np.uint8)
    begin = last + 2 * stride - width - 1  # where the first key stands
    count = min((len(data) - begin) // stride, _RUN - 2) if stride > 0 else 0
    if count <= 0:
        return [], []
    records = data[begin : begin + count * stride].reshape(count, stride)
    header = data[last : last + _HEADER]
    names, heads = records[:, :width], records[:, width + 1 : width + 1 + _HEADER]
    fits = (records[:, width] == 32) & (heads == header).all(axis=1) & ((names > 32) & (names < 127)).all(axis=1)
    count = count if fits.all() else int(np.argmin(fits))
    text = names[:count].tobytes().decode("ascii")
    keys = [text[start : start + width] for start in range(0, count * width, width)]
    return keys, list(range(begin + width + 1, begin + width + 1 + count * stride, stride))


def _gather(buffer: mmap.mmap, offsets: np.ndarray) -> np.ndarray | None:
    """(vectors, dim) float32 of vectors with equal headers; None if one is not what it should be."""
    data = np.frombuffer(buffer, np.uint8)
    if offsets.min() < 0 or offsets.max() + _HEADER > len(data):
        return None
    headers = np.lib.stride_tricks.sliding_window_view(data, _HEADER)[offsets]
    magic, dim = _QUICK_VECTOR(headers[0].tobytes())
    if magic != b"\0BFV \4" or dim <= 0 or (headers != headers[0]).any():
        return None
    if offsets.max() + _HEADER + 4 * dim > len(data):
        return None
    rows = np.lib.stride_tricks.sliding_window_view(data, 4 * dim)[offsets + _HEADER]
    return rows.view("<f4").astype(np.float32, copy=False)
