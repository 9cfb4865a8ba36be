"""Add up the matrices of the utterances of each group: statistics of utterances that are one (in the manner of Kaldi's
matrix-sum, which adds tables)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import read_map
from speechlib.io.tables import open_table, read_table


def main(argv: Sequence[str] | None = None) -> None:
    """Write a double matrix for every group of which an utterance is there."""
    parser = KaldiArgumentParser(
        prog="sum_matrices",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.sum_matrices --utt2group data/utt2half scp:stats.scp ark:halves.ark",
    )
    parser.add_argument("--utt2group", required=True, metavar="FILE", help="of utterances; those without are left out")
    parser.add_argument("matrices", metavar="<matrix-rspecifier>", help="of utterances")
    parser.add_argument("sums", metavar="<matrix-wspecifier>", help="of groups, sorted")
    args = parser.parse_args(argv)

    groups = read_map(args.utt2group)
    sums: dict[str, np.ndarray] = {}
    num_skipped = 0
    for utterance, matrix in read_table(args.matrices, "matrix"):
        group = groups.get(utterance)
        if group is None:
            num_skipped += 1
            continue
        if group in sums and sums[group].shape != matrix.shape:
            raise ValueError(f"{args.matrices}: {utterance}: a matrix of {matrix.shape}, those of {group} before have "
                             f"{sums[group].shape}")
        sums[group] = sums[group] + matrix if group in sums else matrix.astype(np.float64)
    if not sums:
        raise ValueError(f"{args.matrices}: no utterance of {args.utt2group} is in it")
    with open_table(args.sums) as writer:
        for group in sorted(sums):
            writer.write(group, sums[group])
    sys.stderr.write(f"sum_matrices: {len(sums)} groups; {num_skipped} utterances are in none\n")


if __name__ == "__main__":
    run(main)
