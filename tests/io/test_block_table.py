"""Matrices written block by block have the bytes of those written whole."""

import numpy as np
import pytest

from speechlib.io.block_table import BlockTableWriter
from speechlib.io.tables import RandomAccessTable, open_table


def matrices():
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(3, 10, (5000, 7)).astype(np.float32),
        "b": rng.normal(0, 1, (8, 4)).astype(np.float32),
        "c": np.full((20, 3), 2.5, np.float32),
        "d": rng.normal(0, 1, (9, 2)).astype(np.float32),
    }


@pytest.mark.parametrize("compression", [None, True, 2, 3, 5])
@pytest.mark.parametrize("prefix", ["ark,scp", "ark,t,scp"])
def test_same_bytes_as_whole_matrices(tmp_path, monkeypatch, compression, prefix):
    contents = []
    for name, writer_type in (("whole", open_table), ("blocks", BlockTableWriter)):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        with writer_type(f"{prefix}:x.ark,x.scp", compression) as writer:
            for key, matrix in matrices().items():
                if name == "whole":
                    writer.write(key, matrix)
                else:
                    assert writer.write_blocks(key, np.array_split(matrix, 6)) == len(matrix)
        contents.append(((folder / "x.ark").read_bytes(), (folder / "x.scp").read_text()))
        assert sorted(path.name for path in folder.iterdir()) == ["x.ark", "x.scp"]
    assert contents[0] == contents[1]


@pytest.mark.parametrize("compression", [None, True])
def test_subtract_mean(tmp_path, compression):
    matrix = matrices()["a"]
    centred = matrix - (matrix.sum(axis=0, dtype=np.float64) / len(matrix)).astype(np.float32)
    with open_table(f"ark:{tmp_path}/whole.ark", compression) as writer:
        writer.write("a", centred)
    with BlockTableWriter(f"ark:{tmp_path}/blocks.ark", compression) as writer:
        writer.write_blocks("a", [matrix], subtract_mean=True)
    assert (tmp_path / "whole.ark").read_bytes() == (tmp_path / "blocks.ark").read_bytes()


def test_a_failing_source_leaves_no_trace_of_its_key(tmp_path):
    def blocks():
        yield np.ones((3, 2), np.float32)
        raise RuntimeError("the file is truncated")

    with BlockTableWriter(f"ark:{tmp_path}/x.ark") as writer:
        with pytest.raises(RuntimeError):
            writer.write_blocks("bad", blocks())
        writer.write_blocks("good", [np.ones((3, 2), np.float32)])
        with pytest.raises(ValueError, match="'good' is written twice"):
            writer.write_blocks("good", [np.ones((3, 2), np.float32)])
        with pytest.raises(ValueError, match="expected a word without spaces"):
            writer.write_blocks("two words", [np.ones((3, 2), np.float32)])
        with pytest.raises(ValueError, match="without any block"):
            writer.write_blocks("none", [])
    table = RandomAccessTable(f"ark:{tmp_path}/x.ark")
    assert list(table) == ["good"]
    np.testing.assert_array_equal(table["good"], 1)
