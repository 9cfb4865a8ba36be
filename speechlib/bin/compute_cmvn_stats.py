"""Add up statistics for mean and variance normalisation: by utterance, by speaker, or over all (compute-cmvn-stats)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from speechlib.features.cmvn import accumulate_cmvn_stats
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.specifiers import is_specifier
from speechlib.io.tables import RandomAccessTable, open_table, read_table, write_matrix


class _Accumulator:
    """Adds utterances to statistics and counts those that could be used."""

    def __init__(self, weights: Mapping[str, np.ndarray] | None) -> None:
        self._weights = weights
        self.num_done = 0
        self.num_left_out = 0

    def sum(self, utterances: Iterable[tuple[str, np.ndarray]]) -> np.ndarray | None:
        """Statistics of utterances together; None if none can be used."""
        stats = None
        for utterance, features in utterances:
            if not len(features):
                self.leave_out(utterance, "has no frames")
                continue
            weights = None
            if self._weights is not None:
                weights = self._weights.get(utterance)
                if weights is None:
                    self.leave_out(utterance, "has no weights")
                    continue
            try:
                stats = accumulate_cmvn_stats(features, stats, weights)
            except ValueError as error:
                raise ValueError(f"utterance {utterance}: {error}") from error
            self.num_done += 1
        return stats

    def leave_out(self, utterance: str, problem: str) -> None:
        sys.stderr.write(f"compute_cmvn_stats: warning: utterance {utterance} {problem}: left out\n")
        self.num_left_out += 1


def main(argv: Sequence[str] | None = None) -> int:
    """Write (2, dim + 1) statistics; return 1 if no utterance could be used."""
    parser = KaldiArgumentParser(
        prog="compute_cmvn_stats",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.compute_cmvn_stats --spk2utt=ark:data/train/spk2utt "
        "scp:data/train/feats.scp ark,scp:cmvn.ark,cmvn.scp",
    )
    parser.add_argument("--spk2utt", metavar="RSPECIFIER", help="speaker to utterances: statistics by speaker")
    parser.add_argument("--weights", metavar="RSPECIFIER", help="(frames,) weight of each frame, e.g. scp:vad.scp")
    parser.add_argument(
        "--binary", type=kaldi_bool, default=True, metavar="true|false", help="of statistics over all: write binary"
    )
    parser.add_argument("features", help="rspecifier of (frames, dim) features")
    parser.add_argument("stats", help="wspecifier of statistics by utterance or speaker, or a file for those over all")
    args = parser.parse_args(argv)
    by_key = is_specifier(args.stats)
    if args.spk2utt and not by_key:
        raise ValueError(f"--spk2utt needs a wspecifier to write to, not {args.stats} (is ark: missing?)")

    accumulator = _Accumulator(RandomAccessTable(args.weights, kind="vector") if args.weights else None)
    if not by_key:
        stats = accumulator.sum(read_table(args.features, kind="matrix"))
        if stats is not None:
            write_matrix(args.stats, stats.astype(np.float32), binary=args.binary)
    else:
        with open_table(args.stats) as writer:
            for key, utterances in _groups(args.features, args.spk2utt, accumulator):
                stats = accumulator.sum(utterances)
                if stats is not None:
                    writer.write(key, stats)
                elif args.spk2utt:
                    sys.stderr.write(f"compute_cmvn_stats: warning: speaker {key} has no statistics\n")
    sys.stderr.write(f"compute_cmvn_stats: {accumulator.num_done} utterances, {accumulator.num_left_out} left out\n")
    return 0 if accumulator.num_done else 1


def _groups(
    features: str, spk2utt: str | None, accumulator: _Accumulator
) -> Iterator[tuple[str, Iterable[tuple[str, np.ndarray]]]]:
    """Utterances that share statistics, each with its features, which are read one at a time."""
    if not spk2utt:
        for utterance, matrix in read_table(features, kind="matrix"):
            yield utterance, [(utterance, matrix)]
        return
    table = RandomAccessTable(features, kind="matrix")

    def present(utterances: list[str]) -> Iterator[tuple[str, np.ndarray]]:
        for utterance in utterances:
            if utterance in table:
                yield utterance, table[utterance]
            else:
                accumulator.leave_out(utterance, f"is not in {features}")

    for speaker, utterances in read_table(spk2utt if is_specifier(spk2utt) else f"ark:{spk2utt}", kind="tokens"):
        yield speaker, present(utterances)


if __name__ == "__main__":
    run(main)
