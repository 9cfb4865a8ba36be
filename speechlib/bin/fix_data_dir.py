"""Sort and filter the files of a data directory so that all hold the same utterances (Kaldi's fix_data_dir.sh)."""

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir_fix import fix_data_dir


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(
        prog="fix_data_dir.sh",
        description=__doc__,
        epilog="The files as they were stay in <data-dir>/.backup. Example: utils/fix_data_dir.sh data/train",
    )
    parser.add_argument("--utt-extra-files", default="", help="names of further files that are indexed by utterance")
    parser.add_argument("--spk-extra-files", default="", help="names of further files that are indexed by speaker")
    parser.add_argument("data_dir", metavar="<data-dir>")
    args = parser.parse_args(argv)
    fix_data_dir(
        args.data_dir,
        args.utt_extra_files.split(),
        args.spk_extra_files.split(),
        tell=lambda message: print(f"fix_data_dir.sh: {message}"),
    )


if __name__ == "__main__":
    run(main)
