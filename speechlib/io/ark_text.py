"""Text form of Kaldi's arrays and numbers (operator << and >> of matrix/kaldi-matrix.cc, util/kaldi-holder-inl.h)."""

from typing import Any

import numpy as np


def parse_array(body: bytes, kind: str) -> np.ndarray:
    """Parse what stands between the brackets of a matrix or vector.

    Args:
        body: numbers; a line end or semicolon ends a row. One line is a vector, unless a matrix is due.
        kind: "any", "matrix" or "vector".

    Returns:
        (rows, cols) or (dim,) float32.

    Raises:
        ValueError: rows of different lengths, or something that is no number.
    """
    lines = body.replace(b";", b"\n").split(b"\n")
    is_matrix = kind == "matrix" or (kind == "any" and (len(lines) > 1 or not body.strip()))
    rows = [line.split() for line in lines]
    rows = [row for row in rows if row]
    if not is_matrix and len(rows) > 1:
        raise ValueError(f"holds a matrix of {len(rows)} rows, expected kind 'vector'")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise ValueError(f"rows of different lengths in a text matrix: {sorted(widths)}")
    try:
        values = np.array([float(item) for row in rows for item in row], dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"not a number in a text {'matrix' if is_matrix else 'vector'}: {error}") from None
    return values.reshape(len(rows), max(widths, default=0)) if is_matrix else values


def parse_line(line: str, kind: str) -> Any:
    """Parse a line without brackets.

    Args:
        line: what follows the key.
        kind: "tokens", "token", "int", "float", "int_vector" or "any" (numbers).

    Returns:
        list of str, str, int, float, (dim,) int32, or for "any" (dim,) int32, float32 if not all are integers.

    Raises:
        ValueError: something else than `kind`.
    """
    fields = line.split()
    if kind == "tokens":
        return fields
    if kind in ("token", "int", "float"):
        if len(fields) != 1:
            raise ValueError(f"{line.strip()!r}: expected one {kind}")
        try:
            return {"token": str, "int": int, "float": float}[kind](fields[0])
        except ValueError:
            raise ValueError(f"{fields[0][:40]!r}: expected one {kind}") from None
    try:
        values = np.array([int32(int(field)) for field in fields], dtype=np.int32)
    except ValueError:
        if kind == "int_vector":
            raise ValueError(f"{line.strip()[:40]!r}: expected integers") from None
        try:
            values = np.array([float(field) for field in fields], dtype=np.float32)
        except ValueError:
            raise ValueError(f"{line.strip()[:40]!r}: no numbers: read it as kind 'token' or 'tokens'") from None
    return values


def format_array(array: np.ndarray) -> str:
    """Return a matrix (rows, cols) or vector (dim,) as Kaldi writes it, with 7 significant digits."""
    if array.size == 0:
        return " [ ]\n"
    if array.ndim == 1:
        return " [ " + ("%.7g " * len(array)) % tuple(array.tolist()) + "]\n"
    row = "\n  " + "%.7g " * array.shape[1]
    return " [" + "".join(row % tuple(values) for values in array.tolist()) + "]\n"


def int32(value: int) -> int:
    """Return the value.

    Raises:
        ValueError: it does not fit Kaldi's int32.
    """
    if not -(2**31) <= value < 2**31:
        raise ValueError(f"{value}: outside the range of int32")
    return int(value)
