"""Samples cut into stretches of speech."""

import importlib.util

import numpy as np
import pytest

from speechlib.experiments.segmenting import cut_stretch, recording_names, result_name, segment_samples
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.wav_writer import write_wav


def bursts(*spans, seconds=5.0):
    """Noise in some stretches of near silence."""
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 2, int(16000 * seconds))
    for start, end in spans:
        audio[int(16000 * start) : int(16000 * end)] += rng.normal(0, 3000, int(16000 * end) - int(16000 * start))
    return audio


@pytest.fixture
def talk(tmp_path):
    write_wav(tmp_path / "a.wav", bursts((0.5, 1.5), (2.5, 4.5)), 16000)
    write_wav(tmp_path / "still.wav", np.zeros(16000, np.int16), 16000)
    files = [str(tmp_path / name) for name in ("a.wav", "a.wav", "still.wav")]
    return Samples(["d"] * 3, files, files, np.array([0.0, 2.0, 0.0]), np.array([2.0, -1.0, -1.0]), [None] * 3,
                   {"emotion": ["joy", "fear", "joy"]})  # fmt: skip


@pytest.fixture
def ini(tmp_path):
    def make(*lines, method="energy"):
        path = tmp_path / "exp.ini"
        path.write_text(f"[EXP]\nroot = {tmp_path}\n[SEGMENT]\nmethod = {method}\n" + "\n".join(lines))
        return ExperimentIni(path)

    return make


def test_energy_finds_the_bursts_where_they_are_in_the_recording(talk, ini):
    said = []
    cut = segment_samples(ini("min_length = 0.5"), talk, said.append)
    assert cut.columns == {"emotion": ["joy", "fear"]}
    # with a margin of 0.1 s on both sides
    assert cut.starts == pytest.approx([0.4, 2.4], abs=0.04) and cut.ends == pytest.approx([1.6, 4.6], abs=0.04)
    assert any("1 of 3 samples have no speech" in line and "still.wav" in line for line in said)
    again = []
    same = segment_samples(ini("min_length = 0.5"), talk, again.append)
    assert "speech_energy: all 3 samples were in the store" in again
    assert (same.starts == cut.starts).all() and (same.ends == cut.ends).all()


def test_lengths_cut_and_leave_out(talk, ini):
    said = []
    cut = segment_samples(ini("min_length = 1.5"), talk, said.append)
    assert len(cut) == 1 and any("1 stretches of speech are shorter than 1.5 s" in line for line in said)
    cut = segment_samples(ini("min_length = 0.5", "max_length = 1"), talk, said.append)
    lengths = cut.ends - cut.starts
    assert len(cut) == 5 and lengths.max() <= 1 and lengths[2:] == pytest.approx(lengths[2])
    assert cut.starts[3:] == pytest.approx(cut.ends[2:4])


def test_stretches_are_cut_by_their_rule():
    assert cut_stretch(1, 2, 0.5, None) == [(1, 2)] and cut_stretch(1, 1.4, 0.5, None) == []
    assert cut_stretch(0, 3, 1, 1.5) == [(0, 1.5), (1.5, 3)]
    assert cut_stretch(0, 5, 1, 2) == [(0, pytest.approx(5 / 3)), (pytest.approx(5 / 3), pytest.approx(10 / 3)),
                                       (pytest.approx(10 / 3), 5)]  # fmt: skip
    # halves of 1.6 would be too short: one piece, and the rest is left out
    assert cut_stretch(0, 3.2, 2, 3) == [(0, 3)]


def test_speakers_get_two_columns(talk, ini):
    said = []
    cut = segment_samples(ini("min_length = 0.5", "speakers = True"), talk, said.append)
    assert cut.columns["file_speaker"] == ["a:speaker1"] * 2 and cut.columns["db_speaker"] == ["speaker1"] * 2
    assert sum("which is rough" in line for line in said) == 1


def test_nothing_left_and_lengths_that_contradict_are_errors(talk, ini):
    with pytest.raises(ValueError, match=r"exp.ini:5: \[SEGMENT\] min_length: no segment is left: .* lasts 2.2"):
        segment_samples(ini("min_length = 4"), talk, lambda line: None)
    with pytest.raises(ValueError, match=r"lasts 0.00 s"):
        segment_samples(ini(), talk.take([2]), lambda line: None)
    for lines in (["min_length = 2", "max_length = 1"], ["min_length = -1"], ["min_length = 0", "max_length = 0"]):
        with pytest.raises(ValueError, match=r"\[SEGMENT\] m.._length: expected 0 <= min_length <= max_length"):
            segment_samples(ini(*lines), talk, lambda line: None)


@pytest.mark.skipif(importlib.util.find_spec("silero_vad") is None, reason="the package silero-vad is not installed")
def test_silero_finds_speech(ini, corpora):
    file = str(corpora / "pyaa_dialogue/diarizationExample.wav")
    speech = Samples(["d"], [file], [file], np.zeros(1), np.array([10.0]), [None])
    cut = segment_samples(ini("min_length = 0.5", method="silero"), speech, lambda line: None)
    assert len(cut) > 1 and 4 < (cut.ends - cut.starts).sum() < 10


def test_without_silero_it_is_said_what_to_do(talk, ini, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="method: .*silero-vad.*utils/setup_env.sh vad installs it, or .* = energy"):
        segment_samples(ini(method="silero"), talk, lambda line: None)


def test_recordings_have_short_distinct_names(tmp_path):
    paths = [tmp_path / "x/a.wav", tmp_path / "y/a.wav"]
    for path in paths:
        path.parent.mkdir()
        path.touch()
    entries = [str(paths[0]), str(paths[1]), str(paths[0]), "cat a.wav |"]
    samples = Samples(["d"] * 4, entries, entries, np.zeros(4), np.full(4, -1.0), [None] * 4)
    assert recording_names(samples) == ["a", "a_2", "a", "cat a.wav |"]


def test_the_name_of_the_result_may_be_nkululekos(ini):
    assert result_name(ini()) == "segmented.csv" and result_name(ini("result = x.csv")) == "x.csv"
    assert result_name(ini("segment_target = _seg")) == "_seg.csv"
    assert result_name(ini("segment_target = a", "result = b.csv")) == "b.csv"
