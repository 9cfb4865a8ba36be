"""Turn utt2spk into spk2utt, from a file or a pipe to standard output (Kaldi's utt2spk_to_spk2utt.pl)."""

import sys

from speechlib.io import datadir_files as files
from speechlib.io.cli import KaldiArgumentParser, run


def main(argv: list[str] | None = None) -> None:
    """Run the command; speakers come in the order of their first utterance, as in Kaldi."""
    parser = KaldiArgumentParser(prog="utt2spk_to_spk2utt.pl", description=__doc__)
    parser.add_argument("utt2spk", nargs="?", default="-", help="file; - is standard input")
    args = parser.parse_args(argv)
    if args.utt2spk == "-":
        pairs = files.pairs_of(sys.stdin.buffer, "standard input")
    else:
        pairs = files.read_pairs(args.utt2spk)
    lists = files.group(*pairs)
    sys.stdout.buffer.write(files.join_lines([b"%b %b" % (name, b" ".join(lists[name])) for name in lists]))


if __name__ == "__main__":
    run(main)
