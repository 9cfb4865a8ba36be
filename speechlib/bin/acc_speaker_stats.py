"""Accumulate zeroth and first order statistics of a mixture, for each utterance or each speaker.

Every value is a matrix (Gaussians, 1 + dim): the occupancies, and the sums of the frames.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.frontend import FrontendOptions, apply_frontend
from speechlib.gmm.algebra import open_algebra
from speechlib.gmm.diag_gmm import DiagGmm
from speechlib.gmm.map_adaptation import soft_stats
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.gmm_models import read_diag_gmm
from speechlib.io.maps import read_map
from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier
from speechlib.io.stamps import Stamp
from speechlib.io.tables import open_table
from speechlib.io.utterance_batches import add_feature_arguments, batches, open_features

_BATCH_FRAMES, _BATCH_UTTERANCES = 16384, 64


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sums of every utterance that has frames, or of every speaker of such."""
    parser = KaldiArgumentParser(
        prog="acc_speaker_stats",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.acc_speaker_stats --utt2spk data/train/utt2spk final.dubm "
        "scp:data/train/feats.scp ark:speakers.ark",
    )
    add = parser.add_argument
    add("--utt2spk", metavar="FILE", help="add up over a speaker's utterances (default: each utterance by itself)")
    add("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    add("--device", default="cpu", help="cpu (NumPy), or cuda, cuda:N: products by torch on a GPU")
    add_feature_arguments(parser)
    add("model", metavar="<model-in>", help="mixture of diagonal Gaussians")
    add("features", metavar="<feature-rspecifier>", help="(frames, dim) matrices")
    add("stats", metavar="<stats-wspecifier>", help="(Gaussians, 1 + dim) matrices")
    args = parser.parse_args(argv)

    stamp = stamp_of(args) if args.stamp else None
    if stamp and stamp.is_complete():
        sys.stderr.write(f"acc_speaker_stats: {args.stats} is complete, as {args.stamp} says: nothing to do\n")
        return
    if stamp:
        stamp.begin()
    accumulate(args, parser.prog)
    if stamp:
        stamp.finish()


def accumulate(args: argparse.Namespace, program: str) -> None:
    """Read the mixture and the features, write the statistics."""
    algebra = open_algebra(args.device)
    gmm = DiagGmm(*read_diag_gmm(args.model))
    speakers = read_map(args.utt2spk) if args.utt2spk else None
    table = open_features(args, args.features, gmm.dim, program, (FrontendOptions, apply_frontend))
    held: dict[str, np.ndarray] = {}
    with open_table(args.stats) as writer:
        for batch in batches(table, _BATCH_FRAMES, _BATCH_UTTERANCES):
            sums = soft_stats(gmm, batch.features, batch.lengths, algebra)
            joined = np.concatenate([sums.zeroth[:, :, None], sums.first], axis=2)
            for utterance, matrix in zip(batch.utterances, joined, strict=True):
                if speakers is None:
                    writer.write(utterance, matrix)
                    continue
                if utterance not in speakers:
                    raise ValueError(f"{args.utt2spk}: no line for utterance {utterance}")
                speaker = speakers[utterance]
                held[speaker] = held[speaker] + matrix if speaker in held else matrix
        for speaker in sorted(held):
            writer.write(speaker, held[speaker])
        summary = table.summary()
    sys.stderr.write(f"{program}: {summary}{f'; {len(held)} speakers' if speakers else ''}\n")


def stamp_of(args: argparse.Namespace) -> Stamp:
    """What decides a job's statistics: model and lists by content, options. (The step watches the archives.)"""
    source, target = parse_rspecifier(args.features), parse_wspecifier(args.stats)
    if source.kind != "scp" or not target.ark or target.scp:
        raise ValueError("--stamp goes with scp:FILE as input and ark:FILE as output")
    inputs = [args.model, source.name, *filter(None, [args.utt2spk, args.frontend])]
    return Stamp(args.stamp, inputs, {"vad": args.vad, "subsample": args.subsample}, [target.ark])


if __name__ == "__main__":
    run(main)
