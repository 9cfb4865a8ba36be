"""Dimension of the features in a table (Kaldi's feat-to-dim)."""

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.specifiers import is_specifier
from speechlib.io.tables import open_table, read_table

_USAGE = """Print the dimension of the first features of a table, or write that of each utterance.

 e.g.: python -m speechlib.bin.feat_to_dim scp:feats.scp -
       python -m speechlib.bin.feat_to_dim scp:feats.scp ark,t:utt2dim"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="feat_to_dim", description=_USAGE)
    parser.add_argument("input", metavar="rspecifier", help="features")
    parser.add_argument("output", metavar="wspecifier", nargs="?", default="-", help="- or a table")
    arguments = parser.parse_args(argv)
    dims = ((key, matrix.shape[1]) for key, matrix in read_table(arguments.input, "matrix") if matrix.size)
    if is_specifier(arguments.output):
        with open_table(arguments.output) as writer:
            for key, dim in dims:
                writer.write(key, dim)
        return
    if arguments.output != "-":
        raise ValueError(f"{arguments.output}: expected - or a table such as ark,t:utt2dim")
    first = next(dims, None)
    if first is None:
        raise ValueError(f"{arguments.input}: no features there: the dimension is unknown")
    print(first[1])


if __name__ == "__main__":
    run(main)
