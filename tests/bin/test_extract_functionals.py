"""extract_functionals: vectors of a data directory, segments and other rates, bad audio, stamps, messages."""

import numpy as np
import pytest

from speechlib.bin.extract_functionals import main
from speechlib.features.functionals import FunctionalOptions, Functionals
from speechlib.features.power_spectra import check_waveform
from speechlib.io.audio import write_wav
from speechlib.io.tables import read_table


@pytest.fixture
def data(tmp_path):
    """Two recordings of different rates, the first cut in two segments."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, rate in (("r1", 16000), ("r2", 8000)):
        write_wav(folder / f"{name}.wav", rng.normal(0, 1000, rate).round(), rate)
    (folder / "wav.scp").write_text("".join(f"{name} {folder}/{name}.wav\n" for name in ("r1", "r2")))
    (folder / "segments").write_text("a-1 r1 0.1 0.6\na-2 r1 0.5 1.0\nb-1 r2 0.0 1.0\n")
    return folder


def test_vectors_are_those_of_the_utterances(data, tmp_path, capsys):
    assert main(["--names", f"{tmp_path}/names.txt", str(data), f"ark:{tmp_path}/x.ark"]) == 0
    found = dict(read_table(f"ark:{tmp_path}/x.ark", "vector"))
    functionals = Functionals()
    assert list(found) == ["a-1", "a-2", "b-1"]
    samples = np.random.default_rng(0).normal(0, 1000, 16000).round().astype(np.float32)
    np.testing.assert_array_equal(found["a-1"], functionals(samples[1600:9600]))
    rng = np.random.default_rng(0)
    rng.normal(0, 1000, 16000)
    np.testing.assert_array_equal(found["b-1"], functionals(check_waveform(rng.normal(0, 1000, 8000).round(), 8000)))
    assert tuple((tmp_path / "names.txt").read_text().split()) == functionals.names
    assert "228 functionals of 3 utterances, 0 bad, 0 skipped" in capsys.readouterr().err


def test_groups_and_the_range_of_the_pitch(data, tmp_path):
    arguments = ["--groups", "energy,pitch", "--min-pitch", "80", "--max-pitch=300"]
    assert main([*arguments, str(data), f"ark:{tmp_path}/x.ark"]) == 0
    found = dict(read_table(f"ark:{tmp_path}/x.ark", "vector"))
    samples = np.random.default_rng(0).normal(0, 1000, 16000).round().astype(np.float32)
    expected = Functionals(FunctionalOptions(("pitch", "energy"), 80, 300))(samples[1600:9600])
    np.testing.assert_array_equal(found["a-1"], expected)


def test_bad_audio_is_an_error_unless_it_is_listed(data, tmp_path, capsys):
    (data / "r2.wav").write_bytes(b"no audio")
    assert main([str(data), f"ark:{tmp_path}/x.ark"]) == 1
    assert "error: utterance b-1:" in capsys.readouterr().err
    assert main(["--bad", f"{tmp_path}/bad.tsv", str(data), f"ark:{tmp_path}/x.ark"]) == 0
    assert (tmp_path / "bad.tsv").read_text().startswith("b-1\t")
    assert [key for key, _ in read_table(f"ark:{tmp_path}/x.ark")] == ["a-1", "a-2"]


def test_audio_beyond_all_levels_is_bad(data, tmp_path, capsys):
    import soundfile

    soundfile.write(data / "r2.wav", np.full(8000, 1e4, np.float32), 8000, subtype="FLOAT")
    assert main([str(data), f"ark:{tmp_path}/x.ark"]) == 1
    assert "utterance b-1: sample 0 of the waveform is 3.2768e+08: expected numbers in int16" in capsys.readouterr().err


def test_a_finished_job_is_not_done_twice(data, tmp_path, capsys):
    job = ["--stamp", f"{tmp_path}/done", "--groups", "pitch", str(data), f"ark,scp:{tmp_path}/x.ark,{tmp_path}/x.scp"]
    assert main(job) == 0
    written = (tmp_path / "x.ark").stat().st_mtime_ns
    assert main(job) == 0
    assert "complete already" in capsys.readouterr().out
    assert (tmp_path / "x.ark").stat().st_mtime_ns == written
    write_wav(data / "r2.wav", np.zeros(9000), 8000)  # another recording under the same name
    assert main(job) == 0
    assert (tmp_path / "x.ark").stat().st_mtime_ns > written
    with pytest.raises(ValueError, match="--stamp goes with ark,scp:FILE,FILE"):
        main(["--stamp", f"{tmp_path}/done", str(data), f"ark:{tmp_path}/x.ark"])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--groups", "pitch,energi"], r"no group 'energi' \(did you mean energy\?\): expected some of pitch, energy"),
        (["--groups", ","], "expected one or more of"),
        (["--min-pitch", "10"], "pitch from 10 to 650 Hz"),
    ],
)
def test_options_that_make_no_sense(data, tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        main([*arguments, str(data), f"ark:{tmp_path}/x.ark"])
