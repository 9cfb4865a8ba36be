"""Select the likeliest Gaussians of a mixture for each frame (Kaldi's gmm-gselect; a full mixture is made diagonal)."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.full_gmm import FullGmm
from speechlib.gmm.gselect import select
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.gmm_models import is_full_gmm, read_diag_gmm, read_full_gmm
from speechlib.io.posteriors import Ragged, RaggedWriter, cut
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 4096


def main(argv: Sequence[str] | None = None) -> None:
    """Write the Gaussians of every frame, from the likeliest down."""
    parser = KaldiArgumentParser(
        prog="gselect_ubm",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.gselect_ubm --n 20 final.dubm scp:feats.scp ark:gselect.ark",
    )
    parser.add_argument("--n", type=int, default=50, metavar="N", help="Gaussians to keep for each frame")
    add_feature_arguments(parser)
    parser.add_argument("--write-features", metavar="WSPECIFIER", help="write the features as the front end made them")
    parser.add_argument("model", metavar="<model-in>", help="mixture of diagonal or full Gaussians")
    parser.add_argument("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    parser.add_argument("gselect", metavar="<gselect-wspecifier>", help="selected Gaussians")
    args = parser.parse_args(argv)
    if args.n < 1:
        raise ValueError(f"--n {args.n}: expected at least 1")

    is_full = is_full_gmm(args.model)
    gmm = FullGmm(*read_full_gmm(args.model)).diagonal() if is_full else DiagGmm(*read_diag_gmm(args.model))
    if args.n > gmm.num_gauss:
        sys.stderr.write(f"gselect_ubm: warning: the mixture has {gmm.num_gauss} Gaussians: all of them are selected\n")
    table = open_features(args, args.features, gmm.dim, parser.prog, (FrontendOptions, apply_frontend))
    store = open_table(args.write_features) if args.write_features else contextlib.nullcontext()
    with store as features, RaggedWriter(args.gselect) as writer:
        for batch in batches(table, _BATCH_FRAMES):
            chosen = Ragged(*select(gmm, batch.features, args.n))
            for utterance, ragged in zip(batch.utterances, cut(chosen, batch.lengths), strict=True):
                writer.write(utterance, ragged)
            if features is not None:
                for utterance, matrix in batch.split():
                    features.write(utterance, matrix)
        sys.stderr.write(f"gselect_ubm: {table.summary()}\n")


if __name__ == "__main__":
    run(main)
