"""Predict traits of the samples of an experiment, or let its own model label any audio files.

With --config alone: the samples of PREDICT.sample_selection get a column <trait>_pred for each of PREDICT.targets
(duration, snr, speech_rate, clipping, level, speaker, and the traits of PREDICT.models). The table is
<root>/<name>/predicted.csv, which is a database again. Speakers are clusters over the whole selection.

With --file, --folder or --list: the model that the experiment kept (save = True in [EXP]) labels these files; written
are file, predicted, and for classes a column of probabilities each. Of several channels the first one counts. Files
that cannot be judged are listed at the end, with status 1; the others are written all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.atomic import write_text
from speechlib.io.audio_files import add_file_options, named_files
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file; predict the traits, or label the files."""
    parser = KaldiArgumentParser(
        prog="predict",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.predict --config exp.ini\n"
        "      python -m speechlib.bin.predict --config exp.ini --file hello.wav --outfile -",
    )
    add = parser.add_argument
    add("--config", metavar="FILE", required=True, help="INI file of the experiment")
    add_file_options(parser)
    add("--outfile", metavar="CSV", help="of labelled files; - for stdout (default: <root>/<name>/labelled.csv)")
    args = parser.parse_args(argv)
    files = named_files(args.file, args.folder, args.list)
    if args.outfile and not files:
        raise ValueError("--outfile is for files that are labelled: give --file, --folder or --list, too; the table of "
                         "traits is PREDICT.result of the INI file")  # fmt: skip
    ini = ExperimentIni(args.config)

    from speechlib.experiments.labelling import judge_files, judgement_csv
    from speechlib.experiments.outcome import experiment_folder
    from speechlib.experiments.predicting import predict_traits
    from speechlib.experiments.saved_model import SavedModel

    if not files:
        say(f"{predict_traits(ini, say)}: traits")
        return
    model = SavedModel(ini, say)
    judgements = judge_files(model, files, say)
    path = args.outfile or str(experiment_folder(ini) / "labelled.csv")
    if path == "-":
        sys.stdout.write(judgement_csv(model, judgements))
    elif judgements.files:
        write_text(path, judgement_csv(model, judgements))
        say(f"{path}: {len(judgements.files)} files")
    judgements.check()


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"predict: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
