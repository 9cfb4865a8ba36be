"""Check a data directory and say what is wrong with it, where, and how to mend it (Kaldi's validate_data_dir.sh)."""

import sys

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir_checks import OPTIONS, validate
from speechlib.io.datadir_report import print_problems


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns 1 if the directory has errors."""
    parser = KaldiArgumentParser(
        prog="validate_data_dir.sh",
        description=__doc__,
        epilog="Files that need not be there are checked if they are. Example: utils/validate_data_dir.sh data/train",
    )
    for option, (name, value, what) in OPTIONS.items():
        parser.add_argument(option, dest=name, action="store_const", const=value, default=not value, help=what)
    parser.add_argument("data_dir", metavar="<data-dir>")
    settings = vars(parser.parse_args(argv))
    data_dir = settings.pop("data_dir")
    warnings = []
    errors = validate(data_dir, **settings, warnings=warnings)
    print_problems(errors, warnings)
    if errors:
        print(f"validate_data_dir.sh: {data_dir} has errors", file=sys.stderr)
        return 1
    print(f"validate_data_dir.sh: Successfully validated data-directory {data_dir}")
    return 0


if __name__ == "__main__":
    run(main)
