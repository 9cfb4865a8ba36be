"""Apply a linear or affine transform to embeddings (Kaldi's transform-vec)."""

import sys

from speechlib.backend.vectors import transform
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.tables import open_table, read_matrix
from speechlib.io.vector_table import read_vectors

_USAGE = """Multiply embeddings by a matrix (new dim x dim), or (new dim x dim + 1) with the offset in the last column.

 e.g.: python -m speechlib.bin.transform_vectors exp/lda.mat scp:exp/test/embedding.scp ark:exp/test_lda.ark"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="transform_vectors", description=_USAGE)
    parser.add_argument("matrix", help="transform")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings")
    parser.add_argument("out", metavar="wspecifier", help="table to write")
    args = parser.parse_args(argv)

    matrix = read_matrix(args.matrix)
    table = read_vectors(args.vectors)
    try:
        values = transform(table.values, matrix)
    except ValueError as error:
        raise ValueError(f"{args.matrix}, {args.vectors}: {error}") from error
    with open_table(args.out) as writer:
        for key, vector in zip(table.keys, values, strict=True):
            writer.write(key, vector)
    sys.stderr.write(f"transform_vectors: {len(table)} vectors, dimension {table.dim} to {values.shape[1]}\n")


if __name__ == "__main__":
    run(main)
