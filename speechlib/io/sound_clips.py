"""Noises, room responses and other speakers in files, read in pieces at a wanted rate."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

import numpy as np

from speechlib.io.bad_audio import BadAudio
from speechlib.io.clip_lists import RESPONSE, ClipEntry
from speechlib.io.recording import open_recording
from speechlib.io.segments import SegmentError, segment_bounds

_WHOLE_SECONDS = 30.0  # recordings up to this length are read once and kept while there is room

Resample = Callable[[np.ndarray, int, int], np.ndarray]


class AudioCache:
    """Audio that may be read again, up to so many bytes, the longest unused going first; threads may share it."""

    def __init__(self, max_bytes: int = 256 << 20) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple, make: Callable[[], np.ndarray]) -> np.ndarray:
        """What is held under the key, or else what `make` returns. It is shared: do not change it."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        samples = make()
        samples.flags.writeable = False
        with self._lock:
            if key not in self._held and samples.nbytes <= self._max_bytes:
                self._held[key] = samples
                self._bytes += samples.nbytes
                while self._bytes > self._max_bytes:
                    self._bytes -= self._held.popitem(last=False)[1].nbytes
        return samples


class SoundClip:
    """A recording, or a segment of one, as a clip at a wanted rate (what speechlib.augment calls a Clip).

    Args:
        name: for logs.
        entry: path, command or place in an archive, as in wav.scp.
        rate: Hz wanted.
        resample: `resample(samples, from_rate, to_rate)` for recordings of another rate.
        cache: shared between clips.
        size: (rate, channels, samples) where they are known; read from the header when first needed otherwise.
        segment: (start, end) in seconds.
        channel: the only one to use, None for all.

    Raises:
        BadAudio: on use, if the audio cannot be.
    """

    def __init__(
        self,
        name: str,
        entry: str,
        rate: int,
        resample: Resample,
        cache: AudioCache,
        size: tuple[int, int, int] | None = None,
        segment: tuple[float, float] | None = None,
        channel: int | None = None,
    ) -> None:
        self.name = name
        self._entry, self._rate, self._resample, self._cache = entry, rate, resample, cache
        self._segment, self._channel = segment, channel
        self._size = size
        self._bounds: tuple[int, int] | None = None if size is None or segment else (0, size[2])

    @property
    def num_samples(self) -> int:
        """Its length at the wanted rate."""
        begin, past = self._open_bounds()
        return max(1, (past - begin) * self._rate // self._size[0])

    @property
    def channels(self) -> int:
        """How many there are to choose from."""
        self._open_bounds()
        return self._size[1] if self._channel is None else 1

    def read(self, begin: int, end: int, channel: int) -> np.ndarray:
        """Samples begin..end-1 at the wanted rate, (end - begin,) float32 in int16 range; not to be changed."""
        first, past = self._open_bounds()
        if self._channel is not None:
            channel = self._channel
        if self._rate == self._size[0] and past - first > _WHOLE_SECONDS * self._rate and not self._entry.endswith("|"):
            return self._read_file(first + begin, first + end, channel)
        return self._cache.get((self._entry, first, past, channel, self._rate), lambda: self._whole(channel))[begin:end]

    def _open_bounds(self) -> tuple[int, int]:
        if self._bounds is None:
            with open_recording(self._entry) as recording:
                self._size = recording.rate, recording.channels, recording.samples
                if self._channel is not None:
                    recording.choose_channel(self._channel)
            start, end = self._segment or (0.0, -1.0)
            try:
                self._bounds = segment_bounds(start, end, self._size[2], self._size[0], min_segment_length=0)
            except SegmentError as error:
                raise BadAudio("out-of-range", self._entry, str(error), "correct segments") from error
        return self._bounds

    def _read_file(self, begin: int, end: int, channel: int) -> np.ndarray:
        with open_recording(self._entry) as recording:
            if (recording.rate, recording.channels, recording.samples) != tuple(self._size):
                raise BadAudio(
                    "unreadable", self._entry, "another length, rate or number of channels than listed", "list it again"
                )
            return recording.read(begin, end, channel)

    def _whole(self, channel: int) -> np.ndarray:
        samples = self._read_file(*self._open_bounds(), channel)
        if self._rate == self._size[0]:
            return samples
        samples = self._resample(samples, self._size[0], self._rate)
        wanted = self.num_samples
        return np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))


def open_noises(
    clips: Iterable[ClipEntry], rate: int, resample: Resample, cache: AudioCache
) -> dict[str, list[SoundClip]]:
    """The clips of a list that are no impulse responses, by kind, ready to be read at a rate."""
    return _by(clips, rate, resample, cache, lambda clip: None if clip.kind == RESPONSE else clip.kind)


def open_responses(
    clips: Iterable[ClipEntry], rate: int, resample: Resample, cache: AudioCache
) -> dict[str, list[SoundClip]]:
    """The impulse responses of a list by room, ready to be read at a rate."""
    return _by(clips, rate, resample, cache, lambda clip: clip.room if clip.kind == RESPONSE else None)


def _by(clips, rate, resample, cache, group_of) -> dict[str, list[SoundClip]]:
    groups: dict[str, list[SoundClip]] = {}
    for clip in clips:
        group = group_of(clip)
        if group is not None:
            size = clip.rate, clip.channels, clip.samples
            opened = SoundClip(clip.name, clip.path, rate, resample, cache, size)
            groups.setdefault(group, []).append(opened)
    return groups
