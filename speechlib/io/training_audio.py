"""The audio of training utterances for features on the fly: where it is, how long, which of its frames are voiced."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from speechlib.io.audio import audio_info
from speechlib.io.datadir import DataDir
from speechlib.io.leaks import LeakError, check_identical, matrix_digest
from speechlib.io.sound_clips import AudioCache, Resample, SoundClip
from speechlib.io.training_features import report_left_out


@dataclass
class TrainingAudio:
    """What was found, each by utterance.

    Attributes:
        clips: to read samples from.
        voiced: numbers of the frames that the model gets.
        all_frames: number of frames, the unvoiced ones included.
        digests: of where the audio is, of its length and its voicing decisions.
        left_out: why.
    """

    clips: dict[str, SoundClip] = field(default_factory=dict)
    voiced: dict[str, np.ndarray] = field(default_factory=dict)
    all_frames: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def read_training_audio(
    data: DataDir,
    utterances: Sequence[str],
    rate: int,
    count_frames: Callable[[int], int],
    decisions: Mapping[str, np.ndarray] | None,
    min_frames: int,
    resample: Resample,
    cache: AudioCache,
) -> TrainingAudio:
    """Look at the header of every recording, and read the voicing decisions.

    Args:
        data: with wav.scp and perhaps segments.
        utterances: that are wanted, in this order.
        rate: Hz that all recordings must have.
        count_frames: frames of so many samples.
        decisions: of the clean audio, if they are wanted.
        min_frames: utterances of fewer voiced frames are left out.
        resample: see SoundClip.
        cache: keeps the samples that were read.

    Raises:
        ValueError: bad audio, another rate, several channels and none chosen in segments, decisions of another length,
            an utterance that wav.scp or segments lack.
        FileNotFoundError: there is no wav.scp.
    """
    if data.wav_scp is None:
        raise FileNotFoundError(f"{data.path}/wav.scp: no such file: features on the fly need audio")
    found = TrainingAudio()
    for utterance in utterances:
        if decisions is not None and utterance not in decisions:
            found.left_out[utterance] = "is not in vad.scp"
            continue
        clip, digest = _open(data, utterance, rate, resample, cache)
        total = count_frames(clip.num_samples)
        voiced = np.arange(total, dtype=np.int32)
        if decisions is not None:
            decided = decisions[utterance]
            if len(decided) != total:
                raise ValueError(f"{data.path}: utterance {utterance} has {total} frames of audio but {len(decided)} "
                                 "voicing decisions: compute both with the same frames (snip-edges, frame-shift)")
            voiced = np.flatnonzero(decided).astype(np.int32)
            digest += f" {matrix_digest(decided)}"
        if len(voiced) < min_frames:
            found.left_out[utterance] = f"has {len(voiced)} frames"
            continue
        found.clips[utterance], found.voiced[utterance], found.all_frames[utterance] = clip, voiced, total
        found.digests[utterance] = hashlib.sha256(digest.encode()).hexdigest()
    report_left_out(data.path, found.left_out, len(utterances), min_frames)
    return found


def check_other_audio(data: DataDir, clips: Mapping[str, SoundClip], paths: Sequence[str], rate: int) -> None:
    """Check that no utterance of an evaluation set has exactly the samples of a training utterance.

    Args:
        data: the training data.
        clips: the audio by training utterance.
        paths: data directories of evaluation sets; one without wav.scp is passed over, and so is audio that cannot be
            read, or has another rate.
        rate: Hz.

    Raises:
        LeakError: one has.
    """
    by_length: dict[int, list[str]] = defaultdict(list)
    for utterance, clip in clips.items():
        by_length[clip.num_samples].append(utterance)
    trained: dict[str, str] = {}
    for path in paths:
        evaluation, digests = DataDir(path), {}
        for utterance in evaluation.utt2spk if evaluation.wav_scp is not None else ():
            try:
                clip, _ = _open(evaluation, utterance, rate, None, AudioCache(0))
                alike = by_length.get(clip.num_samples, [])
                if alike:  # samples are compared only where the lengths are equal
                    digests[utterance] = _digest(clip)
            except ValueError:
                continue
            trained.update({name: _digest(clips[name]) for name in alike if name not in trained})
        try:
            check_identical(trained, digests)
        except LeakError as error:
            raise LeakError(f"{data.path} and {path}: {error}") from None


def _digest(clip: SoundClip) -> str:
    return matrix_digest(clip.read(0, clip.num_samples, 0))


def _open(
    data: DataDir, utterance: str, rate: int, resample: Resample | None, cache: AudioCache
) -> tuple[SoundClip, str]:
    """The clip of an utterance, and what tells it from others."""
    recording, segment = utterance, None
    if data.segments is not None:
        if utterance not in data.segments:
            raise ValueError(f"{data.path}/segments: {utterance} is not in it: run utils/fix_data_dir.sh {data.path}")
        recording, *times = data.segments[utterance]
        segment = times[0], times[1]
    if recording not in data.wav_scp:
        raise ValueError(f"{data.path}/wav.scp: {recording} is not in it: run utils/fix_data_dir.sh {data.path}")
    entry = data.wav_scp[recording]
    try:
        info = audio_info(entry)
        channel = data.channels.get(utterance)
        if channel is None and info.channels != 1:
            raise ValueError(f"{entry} has {info.channels} channels where one is expected: mix it to mono")
        if channel is not None and channel >= info.channels:
            raise ValueError(f"{entry} has {info.channels} channels, segments asks for {channel}, counted from 0")
        if info.rate != rate:
            raise ValueError(f"{entry} has {info.rate} Hz where the features expect {rate} Hz: resample it, or set the "
                             "sampling rate of the features")  # fmt: skip
        size = info.rate, info.channels, info.samples
        clip = SoundClip(utterance, entry, rate, resample, cache, size, segment, channel)
        side = "" if channel is None else f" channel {channel}"
        return clip, f"{entry} {segment} {clip.num_samples}{side}"
    except ValueError as error:  # BadAudio is one
        raise ValueError(f"{data.path}: utterance {utterance}: {error}") from None
