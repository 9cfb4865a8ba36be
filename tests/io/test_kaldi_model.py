"""Model files: Kaldi's own PLDA in binary and text."""

import numpy as np
import pytest

from speechlib.io.kaldi_model import read_model


@pytest.mark.parametrize("name", ["plda", "plda_raw32"])
def test_plda_in_binary_equals_text(golden, name):
    binary, text = read_model(f"{golden}/plda/{name}"), read_model(f"{golden}/plda/{name}.txt")
    assert [binary[0], binary[-1]] == [text[0], text[-1]] == ["<Plda>", "</Plda>"]
    assert len(binary) == len(text) == 5
    dim = len(binary[1])
    for ours, theirs, shape in zip(binary[1:4], text[1:4], [(dim,), (dim, dim), (dim,)], strict=True):
        assert ours.shape == shape and ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_text_models_hold_numbers_too(tmp_path):
    (tmp_path / "m").write_text("<A> 3 -1.5 <W>  [ ]\n <M>  [\n  1 2 \n  3 4 ]\n</A> ")
    items = read_model(f"{tmp_path}/m")
    assert items[:4] == ["<A>", 3.0, -1.5, "<W>"] and items[4].size == 0 and items[5] == "<M>"
    np.testing.assert_array_equal(items[6], [[1, 2], [3, 4]])


@pytest.mark.parametrize("content", [b"\0B<Plda> DV \4\xff\xff\xff\x7f1", b"<A> [ 1 2", b"<A> word", b"<A> ]"])
def test_damage_names_file_and_offset(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ValueError, match="m: offset "):
        read_model(f"{tmp_path}/m")
