"""Kaldi's model files as a flat sequence of tokens, numbers and arrays, e.g. <Plda> mean transform psi </Plda>
(base/io-funcs.cc, matrix/kaldi-matrix.cc, matrix/packed-matrix.cc)."""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from speechlib.io import ark
from speechlib.io.specifiers import Output, open_input

_TOKEN = re.compile(rb"(<[^\s>]*>)\s?")
_WORD = re.compile(rb"\s*([^\s\[\]]+)")
_SPACE = re.compile(rb"\s*")
_PACKED = {b"FP ": np.dtype("<f4"), b"DP ": np.dtype("<f8")}
_NUMBERS = {1: np.dtype("<i1"), 2: np.dtype("<i2"), 8: np.dtype("<f8"), 255: np.dtype("<u1"), 254: np.dtype("<u2"),
            252: np.dtype("<u4")}  # fmt: skip
_LARGEST_INTEGER = 1 << 23  # as a float32, a whole number below this would be a denormal


@dataclass(frozen=True)
class PackedMatrix:
    """A symmetric or lower-triangular matrix (SpMatrix, TpMatrix): its lower half, row by row.

    Attributes:
        values: (size * (size + 1) / 2,) float32 or float64.
    """

    values: np.ndarray

    @property
    def size(self) -> int:
        """Rows of the matrix."""
        return (int(np.sqrt(8 * self.values.size + 1)) - 1) // 2

    def lower(self) -> np.ndarray:
        """(size, size) with zeros above the diagonal."""
        square = np.zeros((self.size, self.size), self.values.dtype)
        square[np.tril_indices(self.size)] = self.values
        return square

    def symmetric(self) -> np.ndarray:
        """(size, size), the upper half mirrored from the lower."""
        square = self.lower()
        return square + np.tril(square, -1).T

    @classmethod
    def pack(cls, square: "np.ndarray | PackedMatrix") -> "PackedMatrix":
        """Take the lower half of a (size, size) matrix; what is packed already is returned.

        In text, a packed matrix of one row looks like any 1 x 1 matrix: readers that expect a packed one pass the item
        through here.

        Raises:
            ValueError: not square.
        """
        if isinstance(square, PackedMatrix):
            return square
        square = np.asarray(square)
        if square.size == 0:
            return cls(np.zeros(0, np.float64))
        if square.ndim != 2 or square.shape[0] != square.shape[1]:
            raise ValueError(f"an array of shape {square.shape}: expected a square matrix")
        return cls(square[np.tril_indices(len(square))])


Item = str | float | int | np.ndarray | PackedMatrix


def read_model(rxfilename: str) -> list[Item]:
    """Read a model that is made of tokens like <Plda>, matrices, packed matrices, vectors and numbers.

    Args:
        rxfilename: file, `command |` or `-`, binary or text.

    Returns:
        Tokens as str with their brackets, numbers as float (in binary, whole numbers as int: a number of 4 bytes does
        not tell its type, and is taken for an integer of less than 8 million if it could be one, since it would be a
        denormal otherwise), arrays (in text float64; a bracket on one line is a vector), PackedMatrix.

    Raises:
        ValueError: damaged data; the message has file and offset.
        OSError: the file is missing or the command failed.
    """
    with open_input(rxfilename) as stream:
        data = stream.read()
    is_binary = data[:2] == b"\0B"
    read_item = _read_binary if is_binary else _read_text
    position, items = (2 if is_binary else _SPACE.match(data).end()), []
    while position < len(data):
        try:
            item, position = read_item(data, position)
        except ValueError as error:
            raise ValueError(f"{rxfilename}: offset {position}: {error}") from error
        items.append(item)
    return items


def write_model(wxfilename: str, items: Iterable[Item], binary: bool = True) -> None:
    """Write a model as Kaldi does; the file appears whole or not at all.

    Args:
        wxfilename: file, `| command` or `-`.
        items: what `read_model` returns: tokens ("<Plda>"), arrays, PackedMatrix, numbers (int as int32, float as a
            double of 8 bytes, NumPy's scalars in their own type). "\\n" is a line end in text and nothing in binary.
        binary: False writes text with 7 significant digits.

    Raises:
        ValueError: a value that Kaldi's models do not have.
        OSError: the file cannot be written.
    """
    pieces = [piece for item in items for piece in _encode(item, binary)]
    output = Output(wxfilename)
    try:
        if binary:
            output.file.write(b"\0B")
        for piece in pieces:
            output.file.write(piece)
        output.commit()
    except BaseException:
        output.abandon()
        raise


def _read_binary(data: bytes, position: int) -> tuple[Any, int]:
    if token := _TOKEN.match(data, position):
        return token[1].decode(), token.end()
    if dtype := _PACKED.get(data[position : position + 3]):
        return _read_packed(data, position + 3, dtype)
    if data[position] == 4:
        _check_end(data, position + 5)
        whole = struct.unpack_from("<i", data, position + 1)[0]
        is_integer = -_LARGEST_INTEGER < whole < _LARGEST_INTEGER
        return whole if is_integer else struct.unpack_from("<f", data, position + 1)[0], position + 5
    if dtype := _NUMBERS.get(data[position]):
        _check_end(data, position + 1 + dtype.itemsize)
        number = np.frombuffer(data, dtype, 1, position + 1)[0]
        return number.item(), position + 1 + dtype.itemsize
    return ark.decode_headless(data, position)


def _read_packed(data: bytes, position: int, dtype: np.dtype) -> tuple[PackedMatrix, int]:
    _check_end(data, position + 5)
    four, size = struct.unpack_from("<bi", data, position)
    if four != 4 or size < 0:
        raise ValueError(f"damaged header of a packed matrix: size {size}")
    count = size * (size + 1) // 2
    end = position + 5 + count * dtype.itemsize
    _check_end(data, end)
    return PackedMatrix(np.frombuffer(data, dtype, count, position + 5).copy()), end


def _check_end(data: bytes, end: int) -> None:
    if end > len(data):
        raise ValueError(f"truncated: ends {end - len(data)} bytes too early")


def _read_text(data: bytes, position: int) -> tuple[Any, int]:
    if data[position : position + 1] == b"[":
        close = data.find(b"]", position)
        if close < 0:
            raise ValueError("truncated: no closing bracket ]")
        return _parse_bracket(data[position + 1 : close]), _SPACE.match(data, close + 1).end()
    word = _WORD.match(data, position)
    if not word:
        raise ValueError(f"{data[position : position + 20]!r}: expected a token, a number or an array")
    text = word[1].decode(errors="replace")
    if not text.startswith("<"):
        try:
            return float(text), _SPACE.match(data, word.end()).end()
        except ValueError:
            raise ValueError(f"{text[:20]!r}: expected a token, a number or an array: not a model of Kaldi's") from None
    return text, _SPACE.match(data, word.end()).end()


def _parse_bracket(body: bytes) -> np.ndarray | PackedMatrix:
    rows = [line.split() for line in body.split(b"\n")]
    is_vector = len(rows) == 1
    rows = [row for row in rows if row]
    try:
        values = np.array([float(number) for row in rows for number in row])
    except ValueError as error:
        raise ValueError(f"not a number in an array: {error}") from None
    widths = [len(row) for row in rows]
    if is_vector:
        return values
    if len(rows) > 1 and widths == list(range(1, len(rows) + 1)):
        return PackedMatrix(values)
    if len(set(widths)) > 1:
        raise ValueError(f"rows of different lengths in a text matrix: {sorted(set(widths))}")
    return values.reshape(len(rows), widths[0] if widths else 0)


def _encode(item: Item, binary: bool) -> list[bytes | memoryview]:
    if isinstance(item, str) and item == "\n":
        return [] if binary else [b"\n"]
    if isinstance(item, str):
        if not item or item.split() != [item]:
            raise ValueError(f"token {item!r}: expected a word without spaces")
        return [item.encode() + b" "]
    if isinstance(item, PackedMatrix):
        return _encode_packed(item, binary)
    if isinstance(item, np.ndarray) and item.ndim:
        if item.dtype.kind != "f":
            raise ValueError(f"an array of type {item.dtype}: models hold float32 and float64")
        pieces = ark.encode(item, binary)
        return [pieces[0].removeprefix(b"\0B"), *pieces[1:]] if binary else pieces
    return [_encode_number(item, binary)]


def _encode_packed(matrix: PackedMatrix, binary: bool) -> list[bytes]:
    values, size = matrix.values, matrix.size
    if binary:
        token = b"DP " if values.dtype.itemsize == 8 else b"FP "
        return [token, struct.pack("<bi", 4, size), values.astype(_PACKED[token]).tobytes()]
    if not size:
        return [b"[ ]\n"]
    starts = [row * (row + 1) // 2 for row in range(size + 1)]
    numbers = values.tolist()
    rows = ["%.7g " * (end - start) % tuple(numbers[start:end])
            for start, end in zip(starts, starts[1:], strict=False)]  # fmt: skip
    return [("[\n" + "\n".join(rows) + "]\n").encode()]


def _encode_number(number: Any, binary: bool) -> bytes:
    if isinstance(number, (bool, np.bool_)):
        raise ValueError("a boolean: models hold tokens, numbers and arrays")
    scalar = np.asarray(number)
    if isinstance(number, int):
        scalar = np.int32(ark.ark_text.int32(number))
    if scalar.ndim or scalar.dtype.kind not in "iuf":
        raise ValueError(f"{number!r}: expected a token, a number or an array")
    if not binary:
        return (f"{scalar:.7g} " if scalar.dtype.kind == "f" else f"{scalar} ").encode()
    width = scalar.dtype.itemsize * (-1 if scalar.dtype.kind == "u" else 1)
    return struct.pack("<b", width) + scalar.astype(scalar.dtype.newbyteorder("<")).tobytes()
