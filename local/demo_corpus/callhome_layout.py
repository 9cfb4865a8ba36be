"""A demo corpus in CALLHOME's layout (LDC97S42, LDC97T14): two-channel telephone calls of 2 to 7 speakers, transcripts.

data/{train,devtest,evltest}/en_<number>.sph, and transcrpt/ with the same folders of .txt: `<start> <end> A1: <text>`.
As in CALLHOME, a speaker is in one call only, and those on one side of the line share its handset, room and noise.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import sentences
from .noises import make_noise
from .processes import run_isolated
from .rooms import simulate_rir
from .sphere import encode_mulaw_sphere
from .turns import turn_order
from .voices import RATE as _VOICE_RATE
from .voices import Speaker, Voice, draw_speakers

DEFAULT_SPEAKERS = 190
_MIN_SPEAKERS, _MAX_SPEAKERS = 9, 1200
_RATE = 8000
_SHARES = {"train": 0.26, "devtest": 0.25, "evltest": 0.49}  # of the speakers
_SIZES = (2, 3, 2, 4, 2, 2, 5, 2, 6, 2, 3, 2, 7, 2)  # speakers of the calls, over and over: most have two
_UTTERANCES = {2: (5, 8), 3: (4, 6)}  # of each speaker, by the number of them
_UTTERANCES_OF_MANY = (3, 4)
_BROKEN_OFF = 0.4  # of the utterances
_FIRST_CALL = 4065
_SWITCH_S, _GO_ON_S = (-0.35, 0.8), (0.15, 0.9)  # pauses when the other side, the same side speaks next
_NOISES = ("hiss", "hum", "street", "rain", "engine")
_NOISE_S = 8.192  # over and over
_SNRS_DB = (14.0, 30.0)
_BAND = (300.0, 3400.0)  # Hz, of the telephone
_NOTICE = "SYNTHETIC: every voice of this corpus is made by espeak-ng; no human speaker is in it.\n"


@dataclass(frozen=True)
class Call:
    """A call: its speakers by the labels of the transcript (A, A1, B, ...), and what they say in order of speaking."""

    name: str
    part: str
    number: int
    speakers: dict[str, Speaker]
    turns: list[tuple[str, str]]

    def texts(self, label: str) -> list[str]:
        """What one of them says."""
        return [text for speaker, text in self.turns if speaker == label]


@dataclass(frozen=True)
class _Spoken:
    """int16 samples (samples,) at 8 kHz, with the first and one past the last sample of speech."""

    samples: np.ndarray
    begin: int
    end: int


def plan(num_speakers: int, seed: int) -> list[Call]:
    """Draw the calls, their speakers and texts; no speaker is in two calls.

    Raises:
        ValueError: fewer than 9 or more than 1200 speakers, or a negative seed.
    """
    if not _MIN_SPEAKERS <= num_speakers <= _MAX_SPEAKERS:
        raise ValueError(f"--speakers {num_speakers}: from {_MIN_SPEAKERS} to {_MAX_SPEAKERS} can be made")
    if seed < 0:
        raise ValueError(f"--seed {seed}: a whole number from 0 on is expected")
    rng = np.random.default_rng([seed, 20])
    women = num_speakers // 2
    voices = draw_speakers({"F": women, "M": num_speakers - women}, key=(seed, 20))
    voices = [voices[index] for index in rng.permutation(num_speakers)]
    sizes = {part: max(2, round(share * num_speakers)) for part, share in _SHARES.items()}
    sizes["evltest"] = num_speakers - sizes["train"] - sizes["devtest"]
    calls: list[Call] = []
    number = _FIRST_CALL
    for part, total in sizes.items():
        for size in _call_sizes(total):
            members = dict(zip(_labels(size, rng), voices, strict=False))
            del voices[:size]
            number += int(rng.integers(1, 40))
            least, most = _UTTERANCES.get(size, _UTTERANCES_OF_MANY)
            counts = {label: int(rng.integers(least, most + 1)) for label in members}
            order = turn_order(counts, rng)
            texts = [_shorten(text, rng) for text in sentences.draw_unique(len(order), rng)]
            turns = list(zip(order, texts, strict=True))
            calls.append(Call(f"en_{number}", part, number, members, turns))
    return calls


def _shorten(text: str, rng: np.random.Generator) -> str:
    """People do not always finish their sentences: about a second is left of some."""
    words = text.split()
    count = int(rng.integers(3, 6)) if rng.random() < _BROKEN_OFF else len(words)
    return text if count >= len(words) else " ".join(words[:count]) + "."


def _call_sizes(total: int) -> list[int]:
    """Numbers of speakers that add up to the total."""
    sizes: list[int] = []
    while total:
        size = min(_SIZES[len(sizes) % len(_SIZES)], total)
        # nobody is left to talk to himself
        size += total - size == 1
        sizes.append(size)
        total -= size
    return sizes


def _labels(size: int, rng: np.random.Generator) -> list[str]:
    """A, A1, .. of the one side and B, B1, .. of the other; both sides have someone."""
    first = 1 + int(rng.integers(size - 1))
    return [f"{side}{index or ''}" for side, count in (("A", first), ("B", size - first)) for index in range(count)]


def _read_aloud(speaker: Speaker, texts: list[str]) -> list[_Spoken]:
    """All texts of one speaker, in a process of its own."""
    import soxr

    voice = Voice(speaker)
    spoken = []
    for text in texts:
        utterance = voice.say(text)
        samples = soxr.resample(utterance.samples.astype(np.float32), _VOICE_RATE, _RATE, quality="HQ")
        begin, end = (round(place * _RATE / _VOICE_RATE) for place in (utterance.words[0][0], utterance.words[-1][1]))
        spoken.append(_Spoken(np.clip(np.rint(samples), -32768, 32767).astype(np.int16), begin, min(end, len(samples))))
    return spoken


def _line(voice: np.ndarray, loud: float, rng: np.random.Generator) -> np.ndarray:
    """One side's speech (samples,) as it arrives, int16; its mean square is `loud` while there is speech."""
    room = simulate_rir(rng, _RATE, "small")
    room = room[int(np.argmax(np.abs(room))) :]
    noise = make_noise(rng, _NOISE_S, _RATE, kind=_NOISES[int(rng.integers(len(_NOISES)))])
    noise = np.resize(noise, len(voice))
    size = 1 << (len(voice) + len(room)).bit_length()
    frequencies = np.maximum(np.fft.rfftfreq(size, 1 / _RATE), 1.0)
    # the handset: a band, brighter or duller, with one resonance
    handset = 1 / np.sqrt((1 + (_BAND[0] / frequencies) ** 4) * (1 + (frequencies / _BAND[1]) ** 12))
    handset *= (frequencies / 1000) ** rng.uniform(-0.5, 0.5)
    peak, width = rng.uniform(700, 2600), rng.uniform(200, 500)
    handset *= 1 + rng.uniform(0.3, 1.5) * np.exp(-(((frequencies - peak) / width) ** 2))
    level = np.sqrt(loud / 10 ** (rng.uniform(*_SNRS_DB) / 10))
    spectrum = np.fft.rfft(voice, size) * np.fft.rfft(room, size) + level * np.fft.rfft(noise, size)
    heard = np.fft.irfft(spectrum * handset, size)[: len(voice)]
    heard *= rng.uniform(700, 2000) / np.sqrt(loud)
    return np.clip(np.rint(heard), -32768, 32767).astype(np.int16)


def _place(call: Call, spoken: dict[str, list[_Spoken]], rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """The speech of both sides (samples, 2) and the lines of the transcript."""
    waiting = {label: list(utterances) for label, utterances in spoken.items()}
    gains = {label: 10 ** (rng.uniform(-6, 0) / 20) for label in spoken}
    ends, last, now = {"A": 0, "B": 0}, "", round(0.4 * _RATE)
    placed, lines = [], []
    for label, text in call.turns:
        utterance = waiting[label].pop(0)
        side = label[0]
        pause = rng.uniform(*(_GO_ON_S if side == last else _SWITCH_S)) if last else 0.0
        start = max(now + round(pause * _RATE), ends[side] + round(_GO_ON_S[0] * _RATE), utterance.begin)
        end = start + utterance.end - utterance.begin
        placed.append((side == "B", start - utterance.begin, gains[label] * utterance.samples))
        lines.append(f"{start / _RATE:.2f} {end / _RATE:.2f} {label}: {text}\n")
        now, last, ends[side] = max(now, end), side, end
    sides = np.zeros((max(start + len(samples) for _, start, samples in placed) + _RATE // 4, 2))
    for channel, start, samples in placed:
        sides[start : start + len(samples), int(channel)] += samples
    return sides, sorted(lines, key=lambda line: float(line.split(None, 1)[0]))


def _record(call: Call, spoken: dict[str, list[_Spoken]], seed: int, root: Path) -> tuple[int, int]:
    """Write one call; returns the numbers of utterances and samples."""
    rng = np.random.default_rng([seed, 21, call.number])
    sides, lines = _place(call, spoken, rng)
    heard = np.empty(sides.shape, np.int16)
    for channel in range(2):
        voice = sides[:, channel]
        loud = float(np.mean(voice[np.abs(voice) > 0.02 * np.abs(voice).max()] ** 2))
        heard[:, channel] = _line(voice, loud, rng)
    fields = {"database_id": "speechlib-demo", "recording_id": call.name}
    (root / "data" / call.part / f"{call.name}.sph").write_bytes(encode_mulaw_sphere(heard, _RATE, fields))
    text = f"# {_NOTICE}\n" + "\n".join(lines)
    (root / "transcrpt" / call.part / f"{call.name}.txt").write_text(text, encoding="ascii")
    return len(lines), len(heard)


def write_corpus(root: Path, num_speakers: int, seed: int, processes: int) -> str:
    """Write the corpus under `root` and return one line about it; the bytes do not depend on `processes`.

    Raises:
        ValueError, EspeakError: see `plan` and `Voice.say`.
    """
    calls = plan(num_speakers, seed)
    (root / "README").write_text(_NOTICE)
    for part in _SHARES:
        for top in ("data", "transcrpt"):
            (root / top / part).mkdir(parents=True)
    asked = [(speaker, call.texts(label)) for call in calls for label, speaker in call.speakers.items()]
    answers = iter(run_isolated(_read_aloud, asked, processes))
    spoken = [{label: next(answers) for label in call.speakers} for call in calls]
    recorded = [(call, said, seed, root) for call, said in zip(calls, spoken, strict=True)]
    utterances, samples = (sum(values) for values in zip(*run_isolated(_record, recorded, processes), strict=True))
    counts = ", ".join(f"{sum(call.part == part for call in calls)} {part}" for part in _SHARES)
    minutes = samples / _RATE / 60
    return f"{num_speakers} speakers, {len(calls)} calls ({counts}), {utterances} utterances, {minutes:.1f} minutes"
