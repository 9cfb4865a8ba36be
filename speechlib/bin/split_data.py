"""Split a data directory into <data-dir>/split<num>/<job> for jobs from 1 (Kaldi's split_data.sh)."""

import sys

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir_split import split_data


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(
        prog="split_data.sh",
        description=__doc__,
        epilog="Nothing is done where the parts are up to date. By default a speaker is in one part only. "
        "Example: utils/split_data.sh data/train 4",
    )
    parser.add_argument(
        "--per-utt", action="store_true", help="even numbers of utterances, into <data-dir>/split<num>utt"
    )
    parser.add_argument("data_dir", metavar="<data-dir>")
    parser.add_argument("num_jobs", metavar="<num-to-split>", type=int)
    args = parser.parse_args(argv)
    split_data(
        args.data_dir,
        args.num_jobs,
        args.per_utt,
        warn=lambda message: print(f"split_data.sh: warning: {message}", file=sys.stderr),
    )


if __name__ == "__main__":
    run(main)
