"""Tables of selected Gaussians and posteriors: Kaldi's bytes and text, read in pieces, damage."""

import struct

import numpy as np
import pytest

from speechlib.io import posteriors
from speechlib.io.posteriors import Ragged, RaggedWriter, cut, join, pair, read_gselect, read_posteriors

SELECTION = Ragged(np.array([0, 2, 2, 3]), np.array([7, 1, 300], np.int32))
POSTERIORS = SELECTION._replace(values=np.array([0.25, 0.75, 1], np.float32))


def integers(*values):
    return b"".join(struct.pack("<bi", 4, value) for value in values)


def write(tmp_path, options, **items):
    with RaggedWriter(f"ark{options}:{tmp_path}/x.ark") as writer:
        for key, value in items.items():
            writer.write(key, value)
    return (tmp_path / "x.ark").read_bytes()


def same(found, expected):
    assert np.array_equal(found.offsets, expected.offsets) and np.array_equal(found.gaussians, expected.gaussians)
    assert (found.values is None) == (expected.values is None)
    assert found.values is None or np.array_equal(found.values, expected.values)


def test_bytes_are_kaldis(tmp_path):
    # PosteriorHolder::Write and BasicVectorVectorHolder<int32>::Write: each number preceded by its size.
    assert write(tmp_path, "", u=SELECTION) == b"u \0B" + integers(3, 2, 7, 1, 0, 1, 300)
    values = [struct.pack("<bf", 4, value) for value in (0.25, 0.75, 1)]
    expected = b"u \0B" + integers(3, 2, 7) + values[0] + integers(1) + values[1] + integers(0, 1, 300) + values[2]
    assert write(tmp_path, "", u=POSTERIORS) == expected
    assert write(tmp_path, ",t", u=SELECTION) == b"u 7 1 ; ; 300 ; \n"
    assert write(tmp_path, ",t", u=POSTERIORS) == b"u [ 7 0.25 1 0.75 ] [ ] [ 300 1 ] \n"


@pytest.mark.parametrize("options", ["", ",t"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_what_is_written_is_read_however_it_arrives(tmp_path, monkeypatch, options, chunk):
    monkeypatch.setattr(posteriors, "_CHUNK", chunk)
    generator = np.random.default_rng(0)
    many = {}
    for index in range(5):
        counts = generator.integers(0, 4, 100 * index)
        offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        many[f"u{index}"] = Ragged(offsets, generator.integers(0, 2048, offsets[-1]).astype(np.int32))
    many["even"] = Ragged(np.arange(0, 61, 3), generator.integers(0, 2048, 60).astype(np.int32))
    write(tmp_path, options, **many)
    found = dict(read_gselect(f"ark:{tmp_path}/x.ark"))
    assert list(found) == list(many)
    for key, ragged in many.items():
        same(found[key], ragged)
    with_values = {key: ragged._replace(values=generator.random(len(ragged.gaussians)).astype(np.float32).round(3))
                   for key, ragged in many.items()}  # fmt: skip
    write(tmp_path, options, **with_values)
    for key, ragged in read_posteriors(f"ark:cat {tmp_path}/x.ark |"):
        same(ragged, with_values[key])


def test_a_script_names_places_in_archives(tmp_path):
    with RaggedWriter(f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp") as writer:
        writer.write("a", POSTERIORS)
        writer.write("b", POSTERIORS)
    found = dict(read_posteriors(f"scp:{tmp_path}/x.scp"))
    same(found["a"], POSTERIORS)
    same(found["b"], POSTERIORS)


def test_goldens_files_are_read_and_written_alike(tmp_path, golden):
    for name, read in (("gselect", read_gselect), ("post", read_posteriors)):
        with RaggedWriter(f"ark,t:{tmp_path}/x") as writer:
            for key, ragged in read(f"ark:{golden}/ivector/{name}.txt"):
                writer.write(key, ragged)
        assert (tmp_path / "x").read_bytes() == (golden / f"ivector/{name}.txt").read_bytes()


@pytest.mark.parametrize(
    "data, message",
    [
        (b"u \0B" + integers(3, 2, 7), "utterance 'u': truncated"),
        (b"u \0B" + integers(1, -2), "a frame with -2 Gaussians"),
        (b"u \0B\x08" + integers(1, 1, 1)[1:], "expected the number of frames"),
        (b"u \0B" + integers(2, 1) + b"\x09\0\0\0\0" + integers(1, 4), "damaged"),
        (b"u 1 2 ; 3\n", "end in a semicolon"),
        (b"u 1 x ;\n", "not the number of a Gaussian"),
    ],
)
def test_damage_is_named(tmp_path, data, message):
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(ValueError, match=message) as error:
        list(read_gselect(f"ark:{tmp_path}/bad"))
    assert "bad" in str(error.value)


def test_text_that_is_no_posteriors(tmp_path):
    for line, message in (("u 1 2 3", "expected posteriors"), ("u [ 1 0.5 2 ]", "without its value"),
                          ("u [ 1 x ]", "not a posterior")):  # fmt: skip
        (tmp_path / "bad").write_text(line + "\n")
        with pytest.raises(ValueError, match=message):
            list(read_posteriors(f"ark:{tmp_path}/bad"))


def test_join_and_cut_undo_each_other():
    parts = list(cut(join([POSTERIORS, POSTERIORS, POSTERIORS]), np.array([3, 3, 3])))
    assert len(parts) == 3
    for part in parts:
        same(part, POSTERIORS)


def test_pairs_leave_out_what_does_not_fit():
    features = [(key, np.zeros((3, 2))) for key in ("a", "b", "c", "d")]
    lists = [("a", SELECTION), ("x", SELECTION), ("b", Ragged(np.array([0, 1]), np.array([1]))), ("d", SELECTION)]
    warnings = []
    assert [key for key, _, _ in pair(features, iter(lists), warnings.append)] == ["a", "d"]
    assert "b has 3 frames of features, Gaussians for 1" in warnings[0] and "c has no selected" in warnings[1]
