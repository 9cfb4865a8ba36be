"""Extract what each utterance tells about its speaker: the statistics of the utterance comparison model.

A (rank, rank + 1) double matrix [L | d] an utterance, of which clusters are sums (Jeon et al., 2009).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.clustering.frame_assignment import StatisticsExtractor
from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.eigenvoice_models import read_eigenvoice_model
from speechlib.io.feature_jobs import run_once
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 8192
_DEVICE_BATCH_FRAMES = 131072


def main(argv: Sequence[str] | None = None) -> None:
    """Write a matrix for every utterance that has frames."""
    parser = KaldiArgumentParser(
        prog="extract_comparison_stats",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_comparison_stats --frontend exp/ucm/frontend.conf --vad "
        "scp:data/dev/vad.scp exp/ucm scp:data/dev/feats.scp ark,scp:stats.ark,stats.scp",
    )
    add = parser.add_argument
    add("--assignment", choices=("hard", "soft"), default="hard",
        help="of frames to Gaussians: the likeliest one, or posteriors")  # fmt: skip
    add("--num-iters", type=int, default=3, metavar="N",
        help="assignments, the first by the mixture alone, then given the speaker; fewer if none changes")  # fmt: skip
    add("--frame-scale", type=float, default=1.0, metavar="X",
        help="what each frame counts: neighbouring frames tell less than independent ones")  # fmt: skip
    add("--use-eigenchannels", type=kaldi_bool, default=None, metavar="true|false",
        help="integrate over the utterance's channel; by default where the model has eigenchannels")  # fmt: skip
    add("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    add("--device", default="cpu", help="cpu (NumPy), or cuda, cuda:N: large products by torch on a GPU")
    add_feature_arguments(parser)
    add("model", metavar="<model-dir>", help="as steps/train_eigenvoices.sh makes it")
    add("features", metavar="<features-rspecifier>", help="(frames, dim) matrices")
    add("statistics", metavar="<stats-wspecifier>", help="(rank, rank + 1) matrices [L | d]")
    args = parser.parse_args(argv)

    files = [os.path.join(args.model, name) for name in ("final.dubm", "means.mat", "eigenvoices.mat")]
    channels = os.path.join(args.model, "eigenchannels.mat")
    files += [channels] if os.path.isfile(channels) else []
    options = {name: getattr(args, name) for name in ("assignment", "num_iters", "frame_scale", "use_eigenchannels")}
    if not os.path.isdir(args.model):
        raise ValueError(f"no folder {args.model}: expected a model that steps/train_eigenvoices.sh made")
    run_once(args, parser.prog, lambda: extract(args, parser.prog), args.statistics, files, options)


def extract(args: argparse.Namespace, program: str) -> None:
    """Read model and features, write statistics."""
    model = read_eigenvoice_model(args.model)
    if args.use_eigenchannels and model.eigenchannels is None:
        raise ValueError(f"{args.model} has no eigenchannels: train them with steps/train_eigenvoices.sh "
                         "--channel-rank N, or leave --use-eigenchannels out")
    channels = None if args.use_eigenchannels is False else model.eigenchannels
    extractor = StatisticsExtractor(
        *model[:4], channels, args.assignment == "soft", args.num_iters, args.frame_scale, args.device
    )
    table = open_features(args, args.features, extractor.dim, program, (FrontendOptions, apply_frontend))
    gain = 0.0
    with open_table(args.statistics) as writer:
        size = _BATCH_FRAMES if args.device == "cpu" else _DEVICE_BATCH_FRAMES
        for batch in batches(table, size, 64 if args.device == "cpu" else 1024):
            found = extractor.extract(batch.features, batch.lengths)
            gain += float((found.objectives[-1] - found.objectives[0]).sum())
            matrices = np.concatenate([found.precisions, found.linear[..., None]], axis=2)
            for utterance, matrix in zip(batch.utterances, matrices, strict=True):
                writer.write(utterance, matrix)
        # A job may get nothing but silence, which depends on the number of jobs: whoever joins them counts.
        if table.num_done or not args.stamp:
            added = f"who speaks adds {gain / max(table.num_frames, 1):.4g} in the logarithm a frame"
            sys.stderr.write(f"{program}: {table.summary()}; {added}\n")


if __name__ == "__main__":
    run(main)
