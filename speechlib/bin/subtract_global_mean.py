"""Subtract a mean from embeddings: one that is given, or their own (Kaldi's ivector-subtract-global-mean)."""

import sys

import numpy as np

from speechlib.backend.vectors import global_mean
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.tables import open_table, read_vector
from speechlib.io.vector_table import read_vectors

_USAGE = """Subtract a mean from embeddings: [<mean>] <rspecifier> <wspecifier>; without <mean>, their own.

 e.g.: python -m speechlib.bin.subtract_global_mean exp/mean.vec scp:exp/test/embedding.scp ark:exp/test_centred.ark"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="subtract_global_mean", description=_USAGE)
    parser.add_argument("--subtract-mean", type=kaldi_bool, default=True, help="false: copy the embeddings unchanged")
    parser.add_argument("arguments", nargs="+", metavar="argument", help="[<mean>] <rspecifier> <wspecifier>")
    args = parser.parse_args(argv)
    if len(args.arguments) not in (2, 3):
        parser.error(f"expected 2 or 3 arguments, got {len(args.arguments)}")

    *given, source, target = args.arguments
    table = read_vectors(source)
    mean = read_vector(given[0]) if given else global_mean(table.values).astype(np.float32)
    if mean.shape != (table.dim,):
        raise ValueError(f"{given[0]}: a mean of dimension {len(mean)}, {source} has dimension {table.dim}")
    with open_table(target) as writer:
        for key, vector in zip(table.keys, table.values - mean if args.subtract_mean else table.values, strict=True):
            writer.write(key, vector)
    sys.stderr.write(f"subtract_global_mean: {len(table)} vectors, mean of length {np.linalg.norm(mean):.4g}\n")


if __name__ == "__main__":
    run(main)
