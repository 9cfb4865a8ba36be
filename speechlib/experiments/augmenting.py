"""Augmented copies of samples: with noise, in a room, faster or slower, higher or lower."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from speechlib.augment.balance import plan_balance
from speechlib.augment.made_sounds import decaying_noise, pink_noise, white_noise
from speechlib.augment.mixing import Sounds, make_copy
from speechlib.augment.options import MUSIC, REVERB, AugmentOptions
from speechlib.augment.pitch import change_pitch
from speechlib.augment.speed import change_speed, resample
from speechlib.experiments.audio_facts import is_silent
from speechlib.experiments.features import REPORT_SECONDS
from speechlib.io.bad_audio import BadAudio
from speechlib.io.clip_lists import RESPONSE, ClipEntry, list_clips
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import code_digest, sample_keys
from speechlib.io.made_files import MadeFiles
from speechlib.io.samples import Samples
from speechlib.io.sound_clips import AudioCache, open_noises, open_responses
from speechlib.io.wav_writer import write_wav

_TRADITIONAL = ("pitch", "speed", "noise")  # one after the other, in one copy
_ROOMS = (0.2, 0.8)  # seconds of reverberation of made rooms
_DIRECT = (0.0, 10.0)  # dB of their direct sound over the rest
_LIMITS = {"snr": (-30.0, 60.0, "dB"), "speed": (0.5, 2.0, "times as fast"), "pitch": (-12.0, 12.0, "semitones")}


class Copy(NamedTuple):
    """A copy to make: of which row, and by which method."""

    row: int
    method: str


class Augmenter:
    """Makes copies as [AUGMENT] says; what is drawn depends on the seed, the sample and the method alone.

    Args:
        ini: of the experiment.

    Attributes:
        methods: of AUGMENT.augment, each once.

    Raises:
        ValueError, OSError: ranges that do not fit, or folders without usable sounds; with the place in the INI file.
    """

    def __init__(self, ini: ExperimentIni):
        self._ini, self._seed = ini, ini.get("EXP", "seed")
        self.methods = list(dict.fromkeys(str(method) for method in ini.get("AUGMENT", "augment")))
        if not self.methods:
            raise ini.error("AUGMENT", "augment", "no method: expected some of noise, reverberation, speed, pitch")
        self._ranges = {key: _range(ini, key) for key in _LIMITS}
        used = {step for method in self.methods for step in _steps(method)}
        self._noises = self._clips("noise", "noise") if "noise" in used else []
        self._responses = self._clips("rirs", RESPONSE) if "reverberation" in used else []
        self._sounds: dict[int, Sounds] = {}
        self._cache = AudioCache()
        # Long lists of noises are not read only to know whether they are the same as last time.
        self._description = {
            "seed": self._seed, "ranges": self._ranges, "code": code_digest("augment", "experiments/augmenting.py"),
            "clips": [
                (clip.name, os.path.getsize(clip.path), os.stat(clip.path).st_mtime_ns)
                for clip in (*self._noises, *self._responses)
            ],
        }  # fmt: skip

    def copies(self, samples: Samples, plan: Sequence[Copy], folder: Path, say: Callable[[str], None]) -> Samples:
        """Make planned copies as 16-bit WAV files, those that are there already excepted.

        Args:
            samples: the originals.
            plan: what to make of them.
            folder: for the copies.
            say: is told about progress.

        Returns:
            The copies in the order of the plan, with all labels of their originals, and in the columns `augmentation`
            and `original` how they were made and of which file.

        Raises:
            ValueError: originals of which no copy can be made, such as silent ones; all are listed.
        """
        files, keys = MadeFiles(folder), sample_keys(samples)
        names = copy_names(samples, plan)
        paths, problems, scaled = [], {}, []
        reported = time.monotonic()
        with threadpool_limits(1):  # sums over a sample are too short to be shared out
            for (row, method), name in zip(plan, names, strict=True):

                def write(path: Path, row=row, method=method) -> None:
                    gain = write_copy(path, *self.copy(samples, row, method))
                    if gain < 1:
                        scaled.append(gain)

                options = {"sample": keys[row], "key": samples.key(row), "method": method, **self._description}
                try:
                    paths.append(files.make(name, options, write))
                except (BadAudio, ValueError) as error:
                    problems[row] = f"{samples.names[row]}: {error}"
                if time.monotonic() - reported > REPORT_SECONDS:
                    reported = time.monotonic()
                    say(f"{len(paths)} of {len(plan)} copies")
        if problems:
            raise ValueError(
                f"{len(problems)} samples cannot be copied; leave them out, or mend them:\n  "
                + "\n  ".join(problems.values())
            )
        if scaled:
            say(f"{len(scaled)} copies are softer, by {-20 * np.log10(min(scaled)):.1f} dB at most, so that no sample "
                "is clipped")  # fmt: skip
        say(f"{files.num_made} copies made, {files.num_kept} were there")
        originals = samples.take([copy.row for copy in plan])
        copies = Samples(
            originals.databases, [f"{folder.name}/{name}" for name in names], [str(path) for path in paths],
            np.zeros(len(plan)), np.full(len(plan), -1.0), [None] * len(plan), originals.columns,
        )  # fmt: skip
        copies = copies.with_column("augmentation", [copy.method for copy in plan])
        return copies.with_column("original", originals.entries)

    def copy(self, samples: Samples, row: int, method: str) -> tuple[np.ndarray, int]:
        """(samples,) float32 in int16 range of a copy, and its sampling rate.

        Raises:
            BadAudio, ValueError: the original cannot be used.
        """
        audio, rate = samples.audio(row)
        if is_silent(audio):
            raise ValueError("it is silent, all its values are the same")
        text = f"{self._seed}\t{method}\t{samples.key(row)}"
        rng = np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))
        for step in _steps(method):
            audio = self._step(audio, rate, step, rng)
        return audio, rate

    def _step(self, audio: np.ndarray, rate: int, step: str, rng: np.random.Generator) -> np.ndarray:
        def draw(key: str) -> float:
            return float(rng.uniform(*self._ranges[key]))

        if step == "speed":
            return change_speed(audio, draw("speed"))
        if step == "pitch":
            return change_pitch(audio, draw("pitch"), rate)
        if rate not in self._sounds:
            noises = open_noises(self._noises, rate, resample, self._cache)
            noises = {MUSIC: [clip for clips in noises.values() for clip in clips]}
            self._sounds[rate] = Sounds(noises, open_responses(self._responses, rate, resample, self._cache))
        sounds = self._sounds[rate]
        if step == "noise":
            # One noise under the whole sample, which is how the mixer treats music.
            options = AugmentOptions(kinds=(MUSIC,), bg_snrs=(draw("snr"),))
            if not self._noises:
                make = (white_noise, pink_noise)[int(rng.integers(2))]
                sounds = Sounds({MUSIC: [make(len(audio), rng)]})
            return make_copy(audio, MUSIC, sounds, options, rng, rate).samples
        if not self._responses:
            room = decaying_noise(rng.uniform(*_ROOMS), rng.uniform(*_DIRECT), rate, rng)
            sounds = Sounds(responses={"made": [room]})
        return make_copy(audio, REVERB, sounds, AugmentOptions(kinds=(REVERB,)), rng, rate).samples

    def _clips(self, key: str, kind: str) -> list[ClipEntry]:
        """The clips of a folder that are impulse responses, or those that are not."""
        folder = self._ini.get("AUGMENT", key)
        if folder is None:
            return []
        try:
            clips = list_clips(os.path.expanduser(folder), kind)
        except (OSError, ValueError) as error:
            raise self._ini.error("AUGMENT", key, str(error)) from None
        chosen = [clip for clip in clips if (clip.kind == RESPONSE) == (kind == RESPONSE)]
        if not chosen:
            what = "impulse response" if kind == RESPONSE else "noise"
            raise self._ini.error("AUGMENT", key, f"{folder} holds {len(clips)} sounds, but no {what}")
        return chosen


def plan_copies(
    ini: ExperimentIni, samples: Samples, methods: Sequence[str], labels: Sequence[str | None] | None
) -> list[Copy]:
    """Which copies to make: one by each method of each sample, or with AUGMENT.balance those that make classes equal.

    Args:
        ini: of the experiment.
        samples: that may be copied.
        methods: of the copies.
        labels: (rows,) classes to balance; None of samples that are not to be copied, or of a regression altogether.

    Raises:
        ValueError: a regression cannot be balanced, or a class is too small for so many copies.
    """
    if not ini.get("AUGMENT", "balance"):
        return [Copy(row, method) for row in range(len(samples)) for method in methods]
    if labels is None:
        raise ini.error("AUGMENT", "balance", "a regression has no classes to balance: set it to False")
    speakers = samples.columns.get("speaker", [None] * len(samples))
    rows = {samples.key(row): row for row in range(len(samples)) if labels[row] is not None}
    try:
        plan = plan_balance(
            {name: str(labels[row]) for name, row in rows.items()},
            {name: speakers[row] or "" for name, row in rows.items()}, methods, ini.get("EXP", "seed"),
        )  # fmt: skip
    except ValueError as error:
        raise ini.error("AUGMENT", "balance", str(error)) from None
    return [Copy(rows[copy.utterance], copy.kind) for copy in plan]


def copy_names(samples: Samples, plan: Sequence[Copy]) -> list[str]:
    """A file name for each copy: the original's, what tells it from others, and the method."""
    names = []
    for row, method in plan:
        stem = os.path.splitext(os.path.basename(samples.names[row]))[0]
        stem = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in stem)[:80]
        names.append(f"{stem}-{hashlib.sha256(samples.key(row).encode()).hexdigest()[:10]}-{method}.wav")
    return names


def write_copy(path: Path, audio: np.ndarray, rate: int) -> float:
    """Write (samples,) float32 in int16 range as a 16-bit WAV file; softer where it would be clipped.

    Returns:
        The factor that it was multiplied by, 1 but for what is too loud.
    """
    over = max(float(audio.max(initial=0.0)) / 32767, float(audio.min(initial=0.0)) / -32768)
    gain = 1 / over if over > 1 else 1.0
    write_wav(path, audio * np.float32(gain) if gain < 1 else audio, rate)
    return gain


def _steps(method: str) -> tuple[str, ...]:
    return _TRADITIONAL if method == "traditional" else (method,)


def _range(ini: ExperimentIni, key: str) -> tuple[float, float]:
    low, high, unit = _LIMITS[key]
    values = ini.get("AUGMENT", key)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(values) != 2 or len(numbers) != 2 or not low <= numbers[0] <= numbers[1] <= high:
        raise ini.error("AUGMENT", key, f"expected a range [lowest, highest] between {low:g} and {high:g} {unit}, got "
                        f"{values}")  # fmt: skip
    return float(numbers[0]), float(numbers[1])
