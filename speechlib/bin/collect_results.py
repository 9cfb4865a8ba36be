"""Copy the result.json files below an experiment folder to a folder that is kept with the recipe.

The target then holds exactly these results, at the same relative paths; its other files (pictures) are left alone.
"""

import os
from pathlib import Path

from speechlib.io.atomic import write_json
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import read_results


def main(argv: list[str] | None = None) -> None:
    """Check and copy all results; remove those of earlier runs that are gone."""
    parser = KaldiArgumentParser(
        prog="collect_results",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.collect_results exp results/demo",
    )
    parser.add_argument("exp_dir", help="folder with result.json files, however deep")
    parser.add_argument("results_dir", help="folder to mirror them in")
    options = parser.parse_args(argv)

    results = read_results(options.exp_dir)
    target = Path(options.results_dir)
    if target.resolve().is_relative_to(Path(options.exp_dir).resolve()):
        raise ValueError(f"{target}: must not lie below {options.exp_dir}, from which the results come")
    for stale in target.rglob("result.json"):
        if stale.relative_to(target).as_posix() not in results:
            stale.unlink()
    for path, result in results.items():
        os.makedirs((target / path).parent, exist_ok=True)
        write_json(target / path, result)


if __name__ == "__main__":
    run(main)
