"""How long each utterance of a data directory lasts, from the cheapest source there is (Kaldi's get_utt2dur.sh)."""

import os
from dataclasses import dataclass, field

from speechlib.io.datadir import DataDir

_DEFAULT_FRAME_SHIFT = 0.01


@dataclass
class Durations:
    """Seconds by utterance, the file they come from, and (utterance, reason, message) of audio that cannot be used."""

    seconds: dict[str, float]
    source: str
    bad: list[tuple[str, str, str]] = field(default_factory=list)


def utterance_durations(path: str | os.PathLike, frame_shift: float | None = None) -> Durations:
    """Work out durations from segments, frame counts, audio headers or features, in this order.

    Frame counts come before audio headers only where the frame shift is known. Frames times shift is up to a window
    short of the audio.

    Args:
        path: data directory.
        frame_shift: seconds; None for the number in the file `frame_shift`, or 0.01 if there is nothing but frames.

    Raises:
        FileNotFoundError: there is no source.
        ValueError: a line that cannot be read.
    """
    data = DataDir(path)
    if frame_shift is None and data.has("frame_shift"):
        frame_shift = float((data.path / "frame_shift").read_text())
    if data.segments is not None:
        return _from_segments(data)
    if frame_shift is not None and data.utt2num_frames is not None:
        return _from_frames(data.utt2num_frames, frame_shift, "utt2num_frames")
    if data.wav_scp is not None:
        return _from_audio({utterance: data.wav_scp.get(utterance) for utterance in data.utterances()})
    if data.utt2num_frames is not None:
        return _from_frames(data.utt2num_frames, _DEFAULT_FRAME_SHIFT, "utt2num_frames")
    if data.has("feats.scp"):
        from speechlib.io.tables import read_table  # needs numpy, which the other sources do without

        frames = {key: matrix.shape[0] for key, matrix in read_table(f"scp:{data.path}/feats.scp")}
        return _from_frames(frames, frame_shift or _DEFAULT_FRAME_SHIFT, "feats.scp")
    raise FileNotFoundError(
        f"{data.path}: durations come from segments, wav.scp, utt2num_frames or feats.scp; none is there"
    )


def _from_segments(data: DataDir) -> Durations:
    to_end = {recording for recording, _, end in data.segments.values() if end == -1}
    known = dict(data.reco2dur or {})
    read = _from_audio({key: (data.wav_scp or {}).get(key) for key in sorted(to_end.difference(known))})
    known |= read.seconds
    seconds = {
        utterance: (known[recording] if end == -1 else end) - start
        for utterance, (recording, start, end) in data.segments.items()
        if end != -1 or recording in known
    }
    return Durations(seconds, "segments", read.bad)


def _from_frames(num_frames: dict[str, int], frame_shift: float, source: str) -> Durations:
    return Durations({utterance: number * frame_shift for utterance, number in num_frames.items()}, source)


def _from_audio(entries: dict[str, str | None]) -> Durations:
    durations = Durations({}, "wav.scp")
    if not entries:
        return durations
    from speechlib.io.audio import BadAudio, audio_info  # needs numpy, which the other sources do without

    for key, entry in entries.items():
        if entry is None:
            durations.bad.append((key, "missing", f"{key} is not in wav.scp; run utils/fix_data_dir.sh"))
            continue
        try:
            durations.seconds[key] = audio_info(entry).duration
        except BadAudio as error:
            durations.bad.append((key, error.reason, str(error)))
    return durations
