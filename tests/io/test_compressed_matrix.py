"""Compressed matrices: equal to Kaldi's arithmetic, written out here one value at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlib.io.compressed_matrix import HEADER, compress, data_size, decompress

F32 = np.float32
FULL = slice(None)


def decode(token, header, data, rows=FULL, cols=FULL):
    return decompress(token, HEADER.unpack(header), np.frombuffer(data, np.uint8), rows, cols)


def kaldi_char_to_float(p0, p25, p75, p100, code):
    """CompressedMatrix::CharToFloat: a float product, a double sum, one rounding."""
    if code <= 64:
        return F32(float(p0) + float(F32(p25 - p0) * F32(code)) * (1 / 64.0))
    if code <= 192:
        return F32(float(p25) + float(F32(p75 - p25) * F32(code - 64)) * (1 / 128.0))
    return F32(float(p75) + float(F32(p100 - p75) * F32(code - 192)) * (1 / 63.0))


def kaldi_decode(header, data):
    minimum, span, rows, cols = HEADER.unpack(header)
    quantiles = np.frombuffer(data, "<u2", 4 * cols).reshape(cols, 4)
    codes = np.frombuffer(data, np.uint8, offset=8 * cols).reshape(cols, rows)
    values = np.empty((rows, cols), F32)
    for col in range(cols):
        bounds = [F32(F32(minimum) + F32(F32(F32(span) * F32(1.52590218966964e-05)) * F32(q))) for q in quantiles[col]]
        for row in range(rows):
            values[row, col] = kaldi_char_to_float(*bounds, int(codes[col, row]))
    return values


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-6, 1.0, 1e6, 1e30])
@pytest.mark.parametrize("shift", [0.0, 12345.678])
def test_columns_decode_bit_for_bit(scale, shift):
    generator = np.random.default_rng(3)
    rows, cols = 40, 5
    minimum, span = F32((shift - generator.random()) * scale), F32((1 + generator.random()) * scale)
    quantiles = np.sort(generator.choice(65536, (cols, 4), replace=False), axis=1).astype("<u2")
    codes = generator.integers(0, 256, (cols, rows), dtype=np.uint8)
    codes[:, :6] = [0, 64, 65, 192, 193, 255]
    header, data = HEADER.pack(minimum, span, rows, cols), quantiles.tobytes() + codes.tobytes()
    np.testing.assert_array_equal(decode("CM", header, data), kaldi_decode(header, data))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 25),
    cols=st.integers(1, 6),
    method=st.sampled_from([1, 2, 3, 5]),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["normal", "constant", "few", "wide"]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_round_trip_is_near_and_stable(rows, cols, method, seed, kind, dtype):
    generator = np.random.default_rng(seed)
    matrix = {
        "normal": lambda: generator.standard_normal((rows, cols)) * 20 + 3,
        "constant": lambda: np.full((rows, cols), generator.standard_normal()),
        "few": lambda: generator.integers(-2, 3, (rows, cols)).astype(float),
        "wide": lambda: np.exp(10 * generator.standard_normal((rows, cols))),
    }[kind]().astype(dtype)
    token, header, data = compress(matrix, method)
    assert len(data) == data_size(token, rows, cols)
    values = decode(token, header, data)
    assert values.shape == matrix.shape and values.dtype == np.float32 and values.flags.c_contiguous
    span = float(matrix.max() - matrix.min()) or 1.0 + abs(float(matrix.max()))
    # CM: half a step of the widest part between two quantiles, and the quantiles' own rounding.
    tolerance = {"CM": 1 / 100, "CM2": 1 / 65000, "CM3": 1 / 254}[token] * span + 1e-6 * abs(matrix).max()
    assert np.abs(values - matrix).max() <= tolerance
    part = decode(token, header, data, slice(rows // 2, rows), slice(0, cols // 2 + 1))
    np.testing.assert_array_equal(part, values[rows // 2 :, : cols // 2 + 1])


def test_fixed_ranges_are_exact_for_integers():
    integers = np.arange(-32768, 32768, 257, dtype=np.float32).reshape(-1, 4)
    np.testing.assert_array_equal(decode(*compress(integers, 4)), integers)
    octets = np.arange(256, dtype=np.float32).reshape(16, 16)
    np.testing.assert_allclose(decode(*compress(octets, 6)), octets, rtol=1e-6)
    outside = np.array([[-5.0, 0.0, 0.5, 1.0, 7.0]], dtype=np.float32)
    np.testing.assert_allclose(decode(*compress(outside, 7)), [[0, 0, 127 / 255, 1, 1]], rtol=1e-6)


def test_automatic_method_depends_on_the_rows():
    assert compress(np.eye(8, dtype=np.float32))[0] == "CM2"
    assert compress(np.eye(9, dtype=np.float32))[0] == "CM"


@pytest.mark.parametrize("method", [0, 8, -1])
def test_unknown_method(method):
    with pytest.raises(ValueError, match=f"method {method}"):
        compress(np.eye(3), method)


@pytest.mark.parametrize("method", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(method, value):
    matrix = np.eye(9, dtype=np.float32)
    matrix[2, 2] = value
    if np.isnan(value) or method in (2, 3, 5):
        with pytest.raises(ValueError, match="cannot compress"):
            compress(matrix, method)


def test_native_kaldi_reads_the_same(tmp_path):
    kaldi_native_io = pytest.importorskip("kaldi_native_io")
    from speechlib.io.tables import open_table, read_table

    generator = np.random.default_rng(5)
    path = tmp_path / "a.ark"
    for method in range(2, 8):
        with open_table(f"ark:{path}", compression=method) as writer:
            for index in range(20):
                writer.write(f"u{index:02d}", generator.standard_normal((1 + 3 * index, 7)) * 10 ** (index % 5))
        ours = dict(read_table(f"ark:{path}"))
        with kaldi_native_io.SequentialFloatMatrixReader(f"ark:{path}") as reader:
            for key, matrix in reader:
                np.testing.assert_array_equal(ours[key], np.array(matrix))


def test_native_kaldi_writes_the_same(tmp_path):
    kaldi_native_io = pytest.importorskip("kaldi_native_io")
    generator = np.random.default_rng(6)
    matrices = {f"u{i:02d}": generator.standard_normal((i + 1, 4)).astype(F32) * 10 ** (i % 4) for i in range(30)}
    matrices["v"] = np.zeros((20, 3), F32)
    matrices["w"] = np.repeat(np.arange(4, dtype=F32), 9)[:, None]
    from speechlib.io.tables import open_table

    for method in (1, 2, 3, 5):
        theirs, ours = tmp_path / "theirs", tmp_path / "ours"
        with kaldi_native_io.CompressedMatrixWriter(f"ark:{theirs}") as writer:
            for key, matrix in matrices.items():
                writer.write(key, matrix, kaldi_native_io.CompressionMethod(method))
        with open_table(f"ark:{ours}", compression=method) as writer:
            for key, matrix in matrices.items():
                writer.write(key, matrix)
        assert ours.read_bytes() == theirs.read_bytes(), method
