"""Normalise the mean (and variance) of features by statistics of utterances, speakers or all (Kaldi's apply-cmvn)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np

from speechlib.features.cmvn import apply_cmvn, fake_stats_for_dims
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.specifiers import is_specifier
from speechlib.io.tables import RandomAccessTable, open_table, read_matrix, read_table


def _dimensions(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(":")] if text else []
    except ValueError:
        raise ValueError(f"--skip-dims={text}: expected numbers of dimensions from 0, like 13:14:15") from None


def _stats_lookup(stats: str, utt2spk: str | None) -> Callable[[str], np.ndarray | None]:
    """A function from an utterance to its statistics, None where there are none."""
    if not is_specifier(stats):
        if utt2spk:
            raise ValueError(f"--utt2spk does not go with the single file {stats} (is ark: or scp: missing?)")
        of_all = read_matrix(stats)
        return lambda utterance: of_all
    table = RandomAccessTable(stats, kind="matrix")
    if not utt2spk:
        return table.get
    speakers = dict(read_table(utt2spk if is_specifier(utt2spk) else f"ark:{utt2spk}", kind="token"))
    return lambda utterance: table.get(speakers.get(utterance, ""))


def main(argv: Sequence[str] | None = None) -> int:
    """Write normalised features for each utterance with statistics; return 1 if there was none."""
    parser = KaldiArgumentParser(
        prog="apply_cmvn",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.apply_cmvn --utt2spk=ark:data/train/utt2spk scp:data/train/cmvn.scp "
        "scp:data/train/feats.scp ark:-",
    )
    boolean = {"type": kaldi_bool, "metavar": "true|false"}
    parser.add_argument("--utt2spk", metavar="RSPECIFIER", help="utterance to speaker, for statistics by speaker")
    parser.add_argument("--norm-means", **boolean, default=True, help="normalise the mean; false copies the features")
    parser.add_argument("--norm-vars", **boolean, default=False, help="normalise the variance, too")
    parser.add_argument("--reverse", **boolean, default=False, help="give normalised features these statistics")
    parser.add_argument("--skip-dims", default="", metavar="N:N", help="dimensions, from 0, that are left as they are")
    parser.add_argument("stats", help="rspecifier of statistics, or a file with those over all")
    parser.add_argument("features", help="rspecifier of (frames, dim) features")
    parser.add_argument("normalised", help="wspecifier of (frames, dim) normalised features")
    args = parser.parse_args(argv)
    if args.norm_vars and not args.norm_means:
        raise ValueError("--norm-vars=true with --norm-means=false: the variance alone cannot be normalised")
    skipped = _dimensions(args.skip_dims)
    find_stats = _stats_lookup(args.stats, args.utt2spk)

    num_done = num_left_out = 0
    with open_table(args.normalised) as writer:
        for utterance, features in read_table(args.features, kind="matrix"):
            if args.norm_means and len(features):
                stats = find_stats(utterance)
                if stats is None:
                    sys.stderr.write(f"apply_cmvn: warning: no statistics for utterance {utterance}: left out\n")
                    num_left_out += 1
                    continue
                try:
                    if skipped:
                        stats = fake_stats_for_dims(stats, skipped)
                    features = apply_cmvn(features, stats, args.norm_vars, args.reverse)
                except ValueError as error:
                    raise ValueError(f"utterance {utterance}: {error}") from error
            writer.write(utterance, features)
            num_done += 1
    sys.stderr.write(f"apply_cmvn: {num_done} utterances, {num_left_out} left out\n")
    return 0 if num_done else 1


if __name__ == "__main__":
    run(main)
