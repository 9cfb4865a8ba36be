"""Extract i-vectors (Kaldi's ivector-extract).

With --ubm the posteriors are worked out here instead of being read: gmm-gselect, fgmm-global-gselect-to-post and
ivector-extract in one pass over the features.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.algebra import open_algebra
from speechlib.gmm.full_gmm import FullGmm
from speechlib.gmm.gselect import Posteriors, compute_posteriors, select
from speechlib.gmm.ivector_extractor import IvectorExtractor, scale_to_max_count, utterance_stats
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.gmm_models import read_full_gmm
from speechlib.io.ivector_models import read_extractor
from speechlib.io.posteriors import join, pair, read_posteriors
from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES = 32768


def main(argv: Sequence[str] | None = None) -> None:
    """Write a vector for every utterance that has frames."""
    parser = KaldiArgumentParser(
        prog="extract_ivectors",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_ivectors final.ie scp:feats.scp ark:post.ark ark:ivectors.ark\n"
        "      python -m speechlib.bin.extract_ivectors --ubm final.ubm final.ie scp:feats.scp ark:ivectors.ark",
    )
    add = parser.add_argument
    add("--ubm", metavar="FILE", help="mixture of full Gaussians to work out the posteriors with")
    add("--num-gselect", type=int, default=20, metavar="N", help="with --ubm: Gaussians to select for each frame")
    add("--min-post", type=float, default=0.025, metavar="X", help="with --ubm: posteriors below this are dropped")
    add("--acoustic-weight", type=float, default=1.0, metavar="X", help="weight of the data against the prior")
    add("--max-count", type=float, default=0.0, metavar="X", help="if positive, more frames count as so many")
    add("--compute-objf-change", type=kaldi_bool, default=True, metavar="true|false",
        help="say how much the i-vectors improve the objective function")  # fmt: skip
    add("--num-threads", type=int, default=1, metavar="N", help="read for Kaldi's sake: OMP_NUM_THREADS decides")
    add("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    add("--device", default="cpu", help="cpu (NumPy), or cuda, cuda:N: products and inverses by torch on a GPU")
    add_feature_arguments(parser)
    add("extractor", metavar="<model-in>", help="i-vector extractor")
    add("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    add("posteriors", metavar="<posteriors-rspecifier>", nargs="?", help="posteriors of the Gaussians, without --ubm")
    add("ivectors", metavar="<ivector-wspecifier>", help="(ivector dim,) vectors")
    args = parser.parse_args(argv)
    if bool(args.ubm) == bool(args.posteriors):
        raise ValueError("expected either posteriors, or --ubm to work them out with")
    if args.num_gselect < 1 or not 0 <= args.min_post < 1:
        raise ValueError(f"--num-gselect {args.num_gselect} --min-post {args.min_post}: expected >= 1, and 0 to 1")

    if args.stamp:
        stamp = stamp_of(args)
        if stamp.is_complete():
            sys.stderr.write(f"extract_ivectors: {args.ivectors} is complete, as {args.stamp} says: nothing to do\n")
            return
        stamp.begin()
    extract(args, parser.prog)
    if args.stamp:
        stamp.finish()


def extract(args, program: str) -> None:
    """Read models and features, write i-vectors."""
    algebra = open_algebra(args.device)
    extractor = IvectorExtractor(*read_extractor(args.extractor))
    ubm = FullGmm(*read_full_gmm(args.ubm)) if args.ubm else None
    if ubm is not None and (ubm.num_gauss, ubm.dim) != (extractor.num_gauss, extractor.feat_dim):
        raise ValueError(f"{args.ubm} has {ubm.num_gauss} Gaussians of dimension {ubm.dim}, {args.extractor} "
                         f"{extractor.num_gauss} of dimension {extractor.feat_dim}: they do not belong together")
    selector = ubm.diagonal() if ubm is not None else None
    table = open_features(args, args.features, extractor.feat_dim, program, (FrontendOptions, apply_frontend))
    items = table if ubm is not None else pair(table, read_posteriors(args.posteriors), table.skip)
    improvement = frames = 0.0
    with open_table(args.ivectors) as writer:
        for batch in batches(items, _BATCH_FRAMES):
            if ubm is not None:
                selection = select(selector, batch.features, args.num_gselect)
                posteriors = compute_posteriors(ubm, batch.features, selection, args.min_post)[0]
            else:
                posteriors = Posteriors(*join([extra[0] for extra in batch.extras]))
            stats = utterance_stats(batch.features, batch.lengths, posteriors, extractor.num_gauss)
            stats = scale_to_max_count(stats, args.max_count, args.acoustic_weight)
            ivectors, gains = extractor.extract(stats, algebra)
            improvement += float(gains.sum())
            frames += float(stats.zeroth.sum())
            for utterance, ivector in zip(batch.utterances, ivectors.astype(np.float32), strict=True):
                writer.write(utterance, ivector)
        gain = f"; objective function improves by {improvement / max(frames, 1):.6g} a frame"
        sys.stderr.write(f"{program}: {table.summary()}{gain if args.compute_objf_change else ''}\n")


def stamp_of(args) -> Stamp:
    """What decides a job's i-vectors: models and scripts by content, archives by size and time, options."""
    source, target = parse_rspecifier(args.features), parse_wspecifier(args.ivectors)
    if source.kind != "scp" or not target.scp or args.posteriors:
        raise ValueError("--stamp goes with --ubm, scp:FILE as input and ark,scp:FILE,FILE as output")
    inputs = [args.extractor, args.ubm, source.name, *filter(None, [args.frontend])]
    if args.vad:
        inputs.append(parse_rspecifier(args.vad).name)
    names = ("num_gselect", "min_post", "acoustic_weight", "max_count", "subsample")
    options = {name: getattr(args, name) for name in names} | {"archives": str(archive_states(source.name))}
    return Stamp(args.stamp, inputs, options, [target.ark, target.scp])


if __name__ == "__main__":
    run(main)
