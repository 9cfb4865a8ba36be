"""Accumulate statistics for training an i-vector extractor (Kaldi's ivector-extractor-acc-stats)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.algebra import open_algebra
from speechlib.gmm.full_gmm import scatter_by_gaussian
from speechlib.gmm.gselect import Posteriors
from speechlib.gmm.ivector_extractor import IvectorExtractor, utterance_stats
from speechlib.gmm.ivector_training import ExtractorStats
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import Sums, read_sums, write_sums
from speechlib.io.ivector_models import ExtractorSums, read_extractor, write_extractor_sums
from speechlib.io.posteriors import join, pair, read_posteriors
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 32768


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sums over all utterances."""
    parser = KaldiArgumentParser(
        prog="acc_ivector_extractor",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.acc_ivector_extractor 0.ie scp:feats.scp ark:post.ark 0.1.acc",
    )
    add = parser.add_argument
    add("--update-variances", type=kaldi_bool, default=True, metavar="true|false",
        help="accumulate for the covariances, too")  # fmt: skip
    add("--frame-stats", metavar="FILE",
        help="sums of the frames by Gaussian, the same in all iterations: read if there, else written")  # fmt: skip
    add("--num-threads", type=int, default=1, metavar="N", help="read for Kaldi's sake: OMP_NUM_THREADS decides")
    add("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write in binary")
    add("--device", default="cpu", help="cpu (NumPy), or cuda, cuda:N: products and inverses by torch on a GPU")
    add_feature_arguments(parser)
    add("extractor", metavar="<model-in>", help="i-vector extractor")
    add("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    add("posteriors", metavar="<posteriors-rspecifier>", help="posteriors of the Gaussians")
    add("stats", metavar="<stats-out>", help="statistics")
    args = parser.parse_args(argv)
    if args.frame_stats and not args.update_variances:
        raise ValueError("--frame-stats is for --update-variances=true")

    algebra = open_algebra(args.device)
    extractor = IvectorExtractor(*read_extractor(args.extractor))
    table = open_features(args, args.features, extractor.feat_dim, parser.prog, (FrontendOptions, apply_frontend))
    stats = ExtractorStats.zeros(extractor, args.update_variances)
    shape = (extractor.num_gauss, extractor.feat_dim)
    frames = Sums(np.zeros(shape[0]), np.zeros(shape), np.zeros((*shape, shape[1])))
    known = bool(args.frame_stats) and os.path.exists(args.frame_stats)
    for batch in batches(pair(table, read_posteriors(args.posteriors), table.skip), _BATCH_FRAMES):
        posteriors = Posteriors(*join([extra[0] for extra in batch.extras]))
        sums = utterance_stats(batch.features, batch.lengths, posteriors, extractor.num_gauss)
        stats.accumulate(extractor, sums, algebra)
        if args.update_variances and not known:
            frames = frames._replace(
                occupancy=frames.occupancy + sums.zeroth.sum(axis=0), first=frames.first + sums.first.sum(axis=0)
            )
            scatter_by_gaussian(batch.features.astype(np.float64), posteriors, frames.second)
    stats.collect(algebra)
    if not stats.num_ivectors:
        raise ValueError(f"{args.features}: no utterance with posteriors: see the warnings")
    if known:
        frames = read_sums(args.frame_stats)
        if not np.allclose(frames.occupancy, stats.occupancy, rtol=1e-6, atol=1e-3):
            raise ValueError(f"{args.frame_stats}: statistics of other posteriors: remove it")
    elif args.frame_stats:
        write_sums(args.frame_stats, frames)
    if args.update_variances:
        stats.add_second(extractor, frames.second)
    write_extractor_sums(args.stats, ExtractorSums(**vars(stats)), args.binary)
    sys.stderr.write(f"acc_ivector_extractor: {table.summary()}; objective function "
                     f"{stats.auxiliary / stats.occupancy.sum():.6g} a frame\n")


if __name__ == "__main__":
    run(main)
