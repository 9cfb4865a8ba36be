"""Posteriors of selected Gaussians of a mixture with full covariances (Kaldi's fgmm-global-gselect-to-post).

Without a table of selected Gaussians they are selected here, by the diagonal form of the mixture: gmm-gselect and
fgmm-global-gselect-to-post in one pass over the features.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.full_gmm import FullGmm
from speechlib.gmm.gselect import compute_posteriors, select
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.gmm_models import read_full_gmm
from speechlib.io.posteriors import Ragged, RaggedWriter, cut, join, pair, read_gselect
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 16384


def main(argv: Sequence[str] | None = None) -> None:
    """Write the posteriors of every frame."""
    parser = KaldiArgumentParser(
        prog="gselect_to_post",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.gselect_to_post --min-post 0.025 final.ubm scp:feats.scp ark:gselect.ark "
        "ark:post.ark",
    )
    add = parser.add_argument
    add("--min-post", type=float, default=0.0, metavar="X", help="drop posteriors below this, rescale the others")
    add("--num-gselect", type=int, default=20, metavar="N", help="Gaussians to select where no table of them is given")
    add("--scale", type=float, default=1.0, metavar="X", help="multiply the posteriors by this (scale-post)")
    add_feature_arguments(parser)
    add("--write-features", metavar="WSPECIFIER", help="write the features as the front end made them")
    add("model", metavar="<model-in>", help="mixture of full Gaussians")
    add("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    add("gselect", metavar="<gselect-rspecifier>", nargs="?", help="selected Gaussians")
    add("posteriors", metavar="<post-wspecifier>", help="posteriors")
    args = parser.parse_args(argv)
    if args.num_gselect < 1:
        raise ValueError(f"--num-gselect {args.num_gselect}: expected at least 1")
    if not 0 <= args.min_post < 1:
        raise ValueError(f"--min-post {args.min_post}: expected at least 0, less than 1")

    gmm = FullGmm(*read_full_gmm(args.model))
    selector = gmm.diagonal()
    table = open_features(args, args.features, gmm.dim, parser.prog, (FrontendOptions, apply_frontend))
    items = pair(table, read_gselect(args.gselect), table.skip) if args.gselect else table
    total, num_entries = 0.0, 0
    store = open_table(args.write_features) if args.write_features else contextlib.nullcontext()
    with store as features, RaggedWriter(args.posteriors) as writer:
        for batch in batches(items, _BATCH_FRAMES):
            if args.gselect:
                selection = join([extra[0] for extra in batch.extras])[:2]
            else:
                selection = select(selector, batch.features, args.num_gselect)
            posteriors, likes = compute_posteriors(gmm, batch.features, selection, args.min_post, args.scale)
            total += float(likes.sum())
            num_entries += len(posteriors.gaussians)
            for utterance, ragged in zip(batch.utterances, cut(Ragged(*posteriors), batch.lengths), strict=True):
                writer.write(utterance, ragged)
            if features is not None:
                for utterance, matrix in batch.split():
                    features.write(utterance, matrix)
        frames = max(1, table.num_frames)
        sys.stderr.write(f"gselect_to_post: {table.summary()}; log-likelihood {total / frames:.6g} and "
                         f"{num_entries / frames:.4g} entries a frame\n")


if __name__ == "__main__":
    run(main)
