"""Reading of .safetensors: types and shapes, and files that claim what is not so."""

import json
import struct
import tracemalloc

import numpy as np
import pytest

from speechlib.io.safetensors import read_safetensors


def pack(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_every_type_and_shape_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "F32": rng.normal(size=(2, 3)).astype("<f4"), "F64": rng.normal(size=(2,)), "F16": np.array(1.5, "<f2"),
        "I64": np.array([[-5], [7]]), "U8": np.zeros((0, 4), np.uint8), "BOOL": np.array([True, False]),
    }  # fmt: skip
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for kind, array in arrays.items():
        header[kind] = entry(kind, list(array.shape), len(data), len(data) + array.nbytes)
        data += array.tobytes()
    # The upper halves of float32 numbers: 1, -2, infinity.
    header["BF16"] = entry("BF16", [3], len(data), len(data) + 6)
    path = tmp_path / "x.safetensors"
    path.write_bytes(pack(header, data + struct.pack("<3H", 0x3F80, 0xC000, 0x7F80)))
    found = read_safetensors(path)
    assert list(found) == [*arrays, "BF16"]
    for kind, array in arrays.items():
        assert found[kind].dtype == array.dtype and found[kind].shape == array.shape
        np.testing.assert_array_equal(found[kind], array)
    assert found["BF16"].dtype == np.float32 and found["BF16"].tolist() == [1, -2, np.inf]
    found["F32"][0, 0] = 9  # the caller's own


HOSTILE = {
    "said to have": [
        b"",
        b"\x01\x00",
        pack({}, length=1 << 62),
        pack({"a": entry("F32", [1], 0, 4)}, b"1234")[:20],
    ],
    "no readable header": [
        pack(b"\xff\xfe"),
        pack(b"[1]"),
        pack(b"{}x"),
        pack(b"[" * 200_000),
        pack(b'{"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "a": 1}'),
    ],
    "tensor a: expected dtype, shape and data_offsets": [pack({"a": {"dtype": "F32"}}), pack({"a": 3})],
    "tensor a: data_offsets": [
        pack({"a": entry("F32", [1], 0, 4) | {"data_offsets": offsets}}, b"1234")
        for offsets in (None, [0], [0, -4], [0, 4.0], [0, True])
    ],
    "tensor a: type": [pack({"a": entry("F8_E4M3", [4], 0, 4)}, b"1234")],
    "tensor a: shape": [pack({"a": entry("F32", shape, 0, 4)}, b"1234") for shape in (None, [-1], ["1"], 1)],
    "tensor a: F32 .* does not fit": [
        pack({"a": entry("F32", [2], 0, 4)}, b"1234"),
        pack({"a": entry("F32", [1 << 60, 1 << 60], 0, 4)}, b"1234"),
        pack({"a": entry("F32", [1 << 60], 0, 1 << 62)}, b"1234"),
        pack({"a": entry("F32", [1], 4, 8)}, b"12345678"),
    ],
    "tensor b: F32 .* does not fit": [
        pack({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, b"123456789012"),
    ],
    "4 bytes at the end belong to no tensor": [pack({"a": entry("F32", [1], 0, 4)}, b"12345678")],
}


@pytest.mark.parametrize("message, content", [(message, item) for message, items in HOSTILE.items() for item in items])
def test_what_does_not_fit_the_file_is_an_error_and_takes_no_memory(tmp_path, message, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message):
            read_safetensors(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
