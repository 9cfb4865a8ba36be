"""A small database that experiments learn in no time: tones whose pitch tells the class, from five speakers."""

from pathlib import Path

import numpy as np
import pytest

from speechlib.io.wav_writer import write_wav

CLASSES = {"anger": 900.0, "joy": 500.0, "sadness": 220.0}


@pytest.fixture(scope="session")
def tones(tmp_path_factory) -> Path:
    """Folder with audio and labels.csv: file,speaker,gender,emotion,age,text."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    lines = ["file,speaker,gender,emotion,age,text"]
    for speaker in range(5):
        for label, pitch in CLASSES.items():
            for take in range(3):
                time = np.arange(4000) / 16000
                wave = 3000 * np.sin(2 * np.pi * pitch * (1 + 0.03 * speaker) * time) + rng.normal(size=4000) * 300
                name = f"s{speaker}_{label}_{take}.wav"
                write_wav(folder / name, wave.astype(np.int16), 16000)
                sex = "female" if speaker % 2 else "male"
                lines.append(f"{name},s{speaker},{sex},{label},{pitch * (1 + 0.03 * speaker):.1f},says {name}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def write_ini(tmp_path, tones):
    """Writes an INI file of an experiment on the tones; sections add or replace keys, None takes one out."""

    def write(name="exp", **sections: dict) -> Path:
        values: dict[str, dict] = {
            "EXP": {"root": str(tmp_path / "results"), "name": name},
            "DATA": {"databases": "['tones']", "tones": str(tones / "labels.csv"), "tones.absolute_path": "False"},
            "FEATS": {"type": "['mfcc']", "scale": "standard"},
            "MODEL": {"type": "logreg"},
        }
        for section, keys in sections.items():
            values.setdefault(section, {}).update(keys)
        text = ""
        for section, keys in values.items():
            text += f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)
        path = tmp_path / f"{name}.ini"
        path.write_text(text)
        return path

    return write
