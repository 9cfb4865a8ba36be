"""Accumulate statistics for training a mixture (Kaldi's gmm-global-acc-stats and fgmm-global-acc-stats)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.diag_gmm import DiagGmm, DiagStats
from speechlib.gmm.full_gmm import FullGmm, FullStats
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import Sums, is_full_gmm, read_diag_gmm, read_full_gmm, write_sums
from speechlib.io.posteriors import join, pair, read_gselect
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES_DIAG, _BATCH_FRAMES_FULL = 4096, 16384


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sums over all frames."""
    parser = KaldiArgumentParser(
        prog="acc_ubm",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.acc_ubm --gselect ark:gselect.ark 1.model scp:feats.scp 1.acc",
    )
    parser.add_argument("--gselect", metavar="RSPECIFIER", help="Gaussians to consider for each frame (default: all)")
    parser.add_argument("--binary", type=kaldi_bool, default=True, metavar="true|false", help="write in binary")
    add_feature_arguments(parser)
    parser.add_argument("model", metavar="<model-in>", help="mixture of diagonal or full Gaussians")
    parser.add_argument("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    parser.add_argument("stats", metavar="<stats-out>", help="statistics")
    args = parser.parse_args(argv)

    if is_full_gmm(args.model):
        gmm, batch_frames = FullGmm(*read_full_gmm(args.model)), _BATCH_FRAMES_FULL
        stats = FullStats.zeros(gmm)
    else:
        gmm, batch_frames = DiagGmm(*read_diag_gmm(args.model)), _BATCH_FRAMES_DIAG
        stats = DiagStats.zeros(gmm)
    table = open_features(args, args.features, gmm.dim, parser.prog, (FrontendOptions, apply_frontend))
    items = pair(table, read_gselect(args.gselect), table.skip) if args.gselect else table
    for batch in batches(items, batch_frames):
        selected = join([extra[0] for extra in batch.extras]) if args.gselect else None
        stats.accumulate(gmm, batch.features, selected and (selected.offsets, selected.gaussians))
    if not stats.num_frames:
        raise ValueError(f"{args.features}: no frames at all: see the warnings")
    write_sums(args.stats, Sums(stats.occupancy, stats.first, stats.second), args.binary)
    sys.stderr.write(f"acc_ubm: {table.summary()}; log-likelihood {stats.log_likelihood / stats.num_frames:.6g} a "
                     f"frame over {stats.num_frames} frames\n")


if __name__ == "__main__":
    run(main)
