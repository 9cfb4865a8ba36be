"""Log-likelihoods of frames by a mixture (Kaldi's gmm-global-get-frame-likes and fgmm-global-get-frame-likes)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.full_gmm import FullGmm, every_gaussian
from speechlib.gmm.gselect import softmax
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import is_full_gmm, read_diag_gmm, read_full_gmm
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 4096


def main(argv: Sequence[str] | None = None) -> None:
    """Write a vector by utterance, or its mean."""
    parser = KaldiArgumentParser(
        prog="frame_likes",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.frame_likes --average=true final.ubm scp:feats.scp ark,t:likes.txt",
    )
    parser.add_argument("--average", type=kaldi_bool, default=False, metavar="true|false",
                        help="write the mean over the frames of each utterance")  # fmt: skip
    add_feature_arguments(parser)
    parser.add_argument("model", metavar="<model-in>", help="mixture of diagonal or full Gaussians")
    parser.add_argument("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    parser.add_argument("likes", metavar="<likes-wspecifier>", help="(frames,) vectors, or numbers with --average=true")
    args = parser.parse_args(argv)

    gmm = FullGmm(*read_full_gmm(args.model)) if is_full_gmm(args.model) else DiagGmm(*read_diag_gmm(args.model))
    table = open_features(args, args.features, gmm.dim, parser.prog, (FrontendOptions, apply_frontend))
    total = 0.0
    with open_table(args.likes) as writer:
        for batch in batches(table, _BATCH_FRAMES):
            offsets, gaussians = every_gaussian(len(batch.features), gmm.num_gauss)
            if isinstance(gmm, FullGmm):
                by_gaussian = gmm.log_likelihoods(batch.features, offsets, gaussians)
            else:
                by_gaussian = gmm.log_likelihoods(batch.features).reshape(-1)
            likes = softmax(offsets, by_gaussian)[1]
            total += float(likes.sum())
            parts = np.split(likes, np.cumsum(batch.lengths)[:-1])
            for utterance, values in zip(batch.utterances, parts, strict=True):
                writer.write(utterance, float(values.mean()) if args.average else values.astype(np.float32))
        mean = total / max(1, table.num_frames)
        sys.stderr.write(f"frame_likes: {table.summary()}; log-likelihood {mean:.6g} a frame\n")


if __name__ == "__main__":
    run(main)
