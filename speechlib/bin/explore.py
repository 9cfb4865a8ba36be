"""Look at the data of an experiment before any model.

Written are, in <root>/<name>: explore.html with everything on one page; explore.json; traits.tsv (duration, SNR, speech
rate, and what the models of PREDICT.models predict, of every sample); effects.tsv (how the target depends on features,
traits and other labels: effect sizes, and p-values corrected for the number of tests); and features.json, the strongest
features, which FEATS.features = ['.../features.json'] of an experiment takes. Choose EXPL.sample_selection = train for
that: a choice that was made on test samples is a leak.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, explore, write the files."""
    parser = KaldiArgumentParser(
        prog="explore", description=__doc__, epilog="e.g.: python -m speechlib.bin.explore --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="INI file of the experiment")
    args = parser.parse_args(argv)
    ini = ExperimentIni(args.config)

    from speechlib.experiments.exploring import explore

    say(f"{explore(ini, say)}: page")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"explore: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
