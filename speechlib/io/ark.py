"""Kaldi's objects in a buffer: matrices, vectors, integers, tokens, waveforms; binary and text (matrix/kaldi-matrix.cc,
base/io-funcs.cc, util/kaldi-holder-inl.h). Keys and files are in tables.py."""

import re
import struct
import warnings
from collections.abc import Generator
from typing import Any

import numpy as np

from speechlib.io import ark_text, compressed_matrix

KINDS = ("any", "matrix", "vector", "int_vector", "int", "float", "token", "tokens", "wave")

_DTYPES = {
    b"FM": np.dtype("<f4"),
    b"DM": np.dtype("<f8"),
    b"FV": np.dtype("<f4"),
    b"DV": np.dtype("<f8"),
}
_FLOAT = _DTYPES[b"FM"]
_QUICK = struct.Struct("<5sbibi").unpack_from
_QUICK_MATRIX = struct.Struct("<6sixi").unpack_from
MAX_KEY = 4096  # bytes; a longer "key" is damage
_VIEW_BYTES = 8192  # below this a copy costs less than keeping the mapping alive
_SHAPE = struct.Struct("<xixi")  # \4 rows \4 columns
_INT = struct.Struct("<xi")  # \4 value
_COUNTED = np.dtype([("size", "u1"), ("value", "<i4")])  # each element of an integer vector carries its size
_ROW_TOLERANCE = 3  # a row range may end this many frames late (ParseMatrixRangeSpecifier)
_SPACE = re.compile(rb"[ \t\r\n]*")
_BLANK = re.compile(rb"[ \t\r]*")
_FULL = slice(None)


class Truncated(ValueError):
    """The buffer ends within an object.

    Attributes:
        needed: the position up to which the buffer must reach; None if it cannot be told (text).
    """

    def __init__(self, message: str, needed: int | None = None):
        super().__init__(message)
        self.needed = needed


def decode(buffer, position: int, kind: str = "any", part: str | None = None, copy: bool = True) -> tuple[Any, int]:
    """Read one object.

    Args:
        buffer: bytes, bytearray or mmap.
        position: where the object begins (after the key and one space, or at a file's beginning).
        kind: what is due. "matrix", "vector", "int_vector": arrays; "int", "float", "token": one value;
            "tokens": list of str; "wave": (rate, int16 samples); "any": what is there (a line of text without
            brackets is an int32 vector if all its values are integers, a float32 vector otherwise).
        part: a range of a matrix or vector in Kaldi's syntax without the brackets, "0:9,2:5", both ends inclusive.
        copy: False gives a view of the buffer where that is possible and the object big.

    Returns:
        The object (arrays float32, float64 or int32) and the position after it.

    Raises:
        Truncated: the buffer ends too early.
        ValueError: something else than `kind`, or damaged data.
    """
    head = buffer[position : position + 4]
    if head[:2] == b"\0B":
        return _decode_binary(buffer, position + 2, kind, part, copy)
    if kind == "wave" or (kind == "any" and head == b"RIFF"):
        if kind == "any":
            raise ValueError("holds a waveform: read it as kind 'wave', or with speechlib.io.audio")
        return decode_wave(buffer, position)
    # One byte may be the first half of a binary mark; any other is text, an empty line being an empty vector.
    if head in (b"", b"\0") and kind not in ("token", "tokens"):
        raise Truncated("ends where an object is due", position + 2)
    return _decode_text(buffer, position, kind, part)


def decode_headless(buffer, position: int) -> tuple[Any, int]:
    """Read a binary array inside a model file, where the two bytes that say "binary" stand once, at the beginning."""
    return _decode_binary(buffer, position, "any", None, True)


def decode_quickly(buffer, position: int, views: bool = False) -> tuple[np.ndarray, int] | None:
    """Read a whole and sound float or compressed (CM) matrix or float vector; None for all else: see `decode`.

    Args:
        buffer: bytes, bytearray or mmap.
        position: where the object begins.
        views: return big arrays as views of the buffer.

    Returns:
        (rows, cols) or (dim,) float32 and the position after it.
    """
    data = position + 15
    limit = len(buffer)
    if data > limit:
        return None
    magic, four, rows, again, cols = _QUICK(buffer, position)
    if magic == b"\0BFM ":
        size = 4 * rows * cols
        if four != 4 or again != 4 or rows < 0 or cols < 0 or data + size > limit:
            return None
        array = np.ndarray((rows, cols), _FLOAT, buffer, data)
    elif magic == b"\0BFV ":
        data -= 5
        size = 4 * rows
        if four != 4 or rows < 0 or data + size > limit:
            return None
        array = np.ndarray((rows,), _FLOAT, buffer, data)
    elif magic == b"\0BCM ":
        return _decode_columns_quickly(buffer, position + 5)
    else:
        return None
    return (array if views and size >= _VIEW_BYTES else array.copy()), data + size


def float_matrices(buffer, position: int, views: bool) -> Generator[tuple[str, np.ndarray], None, int]:
    """Yield key and float matrix of an archive as long as whole and sound ones follow each other.

    This is the loop behind every epoch over an archive of short utterances: nothing is called that can be written out.

    Returns:
        Where the first object begins (its key) that is left to the slower readers.
    """
    find, limit = buffer.find, len(buffer)
    while True:
        space = find(b" ", position, position + MAX_KEY)
        data = space + 16
        if space <= position or data > limit:
            return position
        magic, rows, cols = _QUICK_MATRIX(buffer, space + 1)
        end = data + 4 * rows * cols
        if magic != b"\0BFM \4" or rows < 0 or cols < 0 or end > limit or buffer[space + 11] != 4:
            return position
        key = buffer[position:space].decode(errors="replace")
        if not key.isprintable():
            return position
        array = np.ndarray((rows, cols), _FLOAT, buffer, data)
        yield key, (array if views and end - data >= _VIEW_BYTES else array.copy())
        position = end


def _decode_columns_quickly(buffer, position: int) -> tuple[np.ndarray, int] | None:
    data = position + 16
    if data > len(buffer):
        return None
    minimum, span, rows, cols = compressed_matrix.HEADER.unpack_from(buffer, position)
    end = data + cols * (8 + rows)
    if rows <= 0 or cols <= 0 or end > len(buffer):
        return None
    quantiles = np.ndarray((cols, 4), "<u2", buffer, data)
    codes = np.ndarray((cols, rows), np.uint8, buffer, data + 8 * cols)
    return compressed_matrix.decode_columns(minimum, span, quantiles, codes), end


def skip(buffer, position: int) -> int:
    """Return the position after the object at `position`, without decoding it where it is binary."""
    if buffer[position : position + 2] != b"\0B":
        if buffer[position : position + 4] == b"RIFF":
            return decode_wave(buffer, position)[1]
        return _decode_text(buffer, position, "tokens" if not _is_bracket(buffer, position) else "any", None)[1]
    token, start = _binary_token(buffer, position + 2)
    if token == b"\x04":
        return _decode_binary(buffer, position + 2, "any", None, False)[1]
    return _extent(buffer, token, start)[-1]


def encode(value: Any, binary: bool = True, compression: int | bool | None = None) -> list[bytes | memoryview]:
    """Write one object as Kaldi does, to be written after its key and one space.

    Args:
        value: (rows, cols) or (dim,) array of float32 or float64; (dim,) array of integers (int32 range); int; float;
            str (a token) or a list of str.
        binary: False writes text with Kaldi's 7 significant digits.
        compression: None or False for none, True for Kaldi's default, or a method 1..7 (compressed_matrix.compress);
            matrices only, text is never compressed but carries the loss.

    Returns:
        Pieces whose concatenation is the object.

    Raises:
        ValueError: a value that Kaldi's formats do not have.
    """
    if isinstance(value, str):
        return [f"{_checked_token(value)}\n".encode()]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ["".join(f"{_checked_token(item)} " for item in value).encode() + b"\n"]
    if isinstance(value, (bool, np.bool_)):
        raise ValueError("a boolean: expected a number, an array, a token or a list of tokens")
    if isinstance(value, (int, np.integer)):
        return [b"\0B" + _INT_PACK(4, ark_text.int32(value)) if binary else b"%d \n" % ark_text.int32(value)]
    if isinstance(value, (float, np.floating)):
        return [b"\0B" + struct.pack("<bf", 4, value) if binary else f"{float(value):.7g} \n".encode()]
    array = np.asarray(value)
    if compression is not None and compression is not False:
        if array.ndim != 2:
            raise ValueError(f"an array of shape {array.shape}: only matrices can be compressed")
        if array.size:
            return _encode_compressed(array, 1 if compression is True else int(compression), binary)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return _encode_integers(array, binary)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8 or array.ndim not in (1, 2):
        raise ValueError(
            f"an array of shape {array.shape} and type {array.dtype}: expected (rows, cols) or (dim,) of float32 or "
            "float64, or (dim,) of integers"
        )
    return _encode_floats(array, binary)


def matrix_header(shape: tuple[int, int]) -> bytes:
    """What stands before the values of a binary float32 matrix, which then follow row by row."""
    return b"\0BFM " + _INT_PACK(4, shape[0]) + _INT_PACK(4, shape[1])


def parse_part(part: str, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Turn Kaldi's range "a:b,c:d" (inclusive; ":" or nothing is everything) into one slice a dimension.

    A row range that ends up to 3 rows late is cut with a warning, as Kaldi does (segments are rounded).

    Raises:
        ValueError: a malformed range, or one outside the object.
    """
    fields = part.split(",")
    if not part.strip() or len(fields) > len(shape):
        raise ValueError(f"range [{part}]: expected [first:last] or [first:last,first:last] for shape {shape}")
    slices = []
    for axis, size in enumerate(shape):
        field = fields[axis].strip() if axis < len(fields) else ":"
        if field in ("", ":"):
            slices.append(_FULL)
            continue
        match = re.fullmatch(r"(\d+):(\d+)", field)
        if not match:
            raise ValueError(f"range [{part}]: {field!r}: expected first:last, both inclusive")
        first, last = int(match[1]), int(match[2])
        limit = size + (_ROW_TOLERANCE if axis == 0 else 0)
        if first > last or first >= size or last >= limit:
            raise ValueError(f"range [{part}]: {field} is outside 0:{size - 1} (shape {shape})")
        if last >= size:
            warnings.warn(f"range [{part}] goes beyond the {size} rows: cut", stacklevel=2)
        slices.append(slice(first, min(last + 1, size)))
    return tuple(slices)


def decode_wave(buffer, position: int = 0) -> tuple[tuple[int, np.ndarray], int]:
    """Read a 16-bit PCM RIFF file inside a buffer, as extract-segments writes them into archives.

    Returns:
        ((rate in Hz, (samples,) or (samples, channels) int16), position after it).
    """
    end = _require(buffer, position + 12, "a RIFF header")
    if buffer[position : position + 4] != b"RIFF" or buffer[position + 8 : end] != b"WAVE":
        raise ValueError("expected a RIFF WAVE file")
    rate = channels = 0
    while True:
        start = _require(buffer, end + 8, "a RIFF chunk")
        name, size = struct.unpack_from("<4sI", buffer, end)
        if name == b"data":
            break
        end = _require(buffer, start + size + size % 2, f"the RIFF chunk {name.decode(errors='replace')}")
        if name == b"fmt ":
            if size < 16:
                raise ValueError(f"a fmt chunk of {size} bytes: expected 16 or more")
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", buffer, start)
            if coding not in (1, 0xFFFE) or bits != 16 or not channels:
                raise ValueError(f"a waveform of coding {coding} with {bits} bits: expected 16-bit PCM")
    if not channels:
        raise ValueError("a RIFF file without a fmt chunk before its data")
    if position == 0 and (size == 0 or size >= 0x7FFFF000):
        size = len(buffer) - start  # a program that wrote to a pipe could not know the length
    end = _require(buffer, start + size, "the samples")
    samples = np.frombuffer(buffer, "<i2", size // 2, start).astype(np.int16)
    return (rate, samples if channels == 1 else samples.reshape(-1, channels)), end + size % 2


def _binary_token(buffer, position: int) -> tuple[bytes, int]:
    if buffer[position : position + 1] in (b"\x04", b"\x08"):
        return buffer[position : position + 1], position
    space = buffer.find(b" ", position, position + 8)
    if space < 0:
        _require(buffer, position + 8, "the object's type")
        raise ValueError(f"unknown binary object {bytes(buffer[position : position + 8])!r}")
    return buffer[position:space], space + 1


def _extent(buffer, token: bytes, start: int) -> tuple:
    """Return (header or shape, where the data begin, where they end), checked against the buffer's size."""
    if token in _DTYPES:
        is_matrix = token.endswith(b"M")
        data = _require(buffer, start + (10 if is_matrix else 5), "the header")
        shape = _SHAPE.unpack_from(buffer, start) if is_matrix else _INT.unpack_from(buffer, start)
        if any(buffer[data - 5 * i] != 4 for i in range(1, len(shape) + 1)) or min(shape) < 0:
            raise ValueError(f"damaged header of a {token.decode()}: shape {shape}")
        size = _DTYPES[token].itemsize * int(np.prod(shape, dtype=object))
        header: tuple = shape
    elif token in (b"CM", b"CM2", b"CM3"):
        data = _require(buffer, start + 16, "the header")
        header = shape = compressed_matrix.HEADER.unpack_from(buffer, start)
        if header[3] == 0:
            # Kaldi writes 20 bytes for an empty matrix and reads 16 back: no key begins with the zeros left over.
            extra = 4 if buffer[data : data + 4] == b"\0\0\0\0" else 0
            return (0.0, 0.0, 0, 0), data, data + extra
        if header[2] < 0 or header[3] < 0:
            raise ValueError(f"damaged header of a {token.decode()}: shape {header[2:]}")
        size = compressed_matrix.data_size(token.decode(), *header[2:])
    else:
        raise ValueError(f"unknown binary object {bytes(token)!r}: expected FM, DM, FV, DV, CM, CM2, CM3 or integers")
    shown = " x ".join(map(str, shape[-2:]))
    return header, data, _require(buffer, data + size, f"the {size} bytes of a {shown} {token.decode()}")


def _require(buffer, end: int, what: str) -> int:
    if end > len(buffer):
        raise Truncated(f"truncated: {what} would end {end - len(buffer)} bytes after the end", end)
    return end


def _decode_binary(buffer, position: int, kind: str, part: str | None, copy: bool) -> tuple[Any, int]:
    token, start = _binary_token(buffer, position)
    if token in (b"\x04", b"\x08"):
        return _decode_basic(buffer, position, token[0], kind, part)
    header, data, end = _extent(buffer, token, start)
    found = "vector" if token.endswith(b"V") else "matrix"
    if kind not in ("any", found):
        raise ValueError(f"holds a {found} ({token.decode()}), expected kind {kind!r}")
    if token.startswith(b"CM"):
        raw = np.frombuffer(buffer, np.uint8, end - data, data)
        slices = parse_part(part, header[2:]) if part is not None else (_FULL, _FULL)
        if header[3] == 0:
            return np.zeros((0, 0), np.float32), end
        raw = raw[: compressed_matrix.data_size(token.decode(), *header[2:])]
        return compressed_matrix.decompress(token.decode(), header, raw, *slices), end
    array = np.ndarray(header, _DTYPES[token], buffer, data)
    if part is not None:
        array = array[parse_part(part, header)]
    return array.copy() if copy or array.nbytes < _VIEW_BYTES or part is not None else array, end


def _decode_basic(buffer, position: int, width: int, kind: str, part: str | None) -> tuple[Any, int]:
    """An integer vector, an integer or a float: in binary they look alike, so `kind` decides between them."""
    end = _require(buffer, position + 1 + width, "a number")
    if kind in ("float", "int") or width == 8:
        code = {("float", 4): "<f", ("float", 8): "<d", ("int", 4): "<i", ("any", 8): "<d"}.get((kind, width))
        if code is None:
            raise ValueError(f"holds a number of {width} bytes, expected kind {kind!r}")
        return struct.unpack_from(code, buffer, position + 1)[0], end
    if kind not in ("any", "int_vector"):
        raise ValueError(f"holds an integer vector or a number, expected kind {kind!r}")
    count = _INT.unpack_from(buffer, position)[0]
    if count < 0:
        raise ValueError(f"damaged header of an integer vector: {count} elements")
    end = _require(buffer, end + 5 * count, f"{count} integers (or this is one number: read it as kind int or float)")
    elements = np.frombuffer(buffer, _COUNTED, count, position + 5)
    if not (elements["size"] == 4).all():
        raise ValueError("damaged integer vector, or a single number: read that as kind 'int' or 'float'")
    values = elements["value"].astype(np.int32)
    return values if part is None else values[parse_part(part, values.shape)], end


def _is_bracket(buffer, position: int) -> bool:
    position = _SPACE.match(buffer, position).end()
    return buffer[position : position + 1] == b"["


def _decode_text(buffer, position: int, kind: str, part: str | None) -> tuple[Any, int]:
    bracket = kind in ("any", "matrix", "vector") and _is_bracket(buffer, position)
    if kind in ("matrix", "vector") and not bracket:
        if _SPACE.match(buffer, position).end() == len(buffer):
            raise Truncated("truncated: ends where an object is due", None)
        shown = bytes(buffer[position : position + 20])
        raise ValueError(f"holds {shown!r}, expected a {kind}: binary, or text in brackets [ ... ]")
    if not bracket:
        newline = buffer.find(b"\n", position)
        if newline < 0:
            raise Truncated("truncated: no end of line", None)
        value = ark_text.parse_line(bytes(buffer[position:newline]).decode(), kind)
        return value if part is None else value[parse_part(part, np.shape(value))], newline + 1
    start = buffer.find(b"[", position) + 1
    close = buffer.find(b"]", start)
    if close < 0:
        raise Truncated("truncated: no closing bracket ]", None)
    array = ark_text.parse_array(bytes(buffer[start:close]), kind)
    end = _BLANK.match(buffer, close + 1).end()
    if buffer[end : end + 1] == b"\n":
        end += 1
    elif end < len(buffer):
        shown = bytes(buffer[end : end + 20])
        raise ValueError(f"{shown!r} after the closing bracket: expected the end of the line")
    return array if part is None else array[parse_part(part, array.shape)].copy(), end


_INT_PACK = struct.Struct("<bi").pack


def _checked_token(token: str) -> str:
    if not token or any(c.isspace() for c in token):
        raise ValueError(f"{token!r}: a token is not empty and holds no spaces")
    return token


def _encode_integers(array: np.ndarray, binary: bool) -> list:
    if array.size and not (-(2**31) <= int(array.min()) and int(array.max()) < 2**31):
        raise ValueError("integers outside the range of int32")
    if not binary:
        return ["".join(f"{value} " for value in array.tolist()).encode() + b"\n"]
    elements = np.empty(len(array), _COUNTED)
    elements["size"] = 4
    elements["value"] = array
    return [b"\0B" + _INT_PACK(4, len(array)), elements.tobytes()]


def _encode_floats(array: np.ndarray, binary: bool) -> list:
    if array.ndim == 2 and array.size == 0:
        array = array.reshape(0, 0)  # Kaldi has no matrix with rows but no columns
    if not binary:
        return [ark_text.format_array(array).encode()]
    token = (b"D" if array.dtype.itemsize == 8 else b"F") + (b"M" if array.ndim == 2 else b"V")
    data = np.ascontiguousarray(array, dtype=_DTYPES[token])
    header = b"".join(_INT_PACK(4, size) for size in array.shape)
    return [b"\0B" + token + b" " + header, data.reshape(-1).view(np.uint8).data]


def _encode_compressed(array: np.ndarray, method: int, binary: bool) -> list:
    token, header, data = compressed_matrix.compress(array, method)
    if binary:
        return [b"\0B" + token.encode() + b" " + header, data]
    raw = np.frombuffer(data, np.uint8)
    values = compressed_matrix.decompress(token, compressed_matrix.HEADER.unpack(header), raw, _FULL, _FULL)
    return _encode_floats(values, False)
