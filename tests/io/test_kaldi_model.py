"""Model files: Kaldi's own PLDA and Gaussian mixtures in binary and text, read and written again."""

import numpy as np
import pytest

from speechlib.io.kaldi_model import PackedMatrix, read_model, write_model


@pytest.mark.parametrize("name", ["plda", "plda_raw32"])
def test_plda_in_binary_equals_text(golden, name):
    binary, text = read_model(f"{golden}/plda/{name}"), read_model(f"{golden}/plda/{name}.txt")
    assert [binary[0], binary[-1]] == [text[0], text[-1]] == ["<Plda>", "</Plda>"]
    assert len(binary) == len(text) == 5
    dim = len(binary[1])
    for ours, theirs, shape in zip(binary[1:4], text[1:4], [(dim,), (dim, dim), (dim,)], strict=True):
        assert ours.shape == shape and ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", ["plda", "plda_raw32"])
def test_plda_is_written_as_kaldi_writes_it(golden, tmp_path, name):
    items = read_model(f"{golden}/plda/{name}")
    write_model(f"{tmp_path}/binary", items)
    write_model(f"{tmp_path}/text", items, binary=False)
    assert (tmp_path / "binary").read_bytes() == (golden / "plda" / name).read_bytes()
    assert (tmp_path / "text").read_bytes() == (golden / "plda" / f"{name}.txt").read_bytes()


def test_packed_matrices_of_kaldi_survive_both_formats(golden, tmp_path):
    items = read_model(f"{golden}/ivector/fubm0.txt")
    packed = [item for item in items if isinstance(item, PackedMatrix)]
    assert len(packed) == 4 and packed[0].size == 20
    assert packed[0].symmetric()[1, 1] == 0.01490118
    write_model(f"{tmp_path}/text", [items[0], "\n", *items[1:], "\n"], binary=False)
    assert (tmp_path / "text").read_bytes() == (golden / "ivector" / "fubm0.txt").read_bytes()
    write_model(f"{tmp_path}/binary", items)
    again = [item for item in read_model(f"{tmp_path}/binary") if isinstance(item, PackedMatrix)]
    np.testing.assert_array_equal(again[3].values, packed[3].values)


def test_packed_matrix_halves():
    square = np.array([[1.0, 2, 3], [2, 5, 6], [3, 6, 9]])
    packed = PackedMatrix.pack(square)
    np.testing.assert_array_equal(packed.values, [1, 2, 5, 3, 6, 9])
    np.testing.assert_array_equal(packed.symmetric(), square)
    np.testing.assert_array_equal(packed.lower(), np.tril(square))
    assert PackedMatrix.pack(packed) is packed and PackedMatrix.pack(np.zeros((0, 0))).size == 0
    with pytest.raises(ValueError, match="square"):
        PackedMatrix.pack(square[:2])


def test_numbers_keep_type_and_value_in_binary(tmp_path):
    items = ["<A>", 0, -1, 4_000_000, "\n", 2.5, np.float32(0.25), np.float32(-3), np.uint16(7), np.zeros(0), "</A>"]
    write_model(f"{tmp_path}/m", items)
    again = read_model(f"{tmp_path}/m")
    assert again[:-2] == ["<A>", 0, -1, 4_000_000, 2.5, 0.25, -3.0, 7]
    assert [type(number) for number in again[1:4]] == [int] * 3 and type(again[6]) is float
    write_model(f"{tmp_path}/t", items, binary=False)
    assert (tmp_path / "t").read_text() == "<A> 0 -1 4000000 \n2.5 0.25 -3 7  [ ]\n</A> "


def test_packed_single_precision_in_binary(tmp_path):
    packed = PackedMatrix(np.arange(3, dtype=np.float32))
    write_model(f"{tmp_path}/m", ["<S>", packed])
    assert (tmp_path / "m").read_bytes()[6:11] == b"FP \4\2"
    again = read_model(f"{tmp_path}/m")[1]
    assert again.values.dtype == np.float32 and again.values.tolist() == [0, 1, 2]


def test_text_models_hold_numbers_too(tmp_path):
    (tmp_path / "m").write_text("<A> 3 -1.5 <W>  [ ]\n <M>  [\n  1 2 \n  3 4 ]\n</A> ")
    items = read_model(f"{tmp_path}/m")
    assert items[:4] == ["<A>", 3.0, -1.5, "<W>"] and items[4].size == 0 and items[5] == "<M>"
    np.testing.assert_array_equal(items[6], [[1, 2], [3, 4]])


@pytest.mark.parametrize("content", [
    b"\0B<Plda> DV \4\xff\xff\xff\x7f1", b"\0B<P> DP \4\3\0\0\0123", b"\0B<P> FP \4\xff\xff\xff\xff", b"\0B<N> \x08abc",
    b"<A> [ 1 2", b"<A> word", b"<A> ]", b"<A> [\n 1 2\n 3 ]", b"<A> [ 1 x ]",
])  # fmt: skip
def test_damage_names_file_and_offset(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ValueError, match="m: offset "):
        read_model(f"{tmp_path}/m")


@pytest.mark.parametrize("item", [True, "two words", None, np.arange(3), [1.0], 2**40])
def test_what_kaldi_has_no_form_for_is_not_written(tmp_path, item):
    with pytest.raises(ValueError):
        write_model(f"{tmp_path}/m", ["<A>", item])
    assert not list(tmp_path.iterdir())
