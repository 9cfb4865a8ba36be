"""Normalise the mean (and variance) of features over a sliding window (Kaldi's apply-cmvn-sliding)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.features.cmvn import SlidingCmvnOptions, sliding_cmvn
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.command_options import add_options, parse_options
from speechlib.io.feature_table import FeatureTable
from speechlib.io.tables import open_table

_HELP = {
    "cmn_window": "window in frames",
    "min_cmn_window": "least window at the start, where the window is not centred",
    "norm_vars": "normalise the variance to one, too",
    "center": "centre the window on the frame, as far as the edges allow; else it precedes the frame",
    "max_warnings": "read for Kaldi's sake, without effect",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Write normalised features for each utterance; return 1 if there was none with frames."""
    parser = KaldiArgumentParser(
        prog="apply_cmvn_sliding",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.apply_cmvn_sliding --center=true --cmn-window=300 scp:feats.scp ark:-",
    )
    add_options(parser, SlidingCmvnOptions, _HELP)
    parser.add_argument("features", help="rspecifier of (frames, dim) features")
    parser.add_argument("normalised", help="wspecifier of (frames, dim) normalised features")
    args, options = parse_options(parser, SlidingCmvnOptions, argv)

    num_done = 0
    table = FeatureTable(args.features, parser.prog)
    with open_table(args.normalised) as writer:
        for utterance, features in table:
            writer.write(utterance, sliding_cmvn(features, options))
            num_done += 1
    sys.stderr.write(f"apply_cmvn_sliding: {num_done} utterances, {table.num_empty} had no frames\n")
    return 0 if num_done else 1


if __name__ == "__main__":
    run(main)
