"""Run an experiment that an INI file describes: data, features, model, split; result.json, predictions.csv, a report.

Sections and keys are those of Nkululeko's files, as far as they are supported; an unknown one is an error that names
the nearest. Before the training, a gate looks for speakers, sentences and recordings that training and test share.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.experiment_keys import DATABASE_KEYS, SECTIONS


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, run the experiment, write its files."""
    parser = KaldiArgumentParser(
        prog="experiment", description=__doc__, epilog="e.g.: python -m speechlib.bin.experiment --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", help="INI file of the experiment")
    parser.add_argument("--list-keys", action="store_true", help="print all sections and keys, tab-separated, and stop")
    args = parser.parse_args(argv)
    if args.list_keys:
        list_keys()
        return
    if not args.config:
        raise ValueError("--config is needed: name the INI file of the experiment, or ask for --list-keys")
    ini = ExperimentIni(args.config)

    from speechlib.experiments.report import write_report
    from speechlib.experiments.run import run_experiment

    say(f"{write_report(ini, run_experiment(ini, say), say)}: report")


def list_keys() -> None:
    """Print every key that an INI file may hold."""
    print("section\tkey\tkind\tdefault\tmeaning\tvalues")
    of_databases = {f"<database>.{key}": known for key, known in DATABASE_KEYS.items()}
    tables = {**SECTIONS, "DATA": {**SECTIONS["DATA"], **of_databases}}
    for section, keys in tables.items():
        for key, known in keys.items():
            default = "" if known.default is None else known.default
            print(section, key, known.kind, default, known.meaning, ", ".join(known.choices), sep="\t")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"experiment: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
