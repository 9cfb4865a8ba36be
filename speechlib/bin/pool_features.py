"""Mean and standard deviation over the frames of each utterance, as its embedding: the baseline of every model."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.features.statistics import pool_statistics
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import read_map
from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier, split_offset
from speechlib.io.stamps import is_complete, mark_complete
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

    if not args.stamp:
        pool(args, parser.prog)
        return
    job = stamp_of(args)
    if is_complete(args.stamp, *job):
        sys.stderr.write(f"pool_features: {args.embeddings} is complete, as {args.stamp} says: nothing to do\n")
        return
    pool(args, parser.prog)
    mark_complete(args.stamp, *job)


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


def stamp_of(args: argparse.Namespace) -> tuple[list[str], dict[str, object], list[str]]:
    """What decides a job's embeddings: scripts and options by content, archives by size and time."""
    sources = [parse_rspecifier(name) for name in (args.features, args.vad) if name]
    target = parse_wspecifier(args.embeddings)
    if any(source.kind != "scp" for source in sources) or not target.ark or not target.scp:
        raise ValueError("--stamp goes with scp:FILE as input and ark,scp:FILE,FILE as output")
    scripts = [source.name for source in sources]
    archives = sorted({split_offset(entry)[0] for script in scripts for entry in read_map(script).values()})
    states = [(path, os.path.getsize(path), os.stat(path).st_mtime_ns) for path in archives if os.path.isfile(path)]
    options = {"subsample": args.subsample, "archives": str(states)}
    return [*scripts, *filter(None, [args.frontend])], options, [target.ark, target.scp]


if __name__ == "__main__":
    run(main)
