"""Reading of .safetensors files (Hugging Face): a length, a header in JSON, and the numbers; nothing in them is code.

Whatever a file claims, no more memory is taken than it has bytes (twice that for bfloat16, which becomes float32).
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from typing import Any

import numpy as np

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip
_LENGTH = 8  # bytes of the header's length
_MOST_DIMS = 32


def read_safetensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read every tensor of a file.

    Args:
        path: the file.

    Returns:
        Array by name, in the order of the numbers in the file; bfloat16 as float32.

    Raises:
        ValueError: the file is damaged or truncated, or holds a type that is not known here; with the tensor's name.
        OSError: the file cannot be read.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        header_size = int.from_bytes(file.read(_LENGTH), "little")
        if size < _LENGTH or header_size > size - _LENGTH:
            raise ValueError(
                f"{path}: the header is said to have {header_size} bytes, the file has {size}: it is truncated or no "
                ".safetensors file; fetch it again"
            )
        entries = _parse_header(path, file.read(header_size))
        data_size = size - _LENGTH - header_size
        tensors, position = {}, 0
        for name, entry in sorted(entries.items(), key=lambda item: _offsets(path, *item)):
            begin, end = _offsets(path, name, entry)
            kind, shape = _type_and_shape(path, name, entry)
            if begin != position or end > data_size or end - begin != kind.itemsize * math.prod(shape):
                raise ValueError(
                    f"{path}: tensor {name}: {entry['dtype']} {shape} at bytes {begin} to {end} does not fit the file, "
                    f"whose next numbers begin at {position} and end at {data_size}: fetch it again"
                )
            try:
                values = np.frombuffer(file.read(end - begin), kind).reshape(shape)
            except (ValueError, OverflowError) as error:  # nothing, in a shape beyond all sizes
                raise ValueError(f"{path}: tensor {name}: shape {list(shape)}: {error}") from None
            tensors[name] = _from_bfloat16(values) if entry["dtype"] == "BF16" else values.copy()
            position = end
    if position != data_size:
        raise ValueError(f"{path}: {data_size - position} bytes at the end belong to no tensor: fetch it again")
    return tensors


def _parse_header(path, text: bytes) -> dict[str, dict[str, Any]]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            twice = min(name for name, count in Counter(names).items() if count > 1)
            raise ValueError(f"{twice!r} is there twice")
        return dict(pairs)

    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
        if not isinstance(header, dict):
            raise ValueError("it is no mapping")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no readable header of a .safetensors file ({error}): fetch it again") from None
    header.pop("__metadata__", None)
    for name, entry in header.items():
        if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
            raise ValueError(f"{path}: tensor {name}: expected dtype, shape and data_offsets in the header")
    return header


def _offsets(path, name: str, entry: dict[str, Any]) -> tuple[int, int]:
    offsets = entry["data_offsets"]
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ValueError(f"{path}: tensor {name}: data_offsets {offsets!r}: expected two numbers")
    return offsets[0], offsets[1]


def _type_and_shape(path, name: str, entry: dict[str, Any]) -> tuple[np.dtype, tuple[int, ...]]:
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in _TYPES:
        raise ValueError(f"{path}: tensor {name}: type {entry['dtype']!r}: expected one of {', '.join(_TYPES)}")
    if not _are_sizes(entry["shape"]) or len(entry["shape"]) > _MOST_DIMS:
        shown = f"{entry['shape']!r}"[:100]
        raise ValueError(f"{path}: tensor {name}: shape {shown}: expected at most {_MOST_DIMS} sizes, not negative")
    return np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)


def _from_bfloat16(values: np.ndarray) -> np.ndarray:
    """bfloat16 is the upper half of a float32."""
    return (values.astype("<u4") << 16).view("<f4")
