"""Adapt PLDA to embeddings of unknown speakers from another domain (Kaldi's ivector-adapt-plda)."""

import sys

from speechlib.backend.adaptation import adapt_plda
from speechlib.backend.plda import Plda
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.plda_files import read_plda, write_plda
from speechlib.io.vector_table import read_vectors

_USAGE = """Adapt PLDA to unlabelled embeddings: it takes over their mean, and where they vary more its
covariances widen.

 e.g.: python -m speechlib.bin.adapt_plda plda scp:exp/unlabelled/embedding.scp plda_adapted"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="adapt_plda", description=_USAGE)
    parser.add_argument(
        "--within-covar-scale", type=float, default=0.3, help="share of the excess variance that is within speakers"
    )
    parser.add_argument(
        "--between-covar-scale", type=float, default=0.7, help="share of the excess variance that is between speakers"
    )
    parser.add_argument(
        "--mean-diff-scale", type=float, default=1.0, help="how much the difference of the means counts as variance"
    )
    parser.add_argument("--binary", type=kaldi_bool, default=True, help="binary or text")
    parser.add_argument("plda", metavar="plda-in", help="PLDA to adapt")
    parser.add_argument("vectors", metavar="rspecifier", help="embeddings to adapt to")
    parser.add_argument("out", metavar="plda-out", help="file to write")
    args = parser.parse_args(argv)

    plda = Plda(*read_plda(args.plda))
    table = read_vectors(args.vectors)
    try:
        adapted = adapt_plda(
            plda, table.values, args.within_covar_scale, args.between_covar_scale, args.mean_diff_scale
        )
    except ValueError as error:
        raise ValueError(f"{args.plda}, {args.vectors}: {error}") from error
    write_plda(args.out, adapted.mean, adapted.transform, adapted.psi, args.binary)
    sys.stderr.write(
        f"adapt_plda: {len(table)} utterances; between-speaker variances {plda.psi[0]:.4g} to {plda.psi[-1]:.4g} "
        f"became {adapted.psi[0]:.4g} to {adapted.psi[-1]:.4g}\n"
    )


if __name__ == "__main__":
    run(main)
