"""Numbers of an ONNX file without a runtime, and what is said about files that are none."""

import importlib.util

import numpy as np
import pytest

from speechlib.io.onnx_tensors import read_onnx_tensors
from speechlib.io.silero_weights import read_silero_weights


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    """A field of a message: an integer, or bytes (a string, a message)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, array, kind=1, packed=False):
    dims = field(1, b"".join(map(varint, array.shape))) if packed else b"".join(field(1, size) for size in array.shape)
    return dims + field(2, kind) + field(8, name.encode()) + field(9, array.tobytes())


@pytest.fixture
def model(tmp_path):
    """An initializer, a Constant node, and a Constant in the body of an If; beside them an integer."""
    first = np.arange(300, dtype="<f4").reshape(150, 2)
    second, third = np.array([1.5], "<f4"), np.array([[2.0, 3.0]], "<f4")
    constant = field(2, b"second") + field(4, b"Constant") + field(5, field(1, b"value") + field(5, tensor("", second)))
    inner = field(1, field(2, b"third") + field(5, field(5, tensor("", third))))
    branch = field(4, b"If") + field(5, field(1, b"then_branch") + field(6, inner))
    graph = field(5, tensor("first", first, packed=True)) + field(1, constant) + field(1, branch)
    graph += field(5, tensor("number", np.array([7], "<i8"), kind=7))
    path = tmp_path / "model.onnx"
    path.write_bytes(field(1, 8) + varint(3 << 3 | 5) + b"abcd" + field(7, graph))
    return path, {"first": first, "second": second, "third": third}


def test_tensors_of_initializers_constants_and_bodies(model):
    path, expected = model
    found = read_onnx_tensors(path)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("cut", [5, 100, -1])
def test_a_damaged_file(model, cut):
    path, _ = model
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="model.onnx: no .*install it again|model.onnx: no float32 tensor"):
        read_onnx_tensors(path)


def test_no_onnx_at_all(tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"<!doctype html><html>")
    with pytest.raises(ValueError, match="no ONNX file"):
        read_onnx_tensors(path)


def test_a_machine_without_the_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install 'silero-vad"):
        read_silero_weights(16000)
