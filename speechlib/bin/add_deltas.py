"""Append time derivatives to features (Kaldi's add-deltas)."""

from __future__ import annotations

from collections.abc import Sequence

from speechlib.features.deltas import add_deltas
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.feature_table import FeatureTable
from speechlib.io.tables import open_table


def main(argv: Sequence[str] | None = None) -> None:
    """Write (frames, dim * (order + 1)) features for each utterance with frames."""
    parser = KaldiArgumentParser(
        prog="add_deltas",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.add_deltas --delta-order=2 scp:feats.scp ark:-",
    )
    parser.add_argument("--delta-order", type=int, default=2, metavar="N", help="order of the highest derivative")
    parser.add_argument("--delta-window", type=int, default=2, metavar="N", help="frames on each side of a regression")
    parser.add_argument("--truncate", type=int, default=0, metavar="N", help="keep only the first N dimensions before")
    parser.add_argument("features", help="rspecifier of (frames, dim) features")
    parser.add_argument("extended", help="wspecifier of (frames, dim * (order + 1)) features")
    args = parser.parse_args(argv)
    if args.truncate < 0:
        raise ValueError(f"--truncate={args.truncate} must not be negative")

    with open_table(args.extended) as writer:
        for utterance, features in FeatureTable(args.features, parser.prog):
            if args.truncate > features.shape[1]:
                raise ValueError(
                    f"utterance {utterance}: --truncate={args.truncate}, but its features have {features.shape[1]} "
                    "dimensions"
                )
            if args.truncate:
                features = features[:, : args.truncate]
            writer.write(utterance, add_deltas(features, args.delta_order, args.delta_window))


if __name__ == "__main__":
    run(main)
