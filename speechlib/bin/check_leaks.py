"""Check that a training set shares no speaker, session or recording with the sets that are scored."""

from __future__ import annotations

from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.training_set import check_leaks


def main(argv: Sequence[str] | None = None) -> None:
    """Read the data directories and compare them; the error names what they share."""
    parser = KaldiArgumentParser(
        prog="check_leaks",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.check_leaks data/train data/dev data/test",
    )
    parser.add_argument("train", help="data directory of the training set")
    parser.add_argument("evaluation", nargs="+", help="data directories of the sets that are scored")
    options = parser.parse_args(argv)
    data = DataDir(options.train)
    check_leaks(data, data.utterances(), options.evaluation)


if __name__ == "__main__":
    run(main)
