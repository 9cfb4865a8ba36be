"""Kaldi's lossy matrix formats CM, CM2 and CM3, bit for bit (matrix/compressed-matrix.cc)."""

import functools
import struct
import threading

import numpy as np

# What a value of copy-feats --compression-method means: (format, fixed minimum and range or None for the matrix's own).
AUTOMATIC = 1
SPEECH_FEATURE = 2
TWO_BYTE_AUTO = 3
_METHODS = {
    SPEECH_FEATURE: ("CM", None),
    TWO_BYTE_AUTO: ("CM2", None),
    4: ("CM2", (-32768.0, 65535.0)),  # two-byte signed integer
    5: ("CM3", None),  # one-byte auto
    6: ("CM3", (0.0, 255.0)),  # one-byte unsigned integer
    7: ("CM3", (0.0, 1.0)),  # one byte for values in [0, 1]
}
HEADER = struct.Struct("<ffii")  # minimum, range, rows, columns

_F32 = np.float32
_STEP16 = _F32(1.52590218966964e-05)  # Kaldi's own constant for 1/65535
# CM codes 0..64, 65..192 and 193..255 lie between the quantiles 0 to 25, 25 to 75 and 75 to 100 per cent.
_SEGMENT = np.repeat([0, 1, 2], [65, 128, 63])
_PLACE = np.concatenate([np.arange(65), np.arange(1, 129), np.arange(1, 64)]).astype(_F32)
_IN_SEGMENT = (_SEGMENT == np.arange(4)[:, None]).astype(_F32)
_STEPS = _IN_SEGMENT[:3] * _PLACE
_DIVISORS = np.array([1 / 64, 1 / 128, 1], dtype=_F32)
_FRACTIONS = np.repeat([1 / 64, 1 / 128, 1 / 63], [65, 128, 63])
_HIGH = slice(193, 256)
_BLOCK = 1 << 14  # values decoded at a time
_MOST_COLUMNS = 1 << 13  # at a time: the tables take a kilobyte for each, however few rows there are


def data_size(token: str, rows: int, cols: int) -> int:
    """Return the number of bytes after the header of a matrix in the format "CM", "CM2" or "CM3"."""
    if token == "CM":
        return cols * (8 + rows)
    return rows * cols * (2 if token == "CM2" else 1)


def decompress(
    token: str, header: tuple[float, float, int, int], data: np.ndarray, row_range: slice, col_range: slice
) -> np.ndarray:
    """Decode a compressed matrix, or a part of it at the cost of that part.

    Args:
        token: "CM", "CM2" or "CM3".
        header: minimum, range, rows, columns, as `HEADER` unpacks them.
        data: (data_size,) uint8, what follows the header.
        row_range: rows wanted, with bounds inside the matrix.
        col_range: columns wanted, likewise.

    Returns:
        (rows wanted, columns wanted) float32, C-contiguous, with the values that Kaldi computes.
    """
    minimum, span, rows, cols = header
    if token == "CM":
        split = 8 * cols
        quantiles = data[:split].view("<u2").reshape(cols, 4)[col_range]
        codes = data[split:].reshape(cols, rows)[col_range, row_range]
        return decode_columns(minimum, span, quantiles, codes)
    levels = 65535.0 if token == "CM2" else 255.0
    codes = data.view("<u2" if token == "CM2" else "u1").reshape(rows, cols)[row_range, col_range]
    values = np.multiply(codes, _F32(float(span) * (1.0 / levels)), dtype=_F32)
    values += _F32(minimum)
    return values


def decode_columns(minimum: float, span: float, quantiles: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Decode a matrix of the format CM (Kaldi's CharToFloat) through one table of 256 values a column.

    Args:
        minimum: the header's minimum.
        span: the header's range.
        quantiles: (cols, 4) uint16.
        codes: (cols, rows) uint8.

    Returns:
        (rows, cols) float32, C-contiguous.
    """
    cols, rows = codes.shape
    if cols > _MOST_COLUMNS:
        parts = (slice(first, first + _MOST_COLUMNS) for first in range(0, cols, _MOST_COLUMNS))
        values = np.empty((rows, cols), dtype=_F32)
        for part in parts:
            values[:, part] = decode_columns(minimum, span, quantiles[part], codes[part])
        return values
    bounds = quantiles * (_F32(span) * _STEP16) + _F32(minimum)
    values = np.empty((rows, cols), dtype=_F32)
    tables = _SCRATCH.tables(bounds).reshape(-1)
    block = max(1, _BLOCK // max(cols, 1))
    offsets = _table_offsets(cols, block)
    for first in range(0, rows, block):
        part = codes[:, first : first + block].T
        index = _SCRATCH.index(part.shape)
        np.copyto(index, part)
        index += offsets[: len(part)]
        # Never out of range: "wrap" is the quickest of the modes, and the only one that writes straight into `out`.
        tables.take(index, mode="wrap", out=values[first : first + block])
    return values


class _Scratch(threading.local):
    """Memory that is used again for each matrix: fresh pages for each would cost as much as the decoding."""

    def __init__(self):
        self._index = np.empty(_BLOCK, dtype=np.intp)
        self._tables = self._products = np.empty((0, 256), dtype=_F32)

    def index(self, shape: tuple[int, int]) -> np.ndarray:
        size = shape[0] * shape[1]
        return self._index[:size].reshape(shape) if size <= _BLOCK else np.empty(shape, dtype=np.intp)

    def tables(self, bounds: np.ndarray) -> np.ndarray:
        """(cols, 4) float32 quantiles -> (cols, 256) float32: the value of every code in every column."""
        cols = len(bounds)
        if cols > len(self._tables):
            self._tables, self._products = (np.empty((cols, 256), dtype=_F32) for _ in range(2))
        tables, products = self._tables[:cols], self._products[:cols]
        steps = bounds[:, 1:] - bounds[:, :-1]
        # Kaldi multiplies in float, then divides and adds in double and rounds to float. Dividing by 64 or 128 is
        # exact, and a double sum of two floats rounds to the same float as a float sum does (Figueroa, 1995): float
        # suffices below the third quantile, but for steps so tiny that the division would underflow. The matrix
        # products have one term that is not zero in each sum: they are exact, and only spread the columns over the
        # codes, quickly.
        np.matmul(bounds, _IN_SEGMENT, out=tables)
        if cols and steps.min() < 1e-25:
            np.matmul(steps, _STEPS, out=products)
            tables[:] = products.astype(np.float64) * _FRACTIONS + tables
            return tables
        np.matmul(steps * _DIVISORS, _STEPS, out=products)
        high = products[:, _HIGH].astype(np.float64)
        high *= 1 / 63
        high += bounds[:, 2:3]
        tables += products
        tables[:, _HIGH] = high
        return tables


_SCRATCH = _Scratch()


@functools.lru_cache(maxsize=8)
def _table_offsets(cols: int, rows: int) -> np.ndarray:
    """(rows, cols): where each column's table begins."""
    return np.tile(np.arange(0, 256 * cols, 256), (rows, 1))


def compress(matrix: np.ndarray, method: int = AUTOMATIC) -> tuple[str, bytes, bytes]:
    """Encode a matrix as Kaldi's CompressedMatrix::CopyFromMat does.

    Args:
        matrix: (rows, cols) float32 or float64 with at least one element.
        method: 1 automatic (2 for more than 8 rows, else 3), 2 speech feature, 3 two-byte, 4 two-byte signed integer,
            5 one-byte, 6 one-byte unsigned integer, 7 one byte for [0, 1].

    Returns:
        Format token, header, data.

    Raises:
        ValueError: an unknown method, or a value that is not finite.
    """
    if method == AUTOMATIC:
        method = SPEECH_FEATURE if len(matrix) > 8 else TWO_BYTE_AUTO
    if method not in _METHODS:
        raise ValueError(f"compression method {method}: expected 1 (automatic) to 7")
    token, fixed = _METHODS[method]
    values = matrix.astype(_F32, copy=False)
    if fixed is None:
        minimum, span = _range(values)
    elif np.isnan(values).any():
        raise ValueError("cannot compress a matrix that holds NaN: write it uncompressed, or mend the features")
    else:
        minimum, span = map(_F32, fixed)
    if token == "CM":
        data = _encode_columns(values, minimum, span)
    else:
        levels, dtype = (65535, "<u2") if token == "CM2" else (255, "u1")
        data = _quantize(values, minimum, span, levels).astype(dtype).tobytes()
    return token, HEADER.pack(minimum, span, *matrix.shape), data


def _range(values: np.ndarray) -> tuple[np.float32, np.float32]:
    minimum, maximum = values.min(), values.max()
    if minimum == 0:
        minimum = values.ravel()[values.argmin()]  # the first of several zeros decides the sign, as in Kaldi's Min()
    if not (np.isfinite(minimum) and np.isfinite(maximum)):
        raise ValueError(
            "cannot compress a matrix that holds NaN or infinity: write it uncompressed, or mend the features"
        )
    if maximum == minimum:
        maximum = _F32(float(minimum) + (1.0 + abs(float(minimum))))
    with np.errstate(over="ignore"):
        span = maximum - minimum
    if not (np.isfinite(span) and span > 0):
        raise ValueError(f"cannot compress a matrix with values from {minimum} to {maximum}: write it uncompressed")
    return minimum, span


def _quantize(values: np.ndarray, minimum: np.float32, span: np.float32, levels: int) -> np.ndarray:
    """FloatToUint16 and FloatToUint8: the fraction in float, the rounding in double with 0.499."""
    fraction = np.clip((values - minimum) / span, _F32(0), _F32(1))
    return ((fraction * _F32(levels)).astype(np.float64) + 0.499).astype(np.int32)


def _encode_columns(values: np.ndarray, minimum: np.float32, span: np.float32) -> bytes:
    columns = np.ascontiguousarray(values.T)
    quantiles = _column_quantiles(columns, minimum, span)
    bounds = quantiles.astype(_F32) * (span * _STEP16) + minimum
    return quantiles.astype("<u2").tobytes() + _encode_values(columns, bounds).tobytes()


def _encode_values(columns: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """FloatToChar: (cols, rows) values -> codes, by their place between two of the (cols, 4) quantiles."""
    segment = (columns >= bounds[:, 1:2]).astype(np.intp)
    segment += columns >= bounds[:, 2:3]
    index = segment + np.arange(0, 3 * len(columns), 3)[:, None]
    left, width = bounds[:, :3], bounds[:, 1:] - bounds[:, :3]
    steps = np.array([64, 128, 63])
    with np.errstate(divide="ignore", invalid="ignore"):
        place = (columns - left.ravel().take(index)) / width.ravel().take(index)
        place *= steps.astype(_F32).take(segment)
    if not width.all():  # quantiles that are one float: C++ turns the infinite place into a negative integer
        place[~np.isfinite(place)] = 0
    codes = (place.astype(np.float64) + 0.5).astype(np.int32)
    np.clip(codes, 0, steps.take(segment), out=codes)
    codes += np.array([0, 64, 192]).take(segment)
    return codes.astype(np.uint8)


def _column_quantiles(columns: np.ndarray, minimum: np.float32, span: np.float32) -> np.ndarray:
    """ComputeColHeader: the 0th, 25th, 75th and 100th percentile of each column, strictly increasing."""
    rows = columns.shape[1]
    if rows >= 5:
        quarter = rows // 4
        wanted = [0, quarter, 3 * quarter, rows - 1]
    else:
        wanted = list(range(rows))
    ordered = np.sort(columns, axis=1)[:, wanted]
    found = _quantize(ordered, minimum, span, 65535)
    quantiles = np.zeros((len(columns), 4), dtype=np.int32)
    quantiles[:, 0] = np.minimum(found[:, 0], 65532)
    for i in range(1, 4):
        lowest = quantiles[:, i - 1] + 1
        quantiles[:, i] = np.maximum(found[:, i], lowest) if i < len(wanted) else lowest
        if i < 3:
            quantiles[:, i] = np.minimum(quantiles[:, i], 65532 + i)
    return quantiles
