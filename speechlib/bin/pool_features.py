"""Mean and standard deviation over the frames of each utterance, as its embedding: the baseline of every model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.features.statistics import pool_statistics
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.feature_jobs import run_once
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 32768


def main(argv: Sequence[str] | None = None) -> None:
    """Write a vector of twice the features' dimension for every utterance that has frames."""
    parser = KaldiArgumentParser(
        prog="pool_features",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.pool_features scp:data/test/feats.scp ark:embeddings.ark\n"
        "      python -m speechlib.bin.pool_features --frontend frontend.conf --vad scp:vad.scp scp:feats.scp ark:-",
    )
    add_feature_arguments(parser)
    parser.add_argument("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    parser.add_argument("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    parser.add_argument("embeddings", metavar="<wspecifier>", help="(2 dim,) vectors: means, then deviations")
    args = parser.parse_args(argv)

    run_once(args, parser.prog, lambda: pool(args, parser.prog), args.embeddings)


def pool(args: argparse.Namespace, program: str) -> None:
    """Read features, write embeddings."""
    table = open_features(args, args.features, None, program, (FrontendOptions, apply_frontend))
    with open_table(args.embeddings) as writer:
        for batch in batches(table, _BATCH_FRAMES):
            for utterance, features in batch.split():
                writer.write(utterance, pool_statistics(features).astype(np.float32))
        # A job may get nothing but silence, which depends on the number of jobs: whoever joins them counts.
        if table.num_done or not args.stamp:
            sys.stderr.write(f"{program}: {table.summary()}\n")


if __name__ == "__main__":
    run(main)
