"""A demo corpus in VoxCeleb1's layout: dev|test/wav/id1xxxx/<video>/0000n.wav, vox1_meta.csv and the official lists.

Every video of a speaker has its own room, noise and mood of the voice, so that two videos differ by more than
the words.
"""

import string
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from . import sentences
from .processes import run_isolated
from .recordings import draw_session, write_wave
from .trial_list import Spoken, draw_trials
from .voices import RATE, Speaker, Voice, draw_speakers

DEFAULT_SPEAKERS = 44
_MIN_SPEAKERS, _MAX_SPEAKERS = 6, 600
_TEST_SHARE = 0.28
_VIDEOS, _UTTERANCES = 4, 3
_FIRST_ID = 10001
_VIDEO_LETTERS = string.ascii_letters + string.digits + "-_"
_ROOMS = ("small", "medium", "large")
_NOISES = ("hiss", "hum", "street", "rain", "engine", "music")
_SNRS_DB = (6.0, 20.0)
_NATIONS = ("Nowhere", "Utopia", "Erewhon")
_DROPPED_AS_WRONG = 3  # trials that the cleaned list lacks
_NOTICE = "SYNTHETIC: every voice of this corpus is made by espeak-ng; no human speaker is in it.\n"


@dataclass(frozen=True)
class Person:
    """A speaker's identity and the texts by video, in order of speaking."""

    id: str
    name: str
    part: str
    speaker: Speaker
    videos: dict[str, list[str]]

    @property
    def gender(self) -> str:
        """`m` or `f`, as in vox1_meta.csv."""
        return self.speaker.sex.lower()

    def files(self) -> list[tuple[str, str]]:
        """(video, path as the lists name it) of all utterances."""
        return [
            (video, f"{self.id}/{video}/{number:05d}.wav")
            for video, texts in self.videos.items()
            for number in range(1, len(texts) + 1)
        ]


def plan(num_speakers: int, seed: int) -> list[Person]:
    """Draw the speakers, their videos and texts; about a quarter, in the middle of the ids, is the test set.

    Raises:
        ValueError: fewer than 6 or more than 600 speakers, or a negative seed.
    """
    if not _MIN_SPEAKERS <= num_speakers <= _MAX_SPEAKERS:
        raise ValueError(f"--speakers {num_speakers}: from {_MIN_SPEAKERS} to {_MAX_SPEAKERS} can be made")
    if seed < 0:
        raise ValueError(f"--seed {seed}: a whole number from 0 on is expected")
    rng = np.random.default_rng([seed, 1])
    num_test = max(2, round(_TEST_SHARE * num_speakers))
    first_test = (num_speakers - num_test) // 2
    women = num_speakers // 2
    voices = draw_speakers({"F": women, "M": num_speakers - women}, key=(seed, 1))
    pairs = zip_longest(voices[women:], voices[:women])  # men and women in turn, so that each set has both
    voices = [voice for voice in chain.from_iterable(pairs) if voice is not None]
    texts = iter(sentences.draw_unique(num_speakers * _VIDEOS * _UTTERANCES, rng))
    people = []
    for number, voice in enumerate(voices):
        videos = {_video_name(rng): [next(texts) for _ in range(_UTTERANCES)] for _ in range(_VIDEOS)}
        part = "test" if first_test <= number < first_test + num_test else "dev"
        people.append(Person(f"id{_FIRST_ID + number}", f"Synthetic_{number + 1:03d}", part, voice, videos))
    return people


def _video_name(rng: np.random.Generator) -> str:
    return "".join(_VIDEO_LETTERS[i] for i in rng.integers(len(_VIDEO_LETTERS), size=11))


def _mood(speaker: Speaker, rng: np.random.Generator) -> Speaker:
    """The voice of one day: people speak higher, faster or brighter in one video than in another."""
    return replace(
        speaker,
        pitch=speaker.pitch + rng.normal(0, 6),
        rate=speaker.rate * rng.uniform(0.88, 1.14),
        warp=speaker.warp * rng.uniform(0.975, 1.025),
        tilt=speaker.tilt + rng.normal(0, 0.15),
    )


def _film(person: Person, seed: int, root: Path) -> tuple[int, int]:
    """All videos of one speaker, in a process of its own; returns the numbers of utterances and samples."""
    voice = Voice(person.speaker)
    number = int(person.id[2:])
    utterances = samples = 0
    for index, (video, texts) in enumerate(person.videos.items()):
        rng = np.random.default_rng([seed, 2, number, index])
        session = draw_session(rng, _ROOMS, _NOISES, _SNRS_DB)
        voice.speaker = _mood(person.speaker, rng)
        folder = root / person.part / "wav" / person.id / video
        folder.mkdir(parents=True)
        for k, text in enumerate(texts, 1):
            recorded = session.record(voice.say(text).samples, rng)
            write_wave(folder / f"{k:05d}.wav", recorded)
            utterances += 1
            samples += len(recorded)
    return utterances, samples


def _write_lists(root: Path, people: list[Person], seed: int) -> None:
    rng = np.random.default_rng([seed, 3])
    (root / "README").write_text(_NOTICE)
    rows = ["VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"]
    for person in people:
        nation = _NATIONS[int(rng.integers(len(_NATIONS)))]
        rows.append(f"{person.id}\t{person.name}\t{person.gender}\t{nation}\t{person.part}\n")
    (root / "vox1_meta.csv").write_text("".join(rows))
    spoken = [
        Spoken(path, person.id, video, person.gender)
        for person in people
        if person.part == "test"
        for video, path in person.files()
    ]
    trials = draw_trials(spoken, rng)
    (root / "veri_test.txt").write_text("".join(trials))
    wrong = set(rng.permutation(len(trials))[:_DROPPED_AS_WRONG].tolist())
    (root / "veri_test2.txt").write_text("".join(line for i, line in enumerate(trials) if i not in wrong))
    (root / "iden_split.txt").write_text("".join(line for person in people for line in _split_lines(person)))


def _split_lines(person: Person) -> list[str]:
    """1 = training, 2 = validation, 3 = test: the last video tests, one utterance of the video before validates."""
    videos = list(person.videos)
    lines, validated = [], False
    for video, path in reversed(person.files()):
        part = 3 if video == videos[-1] else 1 if validated else 2
        validated = validated or part == 2
        lines.append(f"{part} {path}\n")
    return lines[::-1]


def write_corpus(root: Path, num_speakers: int, seed: int, processes: int) -> str:
    """Write the corpus under `root` and return one line about it; the bytes do not depend on `processes`.

    Raises:
        ValueError, EspeakError: see `plan` and `Voice.say`.
    """
    people = plan(num_speakers, seed)
    _write_lists(root, people, seed)
    done = run_isolated(_film, [(person, seed, root) for person in people], processes)
    utterances, samples = (sum(values) for values in zip(*done, strict=True))
    test = sum(person.part == "test" for person in people)
    return (
        f"{len(people)} speakers ({test} of them test), {utterances} utterances in {_VIDEOS * len(people)} videos, "
        f"{samples / RATE / 60:.1f} minutes"
    )
