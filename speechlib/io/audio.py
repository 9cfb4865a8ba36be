"""Audio of every common format as float32 samples in INT16 RANGE, by path, command or archive, and by Kaldi's segments.

Formats: WAV (8 to 32-bit PCM, float, G.711, extensible, from pipes), NIST SPHERE; through soundfile FLAC, Ogg, MP3.
16-bit samples keep their values; integers of n bits are divided by 2^(n-16), floats (full scale 1) times 32768.
Channels count from 0. For networks on waveforms divide by 32768.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speechlib.io.bad_audio import BadAudio, read_bad_list, write_bad_list
from speechlib.io.recording import Recording, open_recording
from speechlib.io.segments import SegmentError, segment_bounds
from speechlib.io.utterance_audio import UtteranceAudio
from speechlib.io.wav_writer import write_wav

__all__ = [
    "BadAudio",
    "Info",
    "UtteranceAudio",
    "audio_info",
    "read_audio",
    "read_bad_list",
    "stream_audio",
    "write_bad_list",
    "write_wav",
]


@dataclass(frozen=True)
class Info:
    """What a header says: samples are those of one channel, duration is in seconds."""

    rate: int
    channels: int
    samples: int

    @property
    def duration(self) -> float:
        return self.samples / self.rate


def audio_info(entry: str | os.PathLike) -> Info:
    """Rate, channels and length from the header, without decoding where the header has them (else by decoding).

    Raises:
        BadAudio: as `read_audio`, but for what only decoding shows.
    """
    with open_recording(entry) as recording:
        return Info(recording.rate, recording.channels, recording.samples)


def _open_range(
    entry: str | os.PathLike, start: float, end: float, channel: int | None, rate: int | None
) -> tuple[Recording, int, int, int]:
    recording = open_recording(entry)
    try:
        channel = recording.choose_channel(channel, rate)
        if start == 0 and end == -1:
            return recording, 0, recording.samples, channel
        try:
            begin, past = segment_bounds(start, end, recording.samples, recording.rate, min_segment_length=0)
        except SegmentError as error:
            reason = "empty" if error.reason == "too-short" else "out-of-range"
            raise BadAudio(reason, recording.source, str(error), "correct the times") from error
        return recording, begin, past, channel
    except BaseException:
        recording.close()
        raise


def read_audio(
    entry: str | os.PathLike,
    *,
    start: float = 0.0,
    end: float = -1.0,
    channel: int | None = None,
    rate: int | None = None,
) -> tuple[np.ndarray, int]:
    """Read one channel of a recording, or a piece of it.

    Args:
        entry: value of a wav.scp line: a path, a command ending in `|`, or `file.ark:offset` (a WAV file
            in an archive).
        start: seconds, rounded to the nearest sample as Kaldi's extract-segments does.
        end: seconds, -1 for the end. Up to 0.5 s beyond the end of the recording is clipped.
        channel: counted from 0; None for recordings of one channel.
        rate: the expected sampling rate, None for any.

    Returns:
        (samples,) float32 in int16 range, and the sampling rate.

    Raises:
        BadAudio: the entry cannot be used; `.reason` says why in a word.
    """
    recording, begin, past, channel = _open_range(entry, start, end, channel, rate)
    with recording:
        return recording.read(begin, past, channel), recording.rate


def stream_audio(
    entry: str | os.PathLike,
    block_samples: int,
    *,
    start: float = 0.0,
    end: float = -1.0,
    channel: int | None = None,
    rate: int | None = None,
) -> tuple[int, Iterator[np.ndarray]]:
    """Read a recording of any length block by block in bounded memory.

    The output of a command goes to a nameless file in $TMPDIR first: its exit status is known before the first block.

    Args:
        entry, start, end, channel, rate: as `read_audio`.
        block_samples: samples of a block; the last may be shorter.

    Returns:
        The sampling rate, and an iterator of (n,) float32 blocks in int16 range; close it if it is not exhausted.

    Raises:
        BadAudio: at once for what the header shows, from the iterator for what only decoding shows (truncated, nan).
    """
    if block_samples < 1:
        raise ValueError(f"block_samples must be positive, not {block_samples}")
    recording, begin, past, channel = _open_range(entry, start, end, channel, rate)
    blocks = _blocks(recording, begin, past, channel, block_samples)
    next(blocks)  # from here on the recording is closed with the iterator, be it used or not
    return recording.rate, blocks


def _blocks(recording: Recording, begin: int, past: int, channel: int, block_samples: int) -> Iterator[np.ndarray]:
    with recording:
        yield np.empty(0, np.float32)
        for first in range(begin, past, block_samples):
            yield recording.read(first, min(first + block_samples, past), channel)
