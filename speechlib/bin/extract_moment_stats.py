"""Sums of each utterance's frames and of their products: the statistics of GLR, CLR and BIC.

A (dim + 1, dim + 1) double matrix an utterance: the sum of [1; x] [1; x]' over its frames.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from speechlib.clustering.moments import frame_moments
from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.feature_jobs import run_once
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, open_features


def main(argv: Sequence[str] | None = None) -> None:
    """Write a matrix for every utterance that has frames."""
    parser = KaldiArgumentParser(
        prog="extract_moment_stats",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_moment_stats scp:feats.scp ark,scp:stats.ark,stats.scp\n"
        "      python -m speechlib.bin.extract_moment_stats --frontend frontend.conf --vad scp:vad.scp scp:feats.scp "
        "ark:-",
    )
    add_feature_arguments(parser)
    parser.add_argument("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    parser.add_argument("features", metavar="<features-rspecifier>", help="(frames, dim) matrices")
    parser.add_argument("statistics", metavar="<stats-wspecifier>", help="(dim + 1, dim + 1) matrices")
    args = parser.parse_args(argv)

    run_once(args, parser.prog, lambda: extract(args, parser.prog), args.statistics)


def extract(args: argparse.Namespace, program: str) -> None:
    """Read features, write statistics."""
    table = open_features(args, args.features, None, program, (FrontendOptions, apply_frontend))
    with open_table(args.statistics) as writer:
        dim, first = 0, ""
        for utterance, features in table:
            if features.shape[1] != (dim or features.shape[1]):
                raise ValueError(f"{args.features}: utterance {utterance} has features of dimension "
                                 f"{features.shape[1]}, {first} of {dim}: all must have the same")
            dim, first = features.shape[1], first or utterance
            writer.write(utterance, frame_moments(features))
        # A job may get nothing but silence, which depends on the number of jobs: whoever joins them counts.
        if table.num_done or not args.stamp:
            sys.stderr.write(f"{program}: {table.summary()}\n")


if __name__ == "__main__":
    run(main)
