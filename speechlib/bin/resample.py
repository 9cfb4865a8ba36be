"""Bring the recordings of an experiment to another sampling rate: copies and a CSV file, a database again; or in place.

[RESAMPLE] of the INI file says how: sample_selection, rate (default 16000 Hz), target, the CSV file. Copies have one
channel (the database's, else the first), 16 bits, and the names of the recordings below <root>/<name>/resampled. With
replace = True the recordings themselves are overwritten, each whole or not at all, in their own format and with all
their channels; there is no way back.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, and write or replace the recordings."""
    parser = KaldiArgumentParser(
        prog="resample", description=__doc__, epilog="e.g.: python -m speechlib.bin.resample --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="INI file of the experiment")
    args = parser.parse_args(argv)
    ini = ExperimentIni(args.config)

    from speechlib.experiments.outcome import experiment_folder
    from speechlib.experiments.resampling import resample_in_place, resampled_copies, wanted_rate
    from speechlib.experiments.selection import selected_samples
    from speechlib.io.sample_csv import write_sample_csv

    rate = wanted_rate(ini)
    samples = selected_samples(ini, "RESAMPLE", say)
    if ini.get("RESAMPLE", "replace"):
        replaced = resample_in_place(samples, rate, say)
        say(f"{replaced} of {len(set(samples.entries))} recordings replaced: those that were not at {rate} Hz")
        return
    folder = experiment_folder(ini)
    path = folder / ini.get("RESAMPLE", "target")
    write_sample_csv(path, resampled_copies(samples, rate, folder / "resampled", say))
    say(f"{path}: {len(samples)} samples at {rate} Hz")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"resample: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
