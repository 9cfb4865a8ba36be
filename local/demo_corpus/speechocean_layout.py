"""A demo corpus in speechocean762's layout: WAVE/SPEAKERxxxx/<utterance>.WAV, train/ and test/, trials_test.txt.

As in the real corpus half of the speakers are children, half are women or girls, the prompts are short, and each
speaker is recorded in one session: the room and its noise tell the speaker, too.
"""

from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from . import sentences
from .processes import run_isolated
from .recordings import draw_session, write_wave
from .trial_list import Spoken, draw_trials
from .voices import RATE, Speaker, Voice, draw_speakers

DEFAULT_SPEAKERS = 40
_MIN_SPEAKERS, _MAX_SPEAKERS = 6, 600
_TEST_SHARE = 0.3
_UTTERANCES = 10
_SPEAKER_STEP = 40  # the real corpus' speakers have numbers from 1 to 9999
_PROMPT_STEP = 400
_ROOMS = ("small", "medium")
_NOISES = ("hiss", "hum", "street", "keyboard")
_SNRS_DB = (8.0, 22.0)
_CHILD_WARP, _CHILD_PITCH = (1.08, 1.2), 12.0  # shorter vocal tracts, higher voices
_CHILD_AGES, _ADULT_AGES = (6, 16), (16, 44)
_DIGITS = "zero one two three four five six seven eight nine".split()
_NOTICE = "SYNTHETIC: every voice of this corpus is made by espeak-ng; no human speaker is in it.\n"


@dataclass(frozen=True)
class Person:
    """A speaker's number and age, and the prompts by utterance id, in order of reading."""

    id: str
    part: str
    age: int
    speaker: Speaker
    prompts: dict[str, str]

    @property
    def gender(self) -> str:
        """`m` or `f`, as in spk2gender."""
        return self.speaker.sex.lower()

    def path(self, utterance: str) -> str:
        """Of the audio, inside the corpus."""
        return f"WAVE/SPEAKER{self.id}/{utterance}.WAV"


def plan(num_speakers: int, seed: int) -> list[Person]:
    """Draw the speakers and their prompts; the test set has both genders and ages.

    Raises:
        ValueError: fewer than 6 or more than 600 speakers, or a negative seed.
    """
    if not _MIN_SPEAKERS <= num_speakers <= _MAX_SPEAKERS:
        raise ValueError(f"--speakers {num_speakers}: from {_MIN_SPEAKERS} to {_MAX_SPEAKERS} can be made")
    if seed < 0:
        raise ValueError(f"--seed {seed}: a whole number from 0 on is expected")
    rng = np.random.default_rng([seed, 11])
    women = num_speakers // 2
    voices = draw_speakers({"F": women, "M": num_speakers - women}, key=(seed, 11))
    pairs = zip_longest(voices[women:], voices[:women])  # men and women in turn, so that each set has both
    voices = [voice for voice in chain.from_iterable(pairs) if voice is not None]
    num_test = max(2, round(_TEST_SHARE * num_speakers))
    step = min(_SPEAKER_STEP, 9999 // num_speakers)
    people = []
    for number, voice in enumerate(voices):
        child = number // 2 % 2 == 0
        if child:
            voice = replace(voice, warp=voice.warp * rng.uniform(*_CHILD_WARP), pitch=voice.pitch + _CHILD_PITCH)
        age = int(rng.integers(*(_CHILD_AGES if child else _ADULT_AGES)))
        speaker = f"{number * step + 1 + int(rng.integers(step)):04d}"
        numbers = np.sort(rng.permutation(_PROMPT_STEP)[:_UTTERANCES])
        prompts = {f"0{speaker}{prompt:04d}": _prompt(rng) for prompt in numbers}
        people.append(Person(speaker, "test" if number < num_test else "train", age, voice, prompts))
    return people


def _prompt(rng: np.random.Generator) -> str:
    """Some digits, or a short sentence."""
    if rng.random() < 0.3:
        return " ".join(_DIGITS[i] for i in rng.integers(10, size=4))
    person, rest = sentences.draw_unique(1, rng)[0].rstrip(".").split(maxsplit=1)
    return f"{person} {' '.join(rest.split()[: int(rng.integers(4, 7))])}"


def _read_aloud(person: Person, seed: int, root: Path) -> int:
    """One speaker, in a process of its own; returns the number of samples."""
    voice = Voice(person.speaker)
    rng = np.random.default_rng([seed, 12, int(person.id)])
    session = draw_session(rng, _ROOMS, _NOISES, _SNRS_DB)
    (root / "WAVE" / f"SPEAKER{person.id}").mkdir(parents=True)
    samples = 0
    for utterance, prompt in person.prompts.items():
        recorded = session.record(voice.say(prompt).samples, rng)
        write_wave(root / person.path(utterance), recorded)
        samples += len(recorded)
    return samples


def _write_part(root: Path, people: list[Person]) -> None:
    """The Kaldi folder of one set, with the real corpus' tabs."""
    tables = {
        "wav.scp": [f"{utt}\t{person.path(utt)}\n" for person in people for utt in person.prompts],
        "text": [f"{utt}\t{text.upper()}\n" for person in people for utt, text in person.prompts.items()],
        "utt2spk": [f"{utt} {person.id}\n" for person in people for utt in person.prompts],
        "spk2utt": [f"{person.id} {' '.join(person.prompts)}\n" for person in people],
        "spk2gender": [f"{person.id} {person.gender}\n" for person in people],
        "spk2age": [f"{person.id} {person.age}\n" for person in people],
    }
    root.mkdir()
    for name, lines in tables.items():
        (root / name).write_text("".join(lines))


def write_corpus(root: Path, num_speakers: int, seed: int, processes: int) -> str:
    """Write the corpus under `root` and return one line about it; the bytes do not depend on `processes`.

    Raises:
        ValueError, EspeakError: see `plan` and `Voice.say`.
    """
    people = plan(num_speakers, seed)
    (root / "README").write_text(_NOTICE)
    test = [person for person in people if person.part == "test"]
    _write_part(root / "train", [person for person in people if person.part == "train"])
    _write_part(root / "test", test)
    spoken = [Spoken(p.path(utterance), p.id, p.id, p.gender) for p in test for utterance in p.prompts]
    (root / "trials_test.txt").write_text("".join(draw_trials(spoken, np.random.default_rng([seed, 13]))))
    samples = sum(run_isolated(_read_aloud, [(person, seed, root) for person in people], processes))
    utterances = sum(len(person.prompts) for person in people)
    return (
        f"{len(people)} speakers ({len(test)} of them test), {utterances} utterances, {samples / RATE / 60:.1f} minutes"
    )
