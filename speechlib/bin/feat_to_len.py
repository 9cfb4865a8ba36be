"""Number of frames of each utterance, or of a whole table (Kaldi's feat-to-len)."""

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.tables import open_table, read_table

_USAGE = """Write the number of frames of each utterance, or print the sum over all.

 e.g.: python -m speechlib.bin.feat_to_len scp:feats.scp ark,t:utt2num_frames
       python -m speechlib.bin.feat_to_len scp:feats.scp"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="feat_to_len", description=_USAGE)
    parser.add_argument("input", metavar="rspecifier", help="features")
    parser.add_argument("output", metavar="wspecifier", nargs="?", help="table of lengths; none: print the sum")
    arguments = parser.parse_args(argv)
    lengths = ((key, len(matrix)) for key, matrix in read_table(arguments.input, "matrix"))
    if arguments.output is None:
        print(sum(length for _, length in lengths))
        return
    with open_table(arguments.output) as writer:
        for key, length in lengths:
            writer.write(key, length)


if __name__ == "__main__":
    run(main)
