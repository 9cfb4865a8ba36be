"""Commands from voicing decisions to segments and their labels: results by hand, bad input, nothing half-written."""

import importlib.util

import numpy as np
import pytest

from speechlib.bin import compute_vad, detect_changes, label_segments, uniform_segments, vad_to_segments
from speechlib.features.harmonicity import HarmonicityExtractor, harmonicity_vad
from speechlib.io.audio import write_wav
from speechlib.io.segment_files import read_segments
from speechlib.io.tables import open_table, read_table


def times(path):
    return [(segment.recording, segment.start, segment.end) for segment in read_segments(path).values()]


@pytest.fixture
def vad(tmp_path):
    """Recordings: speech with a short and a long pause, silence, a click."""
    one = np.zeros(1000, np.float32)
    one[100:300] = one[320:400] = one[700:1000] = 1
    click = np.zeros(200, np.float32)
    click[50:60] = 1
    with open_table(f"ark:{tmp_path}/vad.ark") as writer:
        writer.write("one", one)
        writer.write("quiet", np.zeros(500, np.float32))
        writer.write("click", click)
    return f"ark:{tmp_path}/vad.ark"


def test_vad_to_segments(tmp_path, vad, capsys):
    assert vad_to_segments.main([vad, str(tmp_path / "segments")]) == 0
    assert times(tmp_path / "segments") == [("one", 1.0, 4.0), ("one", 7.0, 10.0)]
    messages = capsys.readouterr().err
    assert "recording quiet has no speech" in messages and "recording click has no speech" in messages
    assert "2 stretches of speech, 6.0 s, in 3 recordings, 2 of them without speech" in messages


def test_vad_to_segments_with_other_limits(tmp_path, vad):
    options = ["--min-silence", "0", "--min-speech=0.05", "--margin", "0.05", "--frame-shift", "0.02"]
    assert vad_to_segments.main([*options, vad, str(tmp_path / "segments")]) == 0
    # margins of 2 frames of 20 ms, within the recording
    assert times(tmp_path / "segments") == [
        ("click", 0.96, 1.24), ("one", 1.96, 6.04), ("one", 6.36, 8.04), ("one", 13.96, 20.0),
    ]  # fmt: skip


@pytest.mark.parametrize("option", ["--min-silence=-1", "--frame-shift=0"])
def test_vad_to_segments_refuses(tmp_path, vad, option):
    with pytest.raises(ValueError, match=option.split("=")[0]):
        vad_to_segments.main([option, vad, str(tmp_path / "segments")])
    assert not (tmp_path / "segments").exists()


@pytest.mark.parametrize("value", [2, -1, np.nan])
def test_vad_to_segments_takes_decisions_alone(tmp_path, value):
    with open_table(f"ark:{tmp_path}/no.ark") as writer:
        writer.write("one", np.array([0, 1, value], np.float32))
    with pytest.raises(ValueError, match=f"no.ark: recording one: {value} in frame 2 .* expected decisions, 0 or 1"):
        vad_to_segments.main([f"ark:{tmp_path}/no.ark", str(tmp_path / "segments")])
    assert not (tmp_path / "segments").exists()


def test_uniform_segments(tmp_path, capsys):
    (tmp_path / "speech").write_text("a r 1 4 1\nb r 5 5.3\nc s 0.2 1.2\n")
    assert uniform_segments.main([str(tmp_path / "speech"), str(tmp_path / "segments")]) == 0
    found = list(read_segments(tmp_path / "segments").values())
    assert [tuple(segment) for segment in found] == [
        ("r", 1.0, 2.5, 1), ("r", 1.75, 3.25, 1), ("r", 2.5, 4.0, 1), ("s", 0.2, 1.2, None),
    ]  # fmt: skip
    assert "4 segments of 3 stretches of speech; 1 were shorter than 0.5 s" in capsys.readouterr().err


def test_uniform_segments_of_nothing_and_of_bad_input(tmp_path):
    (tmp_path / "speech").write_text("")
    assert uniform_segments.main([str(tmp_path / "speech"), str(tmp_path / "segments")]) == 0
    assert (tmp_path / "segments").read_text() == ""
    with pytest.raises(ValueError, match="period <= window"):
        uniform_segments.main(["--window=0.5", str(tmp_path / "speech"), str(tmp_path / "other")])
    (tmp_path / "speech").write_text("a r 1\n")
    with pytest.raises(ValueError, match="speech:1: expected '<utterance> <recording> <start> <end>"):
        uniform_segments.main([str(tmp_path / "speech"), str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()


@pytest.fixture
def features(tmp_path):
    """A recording of two Gaussians: one until 4 s, another until 7 s, the first until 19 s."""
    rng = np.random.default_rng(3)
    frames = rng.standard_normal((1900, 4))
    frames[400:700] = frames[400:700] @ rng.standard_normal((4, 4)) + 1
    with open_table(f"ark:{tmp_path}/feats.ark") as writer:
        writer.write("r", frames.astype(np.float32))
        writer.write("other", frames[:300].astype(np.float32))
    return f"ark:{tmp_path}/feats.ark"


def test_detect_changes(tmp_path, features, capsys):
    (tmp_path / "speech").write_text("a r 1 19\nb r 0 0.2\nc another 0 5\n")
    assert detect_changes.main(["--max-segment=5", str(tmp_path / "speech"), features, str(tmp_path / "segments")]) == 0
    bounds = np.array([(start, end) for _, start, end in times(tmp_path / "segments")])
    # the last piece of 12 s is three of 4 s; the recording of another job is not its business
    np.testing.assert_allclose(bounds[:, 0], [1, 4, 7, 11, 15], atol=0.15)
    np.testing.assert_allclose(bounds[:, 1], [4, 7, 11, 15, 19], atol=0.15)
    assert "2 changes in 2 stretches of speech give 5 segments; 1 were shorter" in capsys.readouterr().err


def test_detect_changes_names_the_stretch_that_is_bad(tmp_path, features):
    with open_table(f"ark:{tmp_path}/bad.ark") as writer:
        writer.write("r", np.full((500, 3), np.nan, np.float32))
    (tmp_path / "speech").write_text("a r 1 4\n")
    with pytest.raises(ValueError, match="recording r, 1 s to 4 s: .*NaN"):
        detect_changes.main([str(tmp_path / "speech"), f"ark:{tmp_path}/bad.ark", str(tmp_path / "segments")])
    with pytest.raises(ValueError, match="--max-segment 0.8: expected at least twice"):
        detect_changes.main(["--max-segment=.8", str(tmp_path / "speech"), features, str(tmp_path / "segments")])
    assert not (tmp_path / "segments").exists()


def test_speech_beyond_the_features(tmp_path, features):
    """Up to half a second is a matter of windows, and of whoever reads the audio."""
    (tmp_path / "speech").write_text("a r 17 19.4\n")
    assert detect_changes.main([str(tmp_path / "speech"), features, str(tmp_path / "segments")]) == 0
    assert times(tmp_path / "segments") == [("r", 17.0, 19.4)]
    (tmp_path / "segments").unlink()
    (tmp_path / "speech").write_text("a r 17 25\n")
    with pytest.raises(ValueError, match="recording r, 17 s to 25 s: beyond the end of its 1900 frames at 19 s"):
        detect_changes.main([str(tmp_path / "speech"), features, str(tmp_path / "segments")])
    assert not (tmp_path / "segments").exists()


RTTM = """\
SPEAKER r 1 0.0 2.0 <NA> <NA> Zoë <NA> <NA>
SPEAKER r 1 1.5 1.0 <NA> <NA> bob <NA> <NA>
SPEAKER r 1 1.6 0.2 <NA> <NA> bob <NA> <NA>
SPEAKER r 1 9.0 1.0 <NA> <NA> bob <NA> <NA>
"""


def test_label_segments(tmp_path, capsys):
    (tmp_path / "ref.rttm").write_text(RTTM)
    (tmp_path / "segments").write_text("a r 0 2.5\nb r 1.8 2.5\nc r 3 4\nd r 7 8.5\n")
    arguments = [str(tmp_path / name) for name in ("segments", "ref.rttm", "utt2spk")]
    assert label_segments.main(arguments) == 0
    assert (tmp_path / "utt2spk").read_text() == "a r-Zoë\nb r-bob\nc r-bob\nd r-bob\n"
    assert "4 segments; nobody speaks in 2 of them" in capsys.readouterr().err


def test_label_segments_of_a_recording_without_reference(tmp_path):
    (tmp_path / "ref.rttm").write_text(RTTM)
    (tmp_path / "segments").write_text("a q 0 2.5\n")
    with pytest.raises(ValueError, match="ref.rttm: no turn of recording 'q', which .*segments has segments of"):
        label_segments.main([str(tmp_path / name) for name in ("segments", "ref.rttm", "utt2spk")])
    assert not (tmp_path / "utt2spk").exists()


@pytest.fixture
def data(tmp_path):
    """A data directory of two utterances in a recording: a tone with harmonics, and noise; 8 kHz."""
    rate = 8000
    time = np.arange(rate) / rate
    tone = 3000 * sum(np.cos(2 * np.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 25))
    hiss = 300 * np.random.default_rng(0).standard_normal(2 * rate)
    write_wav(tmp_path / "a.wav", np.concatenate((hiss, tone, hiss)).astype(np.float32), rate)
    (tmp_path / "wav.scp").write_text(f"r {tmp_path}/a.wav\n")
    (tmp_path / "segments").write_text("u1 r 0.5 4.5\nu2 r 3.5 5\n")
    (tmp_path / "utt2spk").write_text("u1 r\nu2 r\n")
    return tmp_path


def test_vad_of_audio(data, capsys):
    options = ["--type", "harmonicity", "--margin=50"]
    assert compute_vad.main([*options, str(data), f"ark:{data}/vad.ark"]) == 0
    found = dict(read_table(f"ark:{data}/vad.ark"))
    changes = np.flatnonzero(np.diff(found["u1"]))
    assert found["u1"].shape == (400,) and not found["u2"].any() and len(found["u2"]) == 150
    np.testing.assert_allclose(changes, [144, 254], atol=3)
    assert "utterance u2 has no voiced frame" in capsys.readouterr().err


def test_vad_of_audio_has_the_frames_of_the_features(data):
    (data / "utt2num_frames").write_text("u1 398\n")
    assert compute_vad.main(["--type=harmonicity", str(data), f"ark:{data}/vad.ark"]) == 0
    found = dict(read_table(f"ark:{data}/vad.ark"))
    assert {utterance: len(voiced) for utterance, voiced in found.items()} == {"u1": 398}
    (data / "utt2num_frames").write_text("u1 800\n")
    with pytest.raises(ValueError, match="utterance u1 of utt2num_frames: 400 voicing .* 800 frames.*--frame-shift"):
        compute_vad.main(["--type=harmonicity", str(data), f"ark:{data}/vad.ark"])


def test_vad_of_bad_audio_is_an_error(data):
    (data / "segments").unlink()
    (data / "wav.scp").write_text(f"r {data}/missing.wav\n")
    with pytest.raises(ValueError, match="utterance r: .*missing.wav"):
        compute_vad.main(["--type=harmonicity", str(data), f"ark:{data}/vad.ark"])
    assert not (data / "vad.ark").exists()


def test_vad_of_an_unknown_type_or_option(data, capsys):
    with pytest.raises(SystemExit):
        compute_vad.main(["--type=loudness", str(data), "ark:-"])
    assert "loudness" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        compute_vad.main(["--type=harmonicity", "--vad-energy-threshold=5", str(data), "ark:-"])
    assert "unknown option --vad-energy-threshold" in capsys.readouterr().err


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_vad_by_silero(data, rate):
    if importlib.util.find_spec("silero_vad") is None:
        pytest.skip("the package silero-vad is not installed")
    (data / "segments").unlink()
    write_wav(data / "a.wav", np.zeros(rate * 2, np.float32), rate)
    assert compute_vad.main(["--type=silero", str(data), f"ark:{data}/vad.ark"]) == 0
    found = dict(read_table(f"ark:{data}/vad.ark"))
    assert found["r"].shape == (200,) and not found["r"].any()


def test_long_recordings_are_decided_about_as_a_whole(data, monkeypatch):
    (data / "segments").unlink()
    monkeypatch.setattr(compute_vad, "_PIECE_SAMPLES", 1000)
    assert compute_vad.main(["--type=harmonicity", str(data), f"ark:{data}/vad.ark"]) == 0
    from speechlib.io.audio import read_audio

    samples, rate = read_audio(data / "a.wav")
    measures = zip(*HarmonicityExtractor(rate).stream([samples]), strict=True)
    expected = harmonicity_vad(*map(np.concatenate, measures))
    np.testing.assert_array_equal(dict(read_table(f"ark:{data}/vad.ark"))["r"], expected)
