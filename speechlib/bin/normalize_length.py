"""Scale embeddings to one length (Kaldi's ivector-normalize-length)."""

import sys

from speechlib.backend.vectors import normalize_length
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.tables import open_table
from speechlib.io.vector_table import read_vectors

_USAGE = """Scale embeddings to length sqrt(dim), or with --scaleup=false to 1.

 e.g.: python -m speechlib.bin.normalize_length scp:exp/test/embedding.scp ark:exp/test_normalized.ark"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="normalize_length", description=_USAGE)
    parser.add_argument("--scaleup", type=kaldi_bool, default=True, help="to length sqrt(dim); false: to length 1")
    parser.add_argument("--normalize", type=kaldi_bool, default=True, help="false: just report the lengths")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings")
    parser.add_argument("out", metavar="wspecifier", help="table to write")
    args = parser.parse_args(argv)

    table = read_vectors(args.vectors)
    values, ratios = normalize_length(table.values, args.scaleup)
    with open_table(args.out) as writer:
        for key, vector in zip(table.keys, values if args.normalize else table.values, strict=True):
            writer.write(key, vector)
    num_zero = int((ratios == 0).sum())
    zero = f"; warning: {num_zero} vectors are zero and were left so" if num_zero else ""
    sys.stderr.write(
        f"normalize_length: {len(table)} vectors, old to new length {ratios.mean():.4g} on average, standard deviation "
        f"{ratios.std():.4g}{zero}\n"
    )


if __name__ == "__main__":
    run(main)
