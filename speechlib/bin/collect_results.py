"""Gather the result.json files below an experiment folder into one results.json that is kept with the recipe."""

import os
from pathlib import Path

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import read_results, write_collection


def main(argv: list[str] | None = None) -> None:
    """Check all results and write them, by path, to one file."""
    parser = KaldiArgumentParser(
        prog="collect_results",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.collect_results exp results/demo",
    )
    parser.add_argument("exp_dir", help="folder with result.json files, however deep")
    parser.add_argument("results_dir", help="folder for results.json")
    options = parser.parse_args(argv)

    results = read_results(options.exp_dir)
    target = Path(options.results_dir)
    if target.resolve().is_relative_to(Path(options.exp_dir).resolve()):
        raise ValueError(f"{target}: must not lie below {options.exp_dir}, from which the results come")
    os.makedirs(target, exist_ok=True)
    write_collection(target, results)


if __name__ == "__main__":
    run(main)
