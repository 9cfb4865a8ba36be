"""Test the model that an experiment kept on other databases, those of DATA.tests.

Writes result.json, predictions.csv, split.tsv and a report as an experiment does, in <root>/<name>/test_<databases>.
Classes that the model does not know are an error, and so are speakers, sentences and recordings of its training.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, judge the databases, write the files."""
    parser = KaldiArgumentParser(
        prog="test", description=__doc__, epilog="e.g.: python -m speechlib.bin.test --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="INI file of an experiment with save = True")
    args = parser.parse_args(argv)
    ini = ExperimentIni(args.config)

    from speechlib.experiments.report import write_report
    from speechlib.experiments.testing import run_test

    outcome, name = run_test(ini, say)
    say(f"{write_report(ini, outcome, say, name)}: report")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"test: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
