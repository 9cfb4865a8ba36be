"""Estimate an LDA transform from embeddings of known speakers (Kaldi's ivector-compute-lda)."""

import sys

import numpy as np

from speechlib.backend.class_statistics import class_statistics
from speechlib.backend.lda import estimate_lda
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.map_tables import read_word_map
from speechlib.io.tables import write_matrix
from speechlib.io.vector_table import read_vectors

_USAGE = """Estimate an LDA transform: dim x (embedding dim + 1), the offset, which centres the embeddings, last.

 e.g.: python -m speechlib.bin.train_lda --dim 150 scp:exp/train/embedding.scp data/train/utt2spk exp/lda.mat"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="train_lda", description=_USAGE)
    parser.add_argument("--dim", type=int, default=100, help="dimensions to keep")
    parser.add_argument(
        "--total-covariance-factor", type=float, default=0.0,
        help="share of the total covariance in the one that becomes the identity; the rest is that within speakers",
    )  # fmt: skip
    parser.add_argument(
        "--covariance-floor", type=float, default=1e-6,
        help="least eigenvalue of that covariance, as a share of the largest",
    )  # fmt: skip
    parser.add_argument("--binary", type=kaldi_bool, default=True, help="binary or text")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings")
    parser.add_argument("utt2spk", help="speaker of each utterance: a file or ark:...")
    parser.add_argument("lda", metavar="lda-mat", help="file to write")
    args = parser.parse_args(argv)

    utt2spk = read_word_map(args.utt2spk)
    table = read_vectors(args.vectors)
    known = np.array([row for row, key in enumerate(table.keys) if key in utt2spk], np.int64)
    if len(known) < len(table):
        lacking = next(key for key in table.keys if key not in utt2spk)
        if not len(known):
            raise ValueError(f"{args.utt2spk}: no speaker of any of the {len(table)} utterances of {args.vectors}")
        sys.stderr.write(
            f"train_lda: warning: {len(table) - len(known)} of {len(table)} utterances have no speaker in "
            f"{args.utt2spk} and are left out, the first being {lacking}\n"
        )
    names = [utt2spk[table.keys[row]] for row in known.tolist()]
    number = {name: index for index, name in enumerate(sorted(set(names)))}
    vectors = table.values if len(known) == len(table) else table.values[known]
    statistics = class_statistics(vectors, np.array([number[name] for name in names]))
    try:
        lda = estimate_lda(statistics, args.dim, args.total_covariance_factor, args.covariance_floor)
    except ValueError as error:
        raise ValueError(f"{args.vectors}, {args.utt2spk}: {error}") from error
    if lda.num_floored:
        sys.stderr.write(
            f"train_lda: warning: {lda.num_floored} eigenvalues of the normalised covariance were raised to the floor\n"
        )
    write_matrix(args.lda, lda.matrix.astype(np.float32), args.binary)
    sys.stderr.write(
        f"train_lda: {len(known)} utterances of {len(number)} speakers; between-speaker variances of the {args.dim} "
        f"dimensions {lda.variances[0]:.4g} to {lda.variances[args.dim - 1]:.4g}\n"
    )


if __name__ == "__main__":
    run(main)
