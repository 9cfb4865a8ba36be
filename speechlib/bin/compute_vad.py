"""Decide frame by frame whether there is speech: by energy (Kaldi's compute-vad), harmonicity, or Silero's network.

Energy reads features, whose column 0 is the log-energy; the other types read the audio of a data directory. Their
decisions have as many frames as its utt2num_frames says, where there is one.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlib.features.harmonicity import HarmonicityExtractor, HarmonicityOptions, harmonicity_vad
from speechlib.features.silero_vad import RATES, SileroNetwork, SileroOptions, silero_decisions
from speechlib.features.speech_regions import fit_length
from speechlib.features.vad import VadOptions, energy_vad
from speechlib.io.audio import UtteranceAudio
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.command_options import add_options, parse_options
from speechlib.io.feature_table import FeatureTable
from speechlib.io.maps import read_map
from speechlib.io.silero_weights import read_silero_weights
from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import open_table

_PIECE_SAMPLES = 1 << 19  # of audio in memory at once: half a minute at 16 kHz
_HELP = {
    "vad_energy_threshold": "constant part of the threshold on the log-energy",
    "vad_energy_mean_scale": "times the utterance's mean log-energy, added to the threshold",
    "vad_frames_context": "frames on each side of the one decided about",
    "vad_proportion_threshold": "share of these frames that must be above the threshold",
    "omit_unvoiced_utts": "write nothing for utterances without a voiced frame",
    "frame_shift": "ms from one decision to the next",
    "min_pitch": "Hz; the window is three periods of it",
    "max_pitch": "Hz",
    "low_freq": "Hz; what is below is not listened to",
    "high_freq": "Hz; what is above is not listened to",
    "onset": "harmonicity (silero: probability) that a stretch of speech must reach",
    "offset": "harmonicity (silero: probability) that it must stay above",
    "max_drop": "dB below the loud frames of the recording: less is silence",
    "min_voiced": "ms; shorter voiced stretches are chance",
    "min_speech": "ms; shorter stretches of speech are chance",
    "min_silence": "ms; shorter pauses count as speech",
    "margin": "ms that speech grows by on both sides",
}


@dataclass(frozen=True)
class _Energy(VadOptions):
    omit_unvoiced_utts: bool = False


@dataclass(frozen=True)
class _Harmonicity(HarmonicityOptions):
    omit_unvoiced_utts: bool = False


@dataclass(frozen=True)
class _Silero(SileroOptions):
    omit_unvoiced_utts: bool = False


_OPTIONS = {"energy": _Energy, "harmonicity": _Harmonicity, "silero": _Silero}


class _AudioDecisions:
    """Iterate (utterance, decisions) over the audio of a data directory; bad audio is an error."""

    def __init__(self, folder: str, kind: str, options: _Harmonicity | _Silero) -> None:
        self._audio = UtteranceAudio(folder)
        self._kind, self._options = kind, options
        counts = Path(folder) / "utt2num_frames"
        self._num_frames = read_map(counts) if counts.is_file() else None
        if self._num_frames is not None:  # what has no features needs no decisions
            self._audio.keys = [utterance for utterance in self._audio.keys if utterance in self._num_frames]
        self._detectors: dict[int, HarmonicityExtractor | SileroNetwork] = {}
        self.num_empty = 0

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        for utterance, pieces, rate in self._audio.stream(_PIECE_SAMPLES):
            self._check_bad()
            try:
                voiced = self._decide(pieces, rate)
            except ValueError as error:
                raise ValueError(f"utterance {utterance}: {error}") from error
            if self._num_frames is not None:
                try:
                    voiced = fit_length(voiced, int(self._num_frames[utterance]))
                except ValueError as error:
                    raise ValueError(
                        f"utterance {utterance} of utt2num_frames: {error}: is --frame-shift right?"
                    ) from None
            if len(voiced):
                yield utterance, voiced
            else:
                sys.stderr.write(f"compute_vad: warning: utterance {utterance} has no frames: left out\n")
                self.num_empty += 1
        self._check_bad()
        self.num_empty += len(self._audio.skipped)

    def _check_bad(self) -> None:
        if self._audio.bad:
            utterance, _, message = self._audio.bad[0]
            raise ValueError(f"utterance {utterance}: {message}")

    def _decide(self, pieces: Iterable[np.ndarray], rate: int) -> np.ndarray:
        if self._kind == "harmonicity":
            extractor = self._detectors.get(rate)
            if extractor is None:
                extractor = self._detectors[rate] = HarmonicityExtractor(rate, self._options)
            blocks = list(extractor.stream(pieces))
            if not blocks:
                return np.zeros(0, np.float32)
            return harmonicity_vad(*map(np.concatenate, zip(*blocks, strict=True)), self._options)
        if rate not in RATES:
            pieces, rate = _resampled(pieces, rate), max(RATES)
        if rate not in self._detectors:
            self._detectors[rate] = SileroNetwork(rate, read_silero_weights(rate))
        num_samples = 0

        def counted() -> Iterator[np.ndarray]:
            nonlocal num_samples
            for piece in pieces:
                num_samples += len(piece)
                yield piece / np.float32(32768)

        probabilities = list(self._detectors[rate].stream(counted()))
        probabilities = np.concatenate(probabilities) if probabilities else np.zeros(0, np.float32)
        return silero_decisions(probabilities, num_samples / rate, self._options)


def _resampled(pieces: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    from speechlib.features.resample import Resampler  # torch: for rates that Silero has no network for

    return (block.numpy() for block in Resampler(rate, max(RATES)).stream(pieces))


def _stamp(kind: str, args: argparse.Namespace, options: object) -> Stamp:
    """What a stamp records: the lists of inputs, the options with the state of what these name, and the outputs."""
    target = parse_wspecifier(args.vad)
    if kind == "energy":
        specifier = parse_rspecifier(args.source)
        lists = [specifier.name]
        if specifier.kind != "scp" or not os.path.isfile(specifier.name):
            raise ValueError(f"--stamp goes with scp:FILE as input, not {args.source}")
    else:
        names = ("wav.scp", "segments", "utt2num_frames")
        lists = [path for name in names if os.path.isfile(path := os.path.join(args.source, name))]
    if not target.ark or not target.scp:
        raise ValueError(f"--stamp goes with ark,scp:FILE,FILE as output, not {args.vad}")
    decisive = {"type": kind, **dataclasses.asdict(options), "archives": str(archive_states(lists[0]))}
    return Stamp(args.stamp, lists, decisive, [target.ark, target.scp])


def _type_of(argv: Sequence[str]) -> str:
    """The value of --type, which decides what other options there are."""
    for index, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name == "--type":
            return value if equals else next(iter(argv[index + 1 :]), "")
    return "energy"


def main(argv: Sequence[str] | None = None) -> int:
    """Write ones and zeros for the frames of each utterance; return 1 if none has frames (but 0 for a job)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s (%(name)s) %(message)s", stream=sys.stderr)
    kind = _type_of(argv) if _type_of(argv) in _OPTIONS else "energy"
    parser = KaldiArgumentParser(
        prog="compute_vad",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.compute_vad --config vad.conf scp:feats.scp ark,scp:vad.ark,vad.scp\n"
        "e.g.: python -m speechlib.bin.compute_vad --type harmonicity data/eval ark,scp:vad.ark,vad.scp\n"
        "The options of a type are listed by --type TYPE --help.",
    )
    parser.add_argument("--type", choices=list(_OPTIONS), default="energy", help="what speech is found by")
    add_options(parser, _OPTIONS[kind], _HELP)
    parser.add_argument("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    if kind == "energy":
        parser.add_argument("source", metavar="features", help="rspecifier of features, the log-energy in column 0")
    else:
        parser.add_argument("source", metavar="data-dir", help="with wav.scp and perhaps segments, utt2num_frames")
    parser.add_argument("vad", help="wspecifier of (frames,) decisions")
    args, options = parse_options(parser, _OPTIONS[kind], argv)

    stamp = _stamp(kind, args, options) if args.stamp else None
    if stamp and stamp.is_complete():
        sys.stderr.write(f"compute_vad: {args.vad} is complete, as {args.stamp} says: nothing to do\n")
        return 0
    if stamp:
        stamp.begin()

    if kind == "energy":
        table = FeatureTable(args.source, parser.prog)
        decisions = ((utterance, energy_vad(features, options)) for utterance, features in table)
    else:
        decisions = table = _AudioDecisions(args.source, kind, options)
    num_done = num_unvoiced = num_frames = num_voiced = 0
    with open_table(args.vad) as writer:
        for utterance, voiced in decisions:
            count = int(voiced.sum(dtype=float))
            num_done += 1
            num_frames += len(voiced)
            num_voiced += count
            if not count:
                sys.stderr.write(f"compute_vad: warning: utterance {utterance} has no voiced frame\n")
                num_unvoiced += 1
            if count or not options.omit_unvoiced_utts:
                writer.write(utterance, voiced)
    sys.stderr.write(
        f"compute_vad: {num_done} utterances, {num_unvoiced} of them without a voiced frame; {table.num_empty} had no "
        f"frames; {num_voiced} of {num_frames} frames are voiced\n"
    )
    if stamp:  # of several jobs one may well have nothing but utterances without frames
        stamp.finish()
    return 0 if num_done or stamp else 1


if __name__ == "__main__":
    run(main)
