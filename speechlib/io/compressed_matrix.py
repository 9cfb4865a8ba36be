"""Kaldi's lossy matrix formats CM, CM2 and CM3, bit for bit (matrix/compressed-matrix.cc)."""

import struct

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
_RAMP_LOW = np.arange(65, dtype=_F32)
_RAMP_MIDDLE = np.arange(1, 129, dtype=_F32)
_RAMP_HIGH = np.arange(1, 64, dtype=_F32)


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
    minimum, span = _F32(minimum), _F32(span)
    if token == "CM":
        split = 8 * cols
        quantiles = data[:split].view("<u2").reshape(cols, 4)[col_range]
        codes = data[split:].reshape(cols, rows)[col_range, row_range]
        return _decode_columns(codes, quantiles.astype(_F32) * (span * _STEP16) + minimum)
    levels = 65535.0 if token == "CM2" else 255.0
    codes = data.view("<u2" if token == "CM2" else "u1").reshape(rows, cols)[row_range, col_range]
    values = np.multiply(codes, _F32(float(span) * (1.0 / levels)), dtype=_F32)
    values += minimum
    return values


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


def _decode_columns(codes: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """(cols, rows) uint8 and (cols, 4) float32 -> (rows, cols) float32: CharToFloat through one table a column."""
    cols = len(codes)
    low, middle, high = (quantiles[:, i : i + 1] for i in range(3))
    steps = quantiles[:, 1:] - quantiles[:, :-1]
    table = np.empty((cols, 256), dtype=_F32)
    # Kaldi multiplies in float, then divides and adds in double and rounds to float. Dividing by 64 or 128 is exact,
    # and a double sum of two floats rounds to the same float as a float sum does (Figueroa, 1995): float suffices,
    # but for steps so tiny that the division would underflow.
    if cols and steps.min() < 1e-25:
        np.add((steps[:, 0:1] * _RAMP_LOW) * np.float64(1 / 64), low, out=table[:, :65], casting="same_kind")
        np.add((steps[:, 1:2] * _RAMP_MIDDLE) * np.float64(1 / 128), middle, out=table[:, 65:193], casting="same_kind")
    else:
        np.multiply(steps[:, 0:1] * _F32(1 / 64), _RAMP_LOW, out=table[:, :65])
        table[:, :65] += low
        np.multiply(steps[:, 1:2] * _F32(1 / 128), _RAMP_MIDDLE, out=table[:, 65:193])
        table[:, 65:193] += middle
    np.add((steps[:, 2:3] * _RAMP_HIGH) * np.float64(1 / 63), high, out=table[:, 193:], casting="same_kind")
    index = codes.T.astype(np.intp, order="C")
    index += np.arange(0, 256 * cols, 256)
    return table.ravel().take(index, mode="wrap")  # never out of range; "wrap" is the quickest of the modes


def _range(values: np.ndarray) -> tuple[np.float32, np.float32]:
    minimum, maximum = values.min(), values.max()
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
    p0, p25, p75, p100 = (bounds[:, i : i + 1] for i in range(4))
    with np.errstate(all="ignore"):  # outside its own part of the range a formula may overflow: not used there
        codes = np.where(
            columns < p25,
            _place(columns, p0, p25, 0, 64),
            np.where(columns < p75, _place(columns, p25, p75, 64, 128), _place(columns, p75, p100, 192, 63)),
        )
    return quantiles.astype("<u2").tobytes() + codes.astype(np.uint8).tobytes()


def _place(columns: np.ndarray, left: np.ndarray, right: np.ndarray, first: int, steps: int) -> np.ndarray:
    """FloatToChar on one part of the range: codes first .. first + steps."""
    fraction = (columns - left) / (right - left)
    rounded = np.trunc((fraction * _F32(steps)).astype(np.float64) + 0.5)
    return np.clip(np.nan_to_num(rounded, nan=0.0), 0, steps) + first


def _column_quantiles(columns: np.ndarray, minimum: np.float32, span: np.float32) -> np.ndarray:
    """ComputeColHeader: the 0th, 25th, 75th and 100th percentile of each column, strictly increasing."""
    rows = columns.shape[1]
    if rows >= 5:
        quarter = rows // 4
        wanted = [0, quarter, 3 * quarter, rows - 1]
    else:
        wanted = list(range(rows))
    ordered = np.partition(columns, wanted, axis=1)[:, wanted]
    found = _quantize(ordered, minimum, span, 65535)
    quantiles = np.zeros((len(columns), 4), dtype=np.int32)
    quantiles[:, 0] = np.minimum(found[:, 0], 65532)
    for i in range(1, 4):
        lowest = quantiles[:, i - 1] + 1
        quantiles[:, i] = np.maximum(found[:, i], lowest) if i < len(wanted) else lowest
        if i < 3:
            quantiles[:, i] = np.minimum(quantiles[:, i], 65532 + i)
    return quantiles
