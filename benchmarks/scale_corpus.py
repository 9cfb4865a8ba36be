"""A corpus of a million utterances for scale.py: data directories, archives, trials, synthetic audio."""

from __future__ import annotations

import os
import random
import shutil
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_DECK = string.ascii_letters + string.digits + "-_"  # what the names of videos are made of
_FRAMES, DIM = 300, 30  # of a matrix in the archives
_MATRICES = 50  # of an archive; a script points to each many times
AUDIO_FILES, AUDIO_SECONDS = 1000, 8.0  # of the stages, all links to one


class Utterance(NamedTuple):
    """A line of every file: names, length in frames, and where its recording's segment begins (seconds)."""

    number: int
    name: str
    speaker: str
    video: str
    part: int
    frames: int
    begin: float


def utterances(count: int, num_speakers: int) -> Iterator[Utterance]:
    """Utterances in LC_ALL=C order; a video of a speaker has about eight of 4 to 20 s."""
    generator = random.Random(0)
    number = 0
    for place in range(num_speakers):
        speaker = f"id{place:05d}"
        remaining = (place + 1) * count // num_speakers - place * count // num_speakers
        videos = sorted("".join(generator.choices(_DECK, k=11)) for _ in range(-(-remaining // 8)))
        for video in videos:
            begin = 0.0
            for part in range(1, min(8, remaining) + 1):
                frames = 400 + min(1600, int(generator.expovariate(1 / 390)))  # 7.8 s in the mean, as there
                yield Utterance(number, f"{speaker}-{video}-{part:05d}", speaker, video, part, frames, begin)
                begin += frames / 100 + 1
                number += 1
            remaining -= min(8, remaining)


class Archives(NamedTuple):
    """A thousand archives of equal matrices: where a script finds an utterance's features."""

    folder: Path
    count: int
    stride: int  # bytes from matrix to matrix
    key_bytes: int

    def entry(self, utterance: int, total: int) -> str:
        """The entry of an utterance; neighbours are in one archive, as jobs leave them."""
        archive = utterance * self.count // total
        offset = utterance % _MATRICES * self.stride + self.key_bytes
        return f"{self.folder}/raw_mfcc_train.{archive + 1}.ark:{offset}"


def make_archives(folder: Path, count: int) -> Archives:
    """Archives of compressed matrices on disk (runs in a process of its own, as NumPy would stay in memory)."""
    import numpy as np

    from speechlib.io import ark

    folder.mkdir()
    matrix = np.random.default_rng(0).normal(0, 10, (_FRAMES, DIM)).astype(np.float32)
    record = b"".join(bytes(piece) for piece in ark.encode(matrix, True, True))
    keys = [f"matrix{number:05d} ".encode() for number in range(_MATRICES)]
    whole = b"".join(key + record for key in keys)
    for number in range(1, count + 1):
        with open(folder / f"raw_mfcc_train.{number}.ark", "wb") as file:
            file.write(whole)
            os.fsync(file.fileno())
    return Archives(folder, count, len(keys[0]) + len(record), len(keys[0]))


def make_data_dirs(work: Path, archives: Archives, count: int, num_speakers: int) -> None:
    """`data`, a recording an utterance, and `segments`, several segments a recording."""
    rows: dict[str, Callable[[Utterance], str]] = {
        "utt2spk": lambda utt: utt.speaker,
        "wav.scp": lambda utt: f"/corpora/voxceleb2/dev/wav/{utt.speaker}/{utt.video}/{utt.part:05d}.wav",
        "feats.scp": lambda utt: archives.entry(utt.number, count),
        "vad.scp": lambda utt: archives.entry(utt.number, count).replace("raw_mfcc", "vad"),
        "utt2dur": lambda utt: f"{utt.frames / 100:.2f}",
        "utt2num_frames": lambda utt: str(utt.frames),
    }
    one, cut = work / "data", work / "segments"
    one.mkdir(), cut.mkdir()
    for name, value in rows.items():
        with open(one / name, "w") as file:
            file.writelines(f"{utt.name} {value(utt)}\n" for utt in utterances(count, num_speakers))
    with open(one / "spk2utt", "w") as lists, open(one / "spk2gender", "w") as genders:
        speaker = ""
        for utt in utterances(count, num_speakers):
            if utt.speaker != speaker:
                lists.write(f"\n{utt.speaker}" if speaker else utt.speaker)
                genders.write(f"{utt.speaker} {'mf'[int(utt.speaker[2:]) % 2]}\n")
                speaker = utt.speaker
            lists.write(f" {utt.name}")
        lists.write("\n")
    for name in ("utt2spk", "spk2utt", "spk2gender", "feats.scp", "utt2num_frames"):
        shutil.copyfile(one / name, cut / name)
    with open(cut / "segments", "w") as segments, open(cut / "wav.scp", "w") as recordings:
        for utt in utterances(count, num_speakers):
            name = f"{utt.speaker}-{utt.video}"
            segments.write(f"{utt.name} {name} {utt.begin:.2f} {utt.begin + utt.frames / 100:.2f}\n")
            if utt.part == 1:
                recordings.write(f"{name} /corpora/voxceleb2/dev/wav/{utt.speaker}/{utt.video}.wav\n")


def make_vectors(names: Path, path: Path) -> None:
    import numpy as np

    from speechlib.io.tables import open_table

    with open(names) as lines, open_table(f"ark:{path}") as writer:
        for line in lines:
            writer.write(line.split()[0], np.ones(16, np.float32))


def make_trials(utt2spk: Path, count: int, trials: Path, scores: Path) -> None:
    """Pairs of utterances, each at most once; among 40,000 of them, as in VoxCeleb1's longest list."""
    generator = random.Random(0)
    with open(utt2spk) as file:
        names = [line.split()[0] for line in file]
    names = sorted(generator.sample(names, min(40_000, len(names))))
    with open(trials, "w") as labelled, open(scores, "w") as scored:
        for pair in generator.sample(range(len(names) ** 2), count):
            enrol, test = names[pair // len(names)], names[pair % len(names)]
            labelled.write(f"{enrol} {test} {'non' * (pair % 2)}target\n")
            scored.write(f"{enrol} {test} {generator.gauss(0, 5):.7g}\n")


def make_audio(folder: Path) -> None:
    import numpy as np

    from speechlib.io.wav_writer import write_wav

    folder.mkdir()
    noise = np.random.default_rng(0).normal(0, 1000, int(16000 * AUDIO_SECONDS)).astype(np.int16)
    write_wav(folder / "noise.wav", noise, 16000)
    names = [f"utt{number:04d}" for number in range(AUDIO_FILES)]
    (folder / "wav.scp").write_text("".join(f"{name} {folder}/noise.wav\n" for name in names))
    (folder / "utt2spk").write_text("".join(f"{name} {name}\n" for name in names))
