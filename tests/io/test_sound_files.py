"""Sound files rewritten in place: format, coding, channels and level stay."""

import os

import numpy as np
import pytest
import soundfile

from speechlib.augment.speed import resample
from speechlib.io.sound_files import rewritable, rewrite_sound

TIMES = np.arange(8000) / 8000


@pytest.mark.parametrize(
    "name, coding", [("a.wav", "PCM_16"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.sph", "ULAW"), ("a.mp3", None)]
)
def test_format_and_channels_stay(tmp_path, name, coding):
    path = tmp_path / name
    two = np.stack([0.5 * np.sin(2 * np.pi * 440 * TIMES), 0.25 * np.sin(2 * np.pi * 660 * TIMES)], 1)
    soundfile.write(path, two, 8000, coding, format="NIST" if name.endswith("sph") else None)
    before = soundfile.info(path)
    os.chmod(path, 0o640)
    assert rewritable(path, 16000) == ""
    assert rewrite_sound(path, 16000, resample) == 1.0
    after, samples = soundfile.info(path), soundfile.read(path)[0]
    assert (after.format, after.subtype, after.channels) == (before.format, before.subtype, 2)
    assert after.samplerate == 16000 and len(samples) == 16000
    assert samples[1000:-1000].std(0) == pytest.approx([0.5 / 2**0.5, 0.25 / 2**0.5], rel=0.02)
    assert path.stat().st_mode & 0o777 == 0o640 and len(list(tmp_path.iterdir())) == 1


def test_what_would_be_clipped_is_made_softer_but_for_floats(tmp_path):
    square = np.sign(np.sin(2 * np.pi * 100 * TIMES + 0.1))
    for coding in ("PCM_16", "FLOAT"):
        soundfile.write(tmp_path / f"{coding}.wav", square, 8000, coding)
    gain = rewrite_sound(tmp_path / "PCM_16.wav", 11025, resample)
    assert 0.7 < gain < 0.95
    kept, softer = (soundfile.read(tmp_path / f"{coding}.wav")[0] for coding in ("PCM_16", "FLOAT"))
    assert rewrite_sound(tmp_path / "FLOAT.wav", 11025, resample) == 1.0
    softer = soundfile.read(tmp_path / "FLOAT.wav")[0]
    assert np.abs(kept).max() <= 1.0 and np.abs(softer).max() == pytest.approx(1 / gain, rel=1e-3)
    assert kept == pytest.approx(gain * softer, abs=2e-4)


def test_what_cannot_be_written_is_said(tmp_path):
    soundfile.write(tmp_path / "a.opus", 0.1 * TIMES, 8000, format="OGG", subtype="OPUS")
    assert "OGG of coding OPUS at 44100 Hz cannot be written" in rewritable(tmp_path / "a.opus", 44100)
    (tmp_path / "b.wav").write_text("text")
    assert str(tmp_path / "b.wav") in rewritable(tmp_path / "b.wav", 16000)
