"""Combine data directories into one (Kaldi's combine_data.sh)."""

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.datadir_fix import fix_data_dir
from speechlib.io.datadir_ops import combine_data


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(
        prog="combine_data.sh",
        description=__doc__,
        epilog="Files that not all sources have are left out, but utt2uniq and segments are filled in. "
        "Example: utils/combine_data.sh data/all data/train data/dev",
    )
    parser.add_argument("--extra-files", default="", help="names of further files to combine")
    parser.add_argument("--skip-fix", type=kaldi_bool, default=False, help="leave out the final fix_data_dir.sh")
    parser.add_argument("target", metavar="<dest-data-dir>")
    parser.add_argument("sources", metavar="<src-data-dir>", nargs="+")
    args = parser.parse_args(argv)
    extra_files = [name for name in args.extra_files.split() if name != "utt2uniq"]

    def tell(message: str) -> None:
        print(f"combine_data.sh: {message}")

    combine_data(args.target, args.sources, extra_files, tell)
    if not args.skip_fix:
        fix_data_dir(args.target, tell=tell)


if __name__ == "__main__":
    run(main)
