"""Features of utterances for programs that work on many at a time: what is usable of a table, joined into batches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np

from speechlib.io.cli import KaldiArgumentParser
from speechlib.io.kaldi_conf import build_options, read_options
from speechlib.io.tables import RandomAccessTable, read_table

T = TypeVar("T")


def add_feature_arguments(parser: KaldiArgumentParser) -> None:
    """Add --frontend, --vad and --subsample to a command that reads features."""
    parser.add_argument(
        "--frontend", metavar="FILE", help="options of the front end (deltas, CMN, VAD), `--name=value` lines or YAML; "
        "without it the features are taken as they are"
    )  # fmt: skip
    parser.add_argument("--vad", metavar="RSPECIFIER", help="voicing decisions, for a front end with vad=true")
    parser.add_argument("--subsample", type=int, default=1, metavar="N", help="keep every n-th frame after all that")


def open_features(
    args: argparse.Namespace, rspecifier: str, dim: int | None, program: str, front_end: tuple[type[T], Callable]
) -> ProcessedFeatures:
    """The features that a command's arguments ask for.

    Args:
        args: with what `add_feature_arguments` added.
        rspecifier: of the features.
        dim: of the model; None for any.
        program: name of the command, for warnings.
        front_end: the dataclass of its options, and the function of features, voicing decisions and options.

    Raises:
        ValueError: options that are wrong or do not fit each other.
    """
    if not args.frontend:
        if args.vad:
            raise ValueError("--vad without --frontend: nothing would use it")
        return ProcessedFeatures(rspecifier, program, dim=dim, subsample=args.subsample)
    options_type, apply = front_end
    options = build_options(options_type, read_options(args.frontend), args.frontend)
    if options.cmn == "crop":
        raise ValueError(f"{args.frontend}: cmn=crop is for networks: expected none, utterance or sliding")
    if options.vad and not args.vad:
        raise ValueError(f"{args.frontend} asks for voiced frames: give their decisions by --vad scp:vad.scp")
    vad = args.vad if options.vad else None
    return ProcessedFeatures(
        rspecifier, program, lambda features, voiced: apply(features, voiced, options), vad, dim, args.subsample
    )


class ProcessedFeatures:
    """Iterate over (utterance, (frames, dim) features), after a front end.

    An utterance that gives nothing (no frames, no voiced frame, no voicing decisions, decisions of another length) is
    left out with a warning and counted.

    Args:
        rspecifier: of the features.
        program: name of the command, for warnings.
        process: the front end: features and voicing decisions (or None) to features; a ValueError leaves the utterance
            out.
        vad: rspecifier of voicing decisions, or None.
        dim: what the processed features must have; None for any.
        subsample: keep every n-th frame of the processed features.

    Attributes:
        num_done: utterances given out so far.
        num_skipped: utterances left out so far.
        num_frames: frames given out so far.

    Iterating raises a ValueError, with the utterance's name, for features of another dimension or with NaN.
    """

    def __init__(
        self,
        rspecifier: str,
        program: str,
        process: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None = None,
        vad: str | None = None,
        dim: int | None = None,
        subsample: int = 1,
    ):
        if subsample < 1:
            raise ValueError(f"--subsample {subsample}: expected at least 1")
        self._rspecifier, self._program, self._process = rspecifier, program, process
        self._vad, self._dim, self._subsample = vad, dim, subsample
        self.num_done = self.num_skipped = self.num_frames = 0

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        decisions = RandomAccessTable(self._vad, "vector") if self._vad else None
        for utterance, features in read_table(self._rspecifier, "matrix"):
            if decisions is not None and utterance not in decisions:
                self.skip(f"utterance {utterance} is not in {self._vad}: left out")
                continue
            try:
                if not len(features):
                    raise ValueError("has no frames")
                if self._process is not None:
                    voiced = decisions[utterance] if decisions is not None else None
                    features = self._process(features, voiced)
            except ValueError as error:
                self.skip(f"utterance {utterance} {error}: left out")
                continue
            self._check(utterance, features)
            self.num_done += 1
            self.num_frames += len(range(0, len(features), self._subsample))
            yield utterance, features[:: self._subsample]

    def _check(self, utterance: str, features: np.ndarray) -> None:
        if self._dim is not None and features.shape[1] != self._dim:
            raise ValueError(f"{self._rspecifier}: utterance {utterance} has features of dimension "
                             f"{features.shape[1]}, but the model has {self._dim}: it was trained on other features or "
                             "front-end options")
        if not np.isfinite(np.add.reduce(features, axis=None, dtype=np.float64)):
            raise ValueError(f"{self._rspecifier}: utterance {utterance} has features with NaN or infinite values")

    def skip(self, message: str) -> None:
        """Warn of an utterance that is left out, and count it."""
        sys.stderr.write(f"{self._program}: warning: {message}\n")
        self.num_skipped += 1

    def summary(self) -> str:
        """How many utterances there were, for the end of a log.

        Raises:
            ValueError: there was none.
        """
        if not self.num_done:
            raise ValueError(f"{self._rspecifier}: no utterance with features that can be used "
                             f"({self.num_skipped} left out: see the warnings)")
        return f"{self.num_done} utterances, {self.num_frames} frames; {self.num_skipped} utterances left out"


class Batch(NamedTuple):
    """Some utterances, one after the other.

    Attributes:
        utterances: their names.
        lengths: (utterances,) frames of each.
        features: (frames, dim) of all.
        extras: what came with each.
    """

    utterances: list[str]
    lengths: np.ndarray
    features: np.ndarray
    extras: list[tuple]

    def split(self) -> Iterator[tuple[str, np.ndarray]]:
        """Each utterance with its features."""
        return zip(self.utterances, np.split(self.features, np.cumsum(self.lengths)[:-1]), strict=True)


def batches(items: Iterable[tuple], frames: int, utterances: int = 256) -> Iterator[Batch]:
    """Join (utterance, features, ...) into batches of at least so many frames, or so many utterances.

    Raises:
        ValueError: features of another dimension than those before.
    """
    held: list[tuple] = []
    size = 0
    for item in items:
        if held and item[1].shape[1] != held[0][1].shape[1]:
            raise ValueError(f"utterance {item[0]} has features of dimension {item[1].shape[1]}, {held[0][0]} of "
                             f"{held[0][1].shape[1]}")
        held.append(item)
        size += len(item[1])
        if size >= frames or len(held) >= utterances:
            yield _join(held)
            held, size = [], 0
    if held:
        yield _join(held)


def _join(items: list[tuple]) -> Batch:
    features = np.concatenate([item[1] for item in items])
    lengths = np.array([len(item[1]) for item in items])
    return Batch([item[0] for item in items], lengths, features, [item[2:] for item in items])
