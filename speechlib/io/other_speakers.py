"""Utterances of other speakers of a data directory, drawn to babble behind one."""

from __future__ import annotations

import logging

import numpy as np

from speechlib.io.bad_audio import BadAudio
from speechlib.io.datadir import DataDir
from speechlib.io.maps import split_blanks
from speechlib.io.sound_clips import AudioCache, Resample, SoundClip

_log = logging.getLogger(__name__)
_MOST_DRAWS = 20  # of utterances whose audio turns out to be bad


class OtherSpeakers:
    """Draws utterances of others as clips.

    Args:
        data: with wav.scp and perhaps segments.
        rate: Hz wanted.
        resample: for recordings of another rate.
        cache: of audio.
        channel: of recordings with several; None is any where segments do not say one.
    """

    def __init__(
        self, data: DataDir, rate: int, resample: Resample, cache: AudioCache, channel: int | None = None
    ) -> None:
        self._data, self._rate, self._resample, self._cache = data, rate, resample, cache
        self._channel = channel
        self._wav_scp = data.wav_scp or {}
        self._segments = data.map("segments")
        self._speakers = data.speakers()
        self._clips: dict[str, SoundClip] = {}

    def draw(self, rng: np.random.Generator, utterance: str | None) -> SoundClip:
        """A clip of another speaker than the utterance's, speakers and their utterances being equally likely.

        Raises:
            ValueError: there is no other speaker, or their audio is bad.
        """
        speaker = self._data.utt2spk.get(utterance) if utterance is not None else None
        if len(self._speakers) < 2:
            raise ValueError(f"{self._data.path}: babble comes from other speakers, there is but one")
        for _ in range(_MOST_DRAWS):
            other = self._speakers[int(rng.integers(len(self._speakers)))]
            while other == speaker:
                other = self._speakers[int(rng.integers(len(self._speakers)))]
            utterances = self._data.spk2utt[other]
            name = utterances[int(rng.integers(len(utterances)))]
            try:
                clip = self._clip(name)
                _ = clip.num_samples
                return clip
            except BadAudio as error:
                _log.warning("no babble from utterance %s: %s", name, error)
        raise ValueError(f"{self._data.path}: the audio of {_MOST_DRAWS} drawn utterances is bad, the last is {name}")

    def _clip(self, utterance: str) -> SoundClip:
        clip = self._clips.get(utterance)
        if clip is None:
            recording, segment, channel = utterance, None, self._channel
            if self._segments is not None:
                fields = split_blanks(self._segments.get(utterance, ""))
                if len(fields) not in (3, 4):
                    raise BadAudio("missing", self._data.path / "segments", f"no segment {utterance}", "mend it")
                recording, segment = fields[0], (float(fields[1]), float(fields[2]))
                channel = int(fields[3]) if len(fields) == 4 else channel
            if recording not in self._wav_scp:
                raise BadAudio("missing", self._data.path / "wav.scp", f"no recording {recording}", "mend it")
            clip = SoundClip(
                utterance, self._wav_scp[recording], self._rate, self._resample, self._cache, None, segment, channel
            )
            self._clips[utterance] = clip
        return clip
