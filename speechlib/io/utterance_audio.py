"""The utterances of a data directory as audio: wav.scp, cut by segments as Kaldi's extract-segments does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np

from speechlib.io.bad_audio import BadAudio
from speechlib.io.maps import read_map, split_blanks
from speechlib.io.recording import Recording, open_recording
from speechlib.io.segments import SegmentError, segment_bounds

_log = logging.getLogger(__name__)

T = TypeVar("T")


class UtteranceAudio:
    """Iterate (utterance, samples, rate) over a data directory; samples are (n,) float32 in int16 range.

    Consecutive segments of one recording open it once, and only the samples of a segment are read from a file: an
    hours-long recording is never in memory.

    Args:
        data_dir: with wav.scp and perhaps segments. A fifth column of segments is the channel, counted from 0.
        keys: the utterances wanted, in this order; all in the order of the file where None.
        rate: the expected sampling rate; a recording of another one is bad. None takes each as it is.
        channel: of recordings with several, counted from 0; they are bad where it is None.

    Attributes:
        bad: (utterance, reason, message) of every utterance without usable audio; see `BadAudio.reason`.
        skipped: (utterance, reason, message) of segments that Kaldi, too, leaves out: too-short (at most 0.1 s),
            out-of-range, invalid times. Both lists start afresh with each iteration.

    Raises:
        OSError, ValueError: wav.scp or segments cannot be read, or keys are not in them.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike,
        keys: Iterable[str] | None = None,
        rate: int | None = None,
        channel: int | None = None,
    ) -> None:
        self._folder = Path(data_dir)
        self._rate = rate
        self._channel = channel
        self.bad: list[tuple[str, str, str]] = []
        self.skipped: list[tuple[str, str, str]] = []
        self._wav_scp = read_map(self._folder / "wav.scp")
        segments = self._folder / "segments"
        self._segments = read_map(segments) if segments.is_file() else None
        table = self._wav_scp if self._segments is None else self._segments
        self.keys = list(table) if keys is None else list(keys)
        unknown = [key for key in self.keys if key not in table]
        if unknown:
            name = "wav.scp" if self._segments is None else "segments"
            raise ValueError(
                f"{self._folder / name}: {len(unknown)} of {len(self.keys)} utterances are not in it, the first is "
                f"{unknown[0]}; run utils/fix_data_dir.sh {self._folder}"
            )

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[tuple[str, np.ndarray, int]]:
        return self._utterances(lambda recording, begin, past, channel: recording.read(begin, past, channel))

    def stream(self, block_samples: int) -> Iterator[tuple[str, Iterator[np.ndarray], int]]:
        """Iterate (utterance, blocks, rate): the samples come in arrays of block_samples, the last may be shorter.

        The blocks of an utterance can be read until the next utterance is asked for. What only reading shows
        (truncated, nan) is raised there as BadAudio, and is not in `bad`.
        """

        def blocks(recording: Recording, begin: int, past: int, channel: int) -> Iterator[np.ndarray]:
            for first in range(begin, past, block_samples):
                yield recording.read(first, min(first + block_samples, past), channel)

        return self._utterances(blocks)

    def _utterances(self, read: Callable[[Recording, int, int, int], T]) -> Iterator[tuple[str, T, int]]:
        self.bad = []
        self.skipped = []
        return self._whole_recordings(read) if self._segments is None else self._cut_recordings(self._segments, read)

    def _note_bad(self, utterance: str, error: BadAudio) -> None:
        _log.warning("utterance %s is bad (%s): %s", utterance, error.reason, error)
        self.bad.append((utterance, error.reason, str(error)))

    def _note_skipped(self, utterance: str, reason: str, message: str) -> None:
        _log.warning("segment %s is skipped (%s): %s", utterance, reason, message)
        self.skipped.append((utterance, reason, message))

    def _whole_recordings(self, read: Callable[[Recording, int, int, int], T]) -> Iterator[tuple[str, T, int]]:
        for utterance in self.keys:
            try:
                recording = open_recording(self._wav_scp[utterance])
            except BadAudio as error:
                self._note_bad(utterance, error)
                continue
            with recording:
                try:
                    channel = recording.choose_channel(self._channel, self._rate)
                    samples = read(recording, 0, recording.samples, channel)
                except BadAudio as error:
                    self._note_bad(utterance, error)
                    continue
                yield utterance, samples, recording.rate

    def _cut_recordings(
        self, segments: dict[str, str], read: Callable[[Recording, int, int, int], T]
    ) -> Iterator[tuple[str, T, int]]:
        name = None
        recording: Recording | None = None
        failure: BadAudio | None = None
        try:
            for utterance in self.keys:
                try:
                    segment = parse_segment(segments[utterance])
                except SegmentError as error:
                    self._note_skipped(utterance, error.reason, f"{self._folder}/segments: {error}")
                    continue
                if segment[0] != name:
                    name = segment[0]
                    if recording is not None:
                        recording.close()
                    recording = failure = None
                    try:
                        recording = self._open(name)
                    except BadAudio as error:
                        failure = error
                if recording is None:
                    self._note_bad(utterance, failure)
                    continue
                _, start, end, channel = segment
                try:
                    begin, past = segment_bounds(start, end, recording.samples, recording.rate)
                    channel = recording.choose_channel(self._channel if channel is None else channel, self._rate)
                    samples = read(recording, begin, past, channel)
                except SegmentError as error:
                    self._note_skipped(utterance, error.reason, f"{recording.source}: {error}")
                    continue
                except BadAudio as error:
                    self._note_bad(utterance, error)
                    continue
                yield utterance, samples, recording.rate
        finally:
            if recording is not None:
                recording.close()

    def _open(self, name: str) -> Recording:
        if name not in self._wav_scp:
            raise BadAudio(
                "missing",
                self._folder / "wav.scp",
                f"recording {name} is not in it",
                f"run utils/fix_data_dir.sh {self._folder}",
            )
        return open_recording(self._wav_scp[name])


def parse_segment(value: str) -> tuple[str, float, float, int | None]:
    """Recording, start, end (seconds) and channel (None if there is none) of the rest of a line of `segments`.

    Raises:
        SegmentError: it is none.
    """
    fields = split_blanks(value)
    try:
        if len(fields) not in (3, 4):
            raise ValueError
        channel = int(fields[3]) if len(fields) == 4 else None
        return fields[0], float(fields[1]), float(fields[2]), channel
    except ValueError:
        raise SegmentError(
            "invalid",
            f"expected `<utterance> <recording> <start> <end> [<channel>]`, found {value!r} as the rest",
        ) from None
