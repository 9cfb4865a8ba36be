"""Turn utt2spk into spk2utt, from a file or a pipe to standard output (Kaldi's utt2spk_to_spk2utt.pl)."""

import sys
from collections.abc import Iterable

from speechlib.io import datadir_files as files
from speechlib.io.cli import KaldiArgumentParser, run


def main(argv: list[str] | None = None) -> None:
    """Run the command; speakers come in the order of their first utterance, as in Kaldi."""
    parser = KaldiArgumentParser(prog="utt2spk_to_spk2utt.pl", description=__doc__)
    parser.add_argument("utt2spk", nargs="?", default="-", help="file; - is standard input")
    args = parser.parse_args(argv)
    if args.utt2spk == "-":
        lists = _lists(sys.stdin.buffer, "standard input")
    else:
        with open(args.utt2spk, "rb") as file:
            lists = _lists(file, args.utt2spk)
    sys.stdout.buffer.write(files.join_lines([b"%b %b" % (name, b" ".join(lists[name])) for name in lists]))


def _lists(lines: Iterable[bytes], source: str) -> dict[bytes, list[bytes]]:
    lists: dict[bytes, list[bytes]] = {}
    last, utterances = None, []
    for number, line in enumerate(lines, 1):
        try:
            utterance, speaker = line.split()
        except ValueError:
            raise ValueError(f"{source}:{number}: expected '<utterance> <speaker>'; mend or delete the line") from None
        if speaker != last:
            last, utterances = speaker, lists.setdefault(speaker, [])
        utterances.append(utterance)
    return lists


if __name__ == "__main__":
    run(main)
