"""Kaldi's objects in buffers: layouts, ranges, damage."""

import struct
import tracemalloc

import numpy as np
import pytest

from speechlib.io.ark import Truncated, decode, decode_quickly, decode_wave, encode, parse_part, skip

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)


def joined(value, **options):
    return b"".join(encode(value, **options))


@pytest.mark.parametrize(
    ("value", "binary", "text"),
    [
        (MATRIX[:2, :2], b"\0BFM \4\2\0\0\0\4\2\0\0\0" + MATRIX[:2, :2].tobytes(), b" [\n  0 1 \n  4 5 ]\n"),
        (np.array([1.5, -2]), b"\0BDV \4\2\0\0\0" + struct.pack("<dd", 1.5, -2), b" [ 1.5 -2 ]\n"),
        (np.array([1, -1]), b"\0B\4\2\0\0\0\4\1\0\0\0\4\xff\xff\xff\xff", b"1 -1 \n"),
        (np.zeros((0, 0), np.float32), b"\0BFM \4\0\0\0\0\4\0\0\0\0", b" [ ]\n"),
        (np.zeros((0, 5), np.float32), b"\0BFM \4\0\0\0\0\4\0\0\0\0", b" [ ]\n"),
        (np.zeros(0, np.float32), b"\0BFV \4\0\0\0\0", b" [ ]\n"),
        (np.zeros(0, np.int32), b"\0B\4\0\0\0\0", b"\n"),
        (361, b"\0B\4" + struct.pack("<i", 361), b"361 \n"),
        (3.608187, b"\0B\4" + struct.pack("<f", 3.608187), b"3.608187 \n"),
        ("word", b"word\n", b"word\n"),
        (["a", "b"], b"a b \n", b"a b \n"),
    ],
)
def test_layouts(value, binary, text):
    assert joined(value) == binary
    assert joined(value, binary=False) == text


def test_text_has_kaldis_seven_digits():
    values = np.array([0.08323788, 1e-5, 123456.789, 1e10, 0.1, np.inf, -np.inf, np.nan], dtype=np.float32)
    assert joined(values, binary=False) == b" [ 0.08323788 1e-05 123456.8 1e+10 0.1 inf -inf nan ]\n"
    np.testing.assert_array_equal(decode(joined(values[3:], binary=False), 0)[0], values[3:])


@pytest.mark.parametrize(
    "value",
    [
        *(np.eye(3, dtype=int), np.zeros((2, 2, 2)), np.array(["a"]), np.array([2**31]), np.zeros(3, complex)),
        *(True, None, {}, 2**31, "a b", "", ["a b"]),
    ],
)
def test_what_kaldi_does_not_have(value):
    with pytest.raises(ValueError):
        encode(value)


def test_only_matrices_are_compressed():
    with pytest.raises(ValueError, match="only matrices"):
        encode(np.zeros(3, np.float32), compression=True)
    assert joined(np.zeros((0, 0)), compression=True)[:5] == b"\0BDM "
    assert joined(MATRIX, compression=2)[:5] == b"\0BCM "
    assert joined(MATRIX, compression=5)[:6] == b"\0BCM3 "


def test_kinds_are_checked():
    matrix, vector, integers = joined(MATRIX), joined(MATRIX[0]), joined(np.array([1, 2]))
    for data, wrong in ((matrix, "vector"), (vector, "matrix"), (integers, "matrix"), (matrix, "int_vector")):
        with pytest.raises(ValueError, match=wrong):
            decode(data, 0, wrong)
    with pytest.raises(ValueError, match="wave"):
        decode(matrix, 0, "wave")
    with pytest.raises(ValueError, match="brackets"):
        decode(b"1 2 3\n", 0, "vector")
    with pytest.raises(ValueError, match="tokens"):
        decode(b"one two\n", 0)


def test_single_numbers():
    assert decode(joined(7), 0, "int") == (7, 7)
    assert decode(joined(0.5), 0, "float") == (0.5, 7)
    assert decode(b"7 \n", 0, "int") == (7, 3)
    assert decode(b"x\n", 0, "token") == ("x", 2)
    assert decode(b"\n", 0, "tokens") == ([], 1)
    with pytest.raises(ValueError, match="one int"):
        decode(b"7 8\n", 0, "int")


@pytest.mark.parametrize("compression", [None, 2, 3, 5])
def test_ranges(compression):
    matrix = np.random.default_rng(0).standard_normal((20, 6)).astype(np.float32)
    data = joined(matrix, compression=compression)
    whole = decode(data, 0)[0]
    for part, rows, cols in [
        ("1:4,0:2", slice(1, 5), slice(0, 3)),
        ("0:0", slice(0, 1), slice(None)),
        (":,5:5", slice(None), slice(5, 6)),
        (",2:3", slice(None), slice(2, 4)),
        ("3:19,:", slice(3, 20), slice(None)),
    ]:
        found = decode(data, 0, part=part)[0]
        np.testing.assert_array_equal(found, whole[rows, cols])
        assert found.flags.writeable
    with pytest.warns(UserWarning, match="beyond"):
        assert len(decode(data, 0, part="10:22")[0]) == 10


@pytest.mark.parametrize("part", ["", "5", "4:2", "20:20", "0:23", "0:1,0:6", "0:1,0:1,0:1", "a:b", "-1:2", "1:2:3"])
def test_bad_ranges(part):
    with pytest.raises(ValueError, match="range"):
        parse_part(part, (20, 6))


def test_vector_ranges():
    np.testing.assert_array_equal(decode(joined(MATRIX[1]), 0, part="1:2")[0], [5, 6])
    np.testing.assert_array_equal(decode(b" [ 1 2 3 ]\n", 0, part="1:2")[0], [2, 3])


@pytest.mark.parametrize(
    "value", [MATRIX, MATRIX.astype(float), MATRIX[0], MATRIX[0].astype(float), np.arange(5), [MATRIX, 2], [MATRIX, 5]]
)
def test_every_cut_is_noticed(value):
    data = joined(value[0], compression=value[1]) if isinstance(value, list) else joined(value)
    assert skip(data, 0) == decode(data, 0)[1] == len(data)
    for length in range(len(data)):
        assert decode_quickly(data[:length], 0) is None
        with pytest.raises(ValueError):
            decode(data[:length], 0)
    with pytest.raises(Truncated) as error:
        decode(data[:-1], 0)
    assert error.value.needed == len(data)


@pytest.mark.parametrize("text", [b" [\n 1 2\n 3", b" [ 1 2 3 ", b"1 2 3", b""])
def test_cut_text_is_noticed(text):
    with pytest.raises(Truncated):
        decode(text, 0)


@pytest.mark.parametrize("text", [b" [\n 1 2\n 3 ]\n", b" [ 1 x ]\n", b" [ 1 ] 2\n"])
def test_damaged_text(text):
    with pytest.raises(ValueError):
        decode(text, 0)


def test_text_matrix_styles():
    for text in (b" [\n  1 2 \n  3 4 ]\n", b"[ 1 2 ; 3 4 ]\n", b"  [\n1 2\n3 4\n]\n", b" [\n 1 2\n 3 4 ]"):
        np.testing.assert_array_equal(decode(text, 0, "matrix")[0], [[1, 2], [3, 4]])
    assert decode(b" [ 1 2 ]\n", 0, "matrix")[0].shape == (1, 2)
    assert decode(b" [ 1 2 ]\n", 0)[0].shape == (2,)
    assert decode(b" [ ]\n", 0, "vector")[0].shape == (0,)
    assert decode(b" [ ]\n", 0, "matrix")[0].shape == (0, 0)


@pytest.mark.parametrize(
    "head",
    [
        b"\0BFM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f",
        b"\0BDM \4\xff\xff\xff\x7f\4\xff\xff\xff\x7f",
        b"\0BFV \4\xff\xff\xff\x7f",
        b"\0B\4\xff\xff\xff\x7f",
        b"\0BCM " + struct.pack("<ffii", 0, 1, 2**31 - 1, 2**31 - 1),
        b"\0BCM2 " + struct.pack("<ffii", 0, 1, 2**31 - 1, 2**31 - 1),
        b"\0BFM \4\xff\xff\xff\xff\4\xff\xff\xff\xff",
        b"\0BFM \4\xff\xff\xff\xff\4\1\0\0\0",
        b"\0BFM \5\1\0\0\0\4\1\0\0\0",
        b"\0BCM " + struct.pack("<ffii", 0, 1, -1, 5),
        b"\0BCM " + struct.pack("<ffii", 0, 1, 5, -1),
        b"\0BFV \4\xff\xff\xff\xff",
        b"\0B\4\xff\xff\xff\xff",
        b"\0BSM \4\1\0\0\0\4\1\0\0\0",
        b"\0BWhatever",
    ],
)
def test_wild_headers_allocate_nothing(head):
    data = head + b"\0" * 100
    tracemalloc.start()
    try:
        assert decode_quickly(data, 0) is None
        with pytest.raises(ValueError):
            decode(data, 0)
        with pytest.raises(ValueError):
            skip(data, 0)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_arrays_belong_to_the_caller():
    data = joined(MATRIX)
    for array in (decode(data, 0)[0], decode_quickly(data, 0)[0]):
        array += 1
        assert array.flags.aligned
    np.testing.assert_array_equal(decode(data, 0)[0], MATRIX)


def wave(samples, rate=8000, extra=b"", size=None, coding=1, bits=16):
    body = samples.astype("<i2").tobytes()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    header = struct.pack("<HHIIHH", coding, channels, rate, rate * 2 * channels, 2 * channels, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + header + extra
    chunks += b"data" + struct.pack("<I", len(body) if size is None else size) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_waves():
    mono, stereo = np.arange(-5, 6, dtype=np.int16), np.arange(6, dtype=np.int16).reshape(3, 2)
    (rate, samples), end = decode_wave(b"key " + wave(mono, extra=b"LIST\3\0\0\0abc\0") + b"next", 4)
    assert rate == 8000 and end == len(b"key " + wave(mono, extra=b"LIST\3\0\0\0abc\0"))
    np.testing.assert_array_equal(samples, mono)
    np.testing.assert_array_equal(decode_wave(wave(stereo))[0][1], stereo)
    np.testing.assert_array_equal(decode_wave(wave(mono, size=0xFFFFFFFF))[0][1], mono)
    with pytest.raises(ValueError, match="16-bit PCM"):
        decode_wave(wave(mono, coding=3, bits=32))
    with pytest.raises(Truncated):
        decode_wave(wave(mono)[:-1])
    with pytest.raises(ValueError, match="kind 'wave'"):
        decode(wave(mono), 0)
