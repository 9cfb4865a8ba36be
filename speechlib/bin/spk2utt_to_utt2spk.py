"""Turn spk2utt into utt2spk, from a file or a pipe to standard output (Kaldi's spk2utt_to_utt2spk.pl)."""

import sys
from itertools import repeat

from speechlib.io import datadir_files as files
from speechlib.io.cli import KaldiArgumentParser, run


def main(argv: list[str] | None = None) -> None:
    """Run the command; utterances come in the order of the input, as in Kaldi."""
    parser = KaldiArgumentParser(prog="spk2utt_to_utt2spk.pl", description=__doc__)
    parser.add_argument("spk2utt", nargs="?", default="-", help="file; - is standard input")
    args = parser.parse_args(argv)
    if args.spk2utt == "-":
        _convert(sys.stdin.buffer, "standard input")
    else:
        with open(args.spk2utt, "rb") as file:
            _convert(file, args.spk2utt)


def _convert(lines, source: str) -> None:
    for number, line in enumerate(lines, 1):
        speaker, *utterances = line.split() or [b""]
        if not utterances:
            raise ValueError(f"{source}:{number}: expected '<speaker> <utterance> ...'; mend or delete the line")
        pairs = map(b"%b %b".__mod__, zip(utterances, repeat(speaker)))
        sys.stdout.buffer.write(files.join_lines(list(pairs)))


if __name__ == "__main__":
    run(main)
