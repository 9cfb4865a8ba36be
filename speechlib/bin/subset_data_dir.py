"""Make a data directory of a part of another's utterances (Kaldi's subset_data_dir.sh)."""

import sys
from pathlib import Path

from speechlib.io import datadir_files as files
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir_ops import choose_utterances, subset_data_dir

_USAGE = """
  %(prog)s [--first|--last|--shortest|--per-spk|--speakers] [--seed N] <srcdir> <num-utt> <destdir>
  %(prog)s --spk-list <speaker-list-file> <srcdir> <destdir>
  %(prog)s --utt-list <utterance-list-file> <srcdir> <destdir>
 e.g.: utils/subset_data_dir.sh --first data/train 1000 data/train_1k"""


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="subset_data_dir.sh", usage=_USAGE, description=__doc__)
    how = parser.add_mutually_exclusive_group()
    for name, what in (
        ("first", "the first <num-utt> utterances"),
        ("last", "the last <num-utt> utterances"),
        ("shortest", "the shortest <num-utt> utterances"),
        ("per-spk", "<num-utt> utterances of each speaker, all of one who has fewer"),
        ("speakers", "random speakers until there are <num-utt> utterances"),
    ):
        how.add_argument(f"--{name}", dest="how", action="store_const", const=name, default="random", help=what)
    how.add_argument("--spk-list", metavar="FILE", help="the speakers in the first column of a file")
    how.add_argument("--utt-list", metavar="FILE", help="the utterances in the first column of a file")
    parser.add_argument("--seed", type=int, default=0, help="of the random choice")
    parser.add_argument("arguments", nargs="*", metavar="<srcdir> [<num-utt>] <destdir>")
    args = parser.parse_args(argv)
    list_file = args.spk_list or args.utt_list
    if len(args.arguments) != (2 if list_file else 3):
        parser.error(f"expected {'<srcdir> <destdir>' if list_file else '<srcdir> <num-utt> <destdir>'}")
    source, target = args.arguments[0], args.arguments[-1]
    files.file_names(source)  # complains first about a directory that is none
    if list_file:
        utterances = _listed(Path(source), list_file, is_speakers=args.spk_list is not None)
    elif not args.arguments[1].isdigit():
        parser.error(f"<num-utt> is '{args.arguments[1]}', expected a whole number")
    else:
        utterances = choose_utterances(source, int(args.arguments[1]), args.how, args.seed)
    num_before, num_kept = subset_data_dir(source, utterances, target)
    print(f"subset_data_dir.sh: reducing #utt from {num_before} to {num_kept}")


def _listed(source: Path, list_file: str, is_speakers: bool) -> list[bytes]:
    wanted = set(files.keys_of(files.read_lines(list_file), list_file))
    utterances, speakers = files.read_pairs(source / "utt2spk")
    unknown = wanted.difference(speakers if is_speakers else utterances)
    if unknown:
        example = min(unknown).decode("utf-8", "backslashreplace")
        print(
            f"subset_data_dir.sh: warning: {len(unknown)} of {len(wanted)} ids of {list_file} are not in "
            f"{source}/utt2spk, e.g. '{example}'",
            file=sys.stderr,
        )
    if not is_speakers:
        return [utterance for utterance in utterances if utterance in wanted]
    return [utterance for utterance, speaker in zip(utterances, speakers, strict=True) if speaker in wanted]


if __name__ == "__main__":
    run(main)
