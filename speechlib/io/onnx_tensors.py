"""The numbers in an ONNX file, by name: its protocol buffers (onnx.proto) are read, no runtime runs the model."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np

# Numbers of fields in onnx.proto.
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_OUTPUT, _NODE_ATTRIBUTE = 2, 5
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 5, 6
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT32 = 1
_MOST_DIMS = 32
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def read_onnx_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the float32 tensors of a model, those of `If` and `Loop` bodies included.

    Returns:
        Array by name: of an initializer its own, of a Constant node that of its output.

    Raises:
        ValueError: the file is damaged or no ONNX.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        data = memoryview(file.read())
    tensors: dict[str, np.ndarray] = {}
    try:
        for number, value in _fields(data):
            if number == _MODEL_GRAPH:
                tensors.update(_of_graph(value))
    except (ValueError, IndexError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: no ONNX file, or damaged ({error}): install it again") from None
    if not tensors:
        raise ValueError(f"{path}: no float32 tensor in it: expected an ONNX model")
    return tensors


def _of_graph(graph: memoryview) -> Iterator[tuple[str, np.ndarray]]:
    for number, value in _fields(graph):
        if number == _GRAPH_INITIALIZER:
            yield from _tensor(value)
        elif number == _GRAPH_NODE:
            yield from _of_node(value)


def _of_node(node: memoryview) -> Iterator[tuple[str, np.ndarray]]:
    fields = list(_fields(node))
    output = next((_text(value) for number, value in fields if number == _NODE_OUTPUT), "")
    for attribute in (value for number, value in fields if number == _NODE_ATTRIBUTE):
        for number, value in _fields(attribute):
            if number == _ATTRIBUTE_TENSOR:
                yield from ((output, array) for _, array in _tensor(value))
            elif number == _ATTRIBUTE_GRAPH:
                yield from _of_graph(value)


def _tensor(tensor: memoryview) -> Iterator[tuple[str, np.ndarray]]:
    shape, kind, name, raw = [], None, "", None
    for number, value in _fields(tensor):
        if number == _TENSOR_DIMS:
            shape += [value] if isinstance(value, int) else list(_varints(value))
            if len(shape) > _MOST_DIMS:
                raise ValueError(f"a tensor of more than {_MOST_DIMS} dimensions")
        elif number == _TENSOR_TYPE:
            kind = value
        elif number == _TENSOR_NAME:
            name = _text(value)
        elif number == _TENSOR_RAW:
            raw = value
    if kind == _FLOAT32 and raw is not None and len(raw) == 4 * math.prod(shape):
        yield name, np.frombuffer(raw, "<f4").reshape(shape).copy()


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise ValueError(f"the number {value} where a name is due")
    return bytes(value).decode()


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message: an integer for varints, else the bytes."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire = key & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
        else:
            if wire == _BYTES:
                size, position = _varint(data, position)
            elif wire in (_FIXED32, _FIXED64):
                size = 4 if wire == _FIXED32 else 8
            else:
                raise ValueError(f"wire type {wire}")
            value = data[position : position + size]
            if len(value) != size:
                raise ValueError("the file ends in the middle of a field")
            position += size
        yield key >> 3, value


def _varints(data: memoryview) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        yield value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
