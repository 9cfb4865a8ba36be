"""Tables of samples as CSV files that are read again as databases."""

import numpy as np
import pytest

from speechlib.io.sample_csv import write_sample_csv
from speechlib.io.sample_sources import read_csv_database
from speechlib.io.samples import Samples
from speechlib.io.wav_writer import write_wav


def table(entries, starts, ends, **columns):
    count = len(entries)
    return Samples(["d"] * count, list(map(str, entries)), list(map(str, entries)), np.array(starts, float),
                   np.array(ends, float), [None] * count, columns)  # fmt: skip


@pytest.fixture
def recordings(tmp_path):
    paths = [tmp_path / "out/copies/a, b.wav", tmp_path / "far/c.wav"]
    for path in paths:
        path.parent.mkdir(parents=True)
        write_wav(path, np.arange(16000, dtype=np.int16), 16000)
    return paths


def test_what_is_written_is_read_again(tmp_path, recordings):
    samples = table(
        [recordings[0], recordings[0], recordings[1]], [0, 0.5, 0], [0.5, -1, -1], emotion=["joy", None, 'say "so"'],
        speaker=["1", "2", None], **{"table:x": ["x", "x", "x"], "empty": [None] * 3},
    )  # fmt: skip
    path = tmp_path / "out/table.csv"
    write_sample_csv(path, samples)
    lines = path.read_text().splitlines()
    assert lines[0] == "file,start,end,speaker,emotion"
    assert lines[1] == f'"{recordings[0]}",0.000000,0.500000,1,joy'
    assert lines[3].startswith(f"{recordings[1]},0.000000,,,")
    again = read_csv_database("d", path)
    assert again.starts.tolist() == [0, 0.5, 0] and again.ends.tolist() == [0.5, -1, -1]
    assert again.columns == {"speaker": ["1", "2", None], "emotion": ["joy", None, 'say "so"']}
    assert [again.duration(row) for row in range(3)] == [0.5, 0.5, 1.0]


def test_a_table_and_the_recordings_below_it_can_be_moved(tmp_path, recordings):
    write_sample_csv(tmp_path / "out/table.csv", table(recordings[:1], [0], [-1], age=["1"]))
    (tmp_path / "out").rename(tmp_path / "moved")
    assert read_csv_database("d", tmp_path / "moved/table.csv").names == ["copies/a, b.wav"]


def test_whole_recordings_need_no_times_and_commands_are_refused(tmp_path, recordings):
    path = tmp_path / "new/table.csv"
    write_sample_csv(path, table(recordings, [0, 0], [-1, -1], age=["1", "2"]))
    assert path.read_text().splitlines()[0] == "file,age"
    with pytest.raises(ValueError, match="1 recordings are no plain files.*command resample:\n  cat x.wav"):
        write_sample_csv(tmp_path / "no.csv", table(["cat x.wav |", recordings[0]], [0, 0], [-1, -1]))
    assert not (tmp_path / "no.csv").exists()
