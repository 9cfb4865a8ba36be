"""Make augmented copies of an experiment's samples: audio in <root>/<name>/augmented, and a CSV file, a database again.

[AUGMENT] of the INI file says how. augment lists the methods: noise, reverberation, speed (tempo and pitch together),
pitch, and traditional, one copy with changed pitch and speed and with noise. snr, speed and pitch are the ranges that
values are drawn from; noise and rirs are folders of recordings, without which white and pink noise and decaying noise
are made. With balance = True only so many copies are made that all classes have the same number. The same seed gives
the same copies; a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, make the copies, and write the table of them."""
    parser = KaldiArgumentParser(
        prog="augment", description=__doc__, epilog="e.g.: python -m speechlib.bin.augment --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="INI file of the experiment")
    args = parser.parse_args(argv)
    ini = ExperimentIni(args.config)

    from speechlib.experiments.augmenting import Augmenter, plan_copies
    from speechlib.experiments.outcome import experiment_folder
    from speechlib.experiments.selection import selected_data, selected_samples
    from speechlib.io.sample_csv import write_sample_csv

    augmenter = Augmenter(ini)
    if ini.get("AUGMENT", "balance"):
        data = selected_data(ini, "AUGMENT", say)
        samples, labels = data.samples, [data.classes[number] for number in data.target] if data.classes else None
    else:
        samples, labels = selected_samples(ini, "AUGMENT", say), None
    plan = plan_copies(ini, samples, augmenter.methods, labels)
    if not plan:
        raise ini.error("AUGMENT", "balance", "all classes have the same number of samples: there is nothing to make")
    folder = experiment_folder(ini)
    copies = augmenter.copies(samples, plan, folder / "augmented", say)
    path = folder / ini.get("AUGMENT", "result")
    write_sample_csv(path, copies)
    say(f"{path}: {len(copies)} copies of {len({copy.row for copy in plan})} of {len(samples)} samples")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"augment: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
