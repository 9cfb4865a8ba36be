"""Estimate the transform that whitens embeddings: of all (ZCA), or within speakers (WCCN; Hatch et al., 2006)."""

import sys

import numpy as np

from speechlib.backend.class_statistics import class_statistics
from speechlib.backend.vectors import whitening
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.map_tables import read_word_map
from speechlib.io.tables import write_matrix
from speechlib.io.vector_table import VectorTable, read_vectors

_USAGE = """Estimate an affine transform, dim x (dim + 1), after which the embeddings have mean zero and the identity as
their covariance, or with --utt2spk as that within speakers.

 e.g.: python -m speechlib.bin.train_whitening scp:exp/train/embedding.scp exp/whitening.mat"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="train_whitening", description=_USAGE)
    parser.add_argument("--utt2spk", metavar="FILE", help="speakers, to whiten the covariance within them")
    parser.add_argument(
        "--covariance-floor", type=float, default=1e-6, help="least eigenvalue, as a share of the largest"
    )
    parser.add_argument("--binary", type=kaldi_bool, default=True, help="binary or text")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings")
    parser.add_argument("out", metavar="whitening-mat", help="file to write")
    args = parser.parse_args(argv)

    table = read_vectors(args.vectors)
    try:
        within = _within(table, args.utt2spk) if args.utt2spk else None
        matrix, num_floored = whitening(table.values, within, args.covariance_floor)
    except ValueError as error:
        raise ValueError(f"{args.vectors}: {error}") from error
    if num_floored:
        sys.stderr.write(f"train_whitening: warning: {num_floored} eigenvalues were raised to the floor\n")
    write_matrix(args.out, matrix.astype(np.float32), args.binary)
    sys.stderr.write(f"train_whitening: {len(table)} vectors of dimension {table.dim}\n")


def _within(table: VectorTable, utt2spk_file: str) -> np.ndarray:
    utt2spk = read_word_map(utt2spk_file)
    lacking = [key for key in table.keys if key not in utt2spk]
    if lacking:
        raise ValueError(f"{utt2spk_file} names no speaker of {lacking[0]!r}; {len(lacking)} utterances lack one")
    number = {name: index for index, name in enumerate(sorted({utt2spk[key] for key in table.keys}))}
    statistics = class_statistics(table.values, np.array([number[utt2spk[key]] for key in table.keys]))
    if statistics.num_vectors - len(statistics.counts) < table.dim:
        raise ValueError(
            f"{statistics.num_vectors} vectors of {len(statistics.counts)} speakers: too few for the covariance within "
            f"speakers in {table.dim} dimensions"
        )
    return statistics.within_scatter / statistics.num_vectors


if __name__ == "__main__":
    run(main)
