"""Augment the training part of an experiment, then run it: the commands augment and experiment in one.

[AUGMENT] of the INI file says how, as for augment. Each fold of a cross-validation gets the copies of its own training
samples alone; nothing that is made of a test sample is ever trained on, and the scores are of originals alone. With
balance = True the classes of every training part become equal. The copies stay in <root>/<name>/augmented.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, make the copies, run the experiment, write its files."""
    parser = KaldiArgumentParser(
        prog="aug_train", description=__doc__, epilog="e.g.: python -m speechlib.bin.aug_train --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="INI file of the experiment")
    args = parser.parse_args(argv)
    ini = ExperimentIni(args.config)

    from speechlib.experiments.augmented_training import add_copies, check_augmentation
    from speechlib.experiments.report import write_report
    from speechlib.experiments.run import run_experiment

    check_augmentation(ini)  # before the long work
    outcome = run_experiment(ini, say, lambda data: add_copies(ini, data, say))
    say(f"{write_report(ini, outcome, say)}: report")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"aug_train: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
