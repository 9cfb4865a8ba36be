"""Samples cut into stretches of speech, found by Silero's network or by energy."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from speechlib.experiments.extractor import FULL_SCALE, RATE, Extractor, resampled
from speechlib.experiments.features import compute
from speechlib.experiments.outcome import store_folder
from speechlib.experiments.speaker_labels import predict_speakers
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import code_digest
from speechlib.io.samples import Samples

_SHIFT = 0.01  # seconds from one decision to the next
# Of energy, in frames: pauses that are bridged, shortest stretch, margin. Silero's detector smoothes by itself.
_SMOOTHING = {"min_silence": 30, "min_speech": 20, "margin": 10}


class SpeechExtractor(Extractor):
    """Stretches of speech of a sample, (stretches, 2) frames of 10 ms: the first, and one past the last."""

    def __init__(self, method: str):
        self.kind = f"speech_{method}"
        self._method = method
        if method == "silero":
            from speechlib.features.silero_vad import SileroNetwork
            from speechlib.io.silero_weights import read_silero_weights

            self._detector = SileroNetwork(RATE, read_silero_weights(RATE))
        else:
            from speechlib.features.build import OPTIONS, build_extractor

            self._detector = build_extractor(
                OPTIONS["mfcc"](num_ceps=13, use_energy=True, dither=0.0, snip_edges=False)
            )
        code = code_digest("features", "experiments/segmenting.py")
        self.description = {"method": method, **_SMOOTHING, "code": code}

    def compute(self, samples: np.ndarray, rate: int) -> np.ndarray:
        from speechlib.features.speech_regions import runs, speech_regions

        audio = resampled(samples, rate)
        if self._method == "silero":
            from speechlib.features.silero_vad import silero_decisions

            blocks = list(self._detector.stream([audio / np.float32(FULL_SCALE)]))
            found = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
            return runs(silero_decisions(found, len(audio) / RATE))
        from speechlib.features.vad import VadOptions, energy_vad

        options = VadOptions(vad_energy_threshold=5.5, vad_frames_context=2)  # as in Kaldi's recipes for VoxCeleb
        return speech_regions(energy_vad(self._detector.compute(audio).numpy(), options), **_SMOOTHING)

    def names(self, dim: int) -> Sequence[str]:
        return ["start", "end"]


def segment_samples(ini: ExperimentIni, samples: Samples, say: Callable[[str], None]) -> Samples:
    """Cut samples into stretches of speech of SEGMENT.min_length to SEGMENT.max_length.

    Args:
        ini: of the experiment.
        samples: to be cut; their pieces keep all labels.
        say: is told about progress, and about samples without speech.

    Returns:
        The pieces in the order of the samples and of time; with SEGMENT.speakers they have the columns file_speaker and
        db_speaker.

    Raises:
        ValueError: lengths that contradict each other, the detector is not installed, samples that cannot be used (all
            are listed), or nowhere is any speech.
    """
    shortest, longest = ini.get("SEGMENT", "min_length"), ini.get("SEGMENT", "max_length")
    if shortest < 0 or (longest is not None and not longest >= max(shortest, _SHIFT)):
        raise ini.error("SEGMENT", "max_length" if ini.has("SEGMENT", "max_length") else "min_length",
                        f"expected 0 <= min_length <= max_length, got {shortest:g} and {longest}")  # fmt: skip
    method = ini.get("SEGMENT", "method")
    try:
        extractor = SpeechExtractor(method)
    except ImportError as error:
        raise ini.error(
            "SEGMENT", "method", f"{error}; utils/setup_env.sh vad installs it, or set method = energy"
        ) from None
    found = compute(extractor, samples, store_folder(ini), False, say)
    rows, starts, ends, speech, dropped = [], [], [], 0.0, 0
    for row, stretches in enumerate(found):
        begin, last = float(samples.starts[row]), samples.duration(row)
        for first, past in np.asarray(stretches, np.float64) * _SHIFT:
            start, end = float(first), min(float(past), last)
            speech += end - start
            pieces = cut_stretch(start, end, shortest, longest)
            dropped += not pieces
            rows += [row] * len(pieces)
            starts += [begin + piece[0] for piece in pieces]
            ends += [begin + piece[1] for piece in pieces]
    silent = [samples.names[row] for row, stretches in enumerate(found) if not len(stretches)]
    if silent:
        more = f", and {len(silent) - 10} more" if len(silent) > 10 else ""
        say(f"warning: {len(silent)} of {len(samples)} samples have no speech: {', '.join(silent[:10])}{more}")
    if dropped:
        say(f"{dropped} stretches of speech are shorter than {shortest:g} s and left out")
    if not rows:
        longest_found = max((float(np.diff(x, axis=1).max()) * _SHIFT for x in found if len(x)), default=0.0)
        raise ini.error("SEGMENT", "min_length", f"no segment is left: the longest stretch of speech lasts "
                        f"{longest_found:.2f} s; shorter than {shortest:g} s are left out")  # fmt: skip
    cut = samples.take(np.array(rows))
    cut.starts[:], cut.ends[:] = starts, ends
    total = sum(samples.duration(row) for row in range(len(samples)))
    say(f"{len(cut)} segments of {len(samples) - len(silent)} samples, {sum(ends) - sum(starts):.1f} s; "
        f"{speech:.1f} of {total:.1f} s are speech")  # fmt: skip
    if not ini.get("SEGMENT", "speakers"):
        return cut
    say_once = _each_line_once(say)
    by_file = predict_speakers(ini, cut, say_once, recording_names(cut))
    over_all = predict_speakers(ini, cut, say_once)
    return cut.with_column("file_speaker", by_file).with_column("db_speaker", over_all)


def cut_stretch(start: float, end: float, shortest: float, longest: float | None) -> list[tuple[float, float]]:
    """Equal pieces of a stretch, none longer than `longest`; nothing where it is shorter than `shortest`.

    Where equal pieces would be too short, there is one fewer, each as long as possible, and the rest is left out.
    """
    seconds = end - start
    if seconds < shortest - 1e-9 or seconds <= 0:
        return []
    count = 1 if longest is None else max(1, int(np.ceil(seconds / longest - 1e-9)))
    length = seconds / count
    if length < shortest - 1e-9:
        count, length = count - 1, float(longest)
    edges = start + length * np.arange(count + 1)
    return [(float(first), float(last)) for first, last in zip(edges[:-1], edges[1:], strict=True)]


def recording_names(samples: Samples) -> list[str]:
    """(rows,) short names of the recordings: of files without folder and ending, with more where two would be alike."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for entry in samples.entries:
        if entry not in names:
            stem = os.path.splitext(os.path.basename(entry))[0] if os.path.isfile(entry) else entry
            name, count = stem, 1
            while name in taken:
                count += 1
                name = f"{stem}_{count}"
            names[entry] = name
            taken.add(name)
    return [names[entry] for entry in samples.entries]


def _each_line_once(say: Callable[[str], None]) -> Callable[[str], None]:
    said: set[str] = set()

    def say_once(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    return say_once


def result_name(ini: ExperimentIni) -> str:
    """Name of the CSV file: SEGMENT.result, or Nkululeko's older segment_target and target."""
    old = ini.get("SEGMENT", "segment_target") or ini.get("SEGMENT", "target")
    old = None if ini.has("SEGMENT", "result") else old
    return ini.get("SEGMENT", "result") if old is None else old if old.endswith(".csv") else f"{old}.csv"
