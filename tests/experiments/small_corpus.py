"""A corpus of buzzing that takes a second to make, and INI files of experiments with it."""

import csv
import zlib
from pathlib import Path

import numpy as np

from speechlib.io.wav_writer import write_wav

RATE = 16000
PITCH = {"calm": 110.0, "angry": 240.0}  # Hz
SPEAKERS = {"s1": "female", "s2": "male", "s3": "female", "s4": "male"}


def buzz(pitch: float, seconds: float, seed: int, level: float = 3000.0) -> np.ndarray:
    """(samples,) int16-range syllables: harmonics of a pitch that swell three times a second, in a little noise."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * pitch * number * times + number) / number for number in range(1, 9))
    swell = np.clip(np.sin(2 * np.pi * 3 * times), 0, None)
    return (level * voice * swell / 2 + rng.normal(0, 20.0, len(times))).astype(np.float32)


def write_corpus(folder: Path, speakers=tuple(SPEAKERS), takes: int = 3, name: str = "small") -> Path:
    """Write the recordings and their CSV file: speaker, gender, emotion, age (a number)."""
    rows = []
    for place, speaker in enumerate(speakers):
        for emotion, pitch in PITCH.items():
            for take in range(takes):
                file = folder / name / f"{speaker}_{emotion}{take}.wav"
                seed = zlib.crc32(file.name.encode())
                file.parent.mkdir(parents=True, exist_ok=True)
                write_wav(file, buzz(pitch + 6 * place + take, 0.6 + 0.05 * take, seed), RATE)
                gender = SPEAKERS.get(speaker, "female")
                rows.append([str(file), speaker, gender, emotion, 20 + 5 * place + pitch / 100 + take])
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["file", "speaker", "gender", "emotion", "age"], *rows])
    return path


def write_ini(folder: Path, corpus: Path, name: str = "exp", target: str = "emotion", **sections: str) -> Path:
    """Write an INI file; keyword `MODEL="type = knn"` sets the lines of a section, and EXP, DATA are added to."""
    lines = {
        "EXP": f"root = {folder}/results\nname = {name}\nsave = True\n",
        "DATA": f"databases = ['small']\nsmall = {corpus}\nsmall.split_strategy = ['s4']\ntarget = {target}\n",
        "FEATS": "type = ['functionals']\nscale = standard\n",
        "MODEL": "type = knn\nk_val = 3\n",
    }
    for section, text in sections.items():
        lines[section] = (lines.get(section, "") if section in ("EXP", "DATA") else "") + text + "\n"
    path = folder / f"{name}.ini"
    path.write_text("".join(f"[{section}]\n{text}" for section, text in lines.items()))
    return path
