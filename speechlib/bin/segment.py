"""Cut the samples of an experiment into stretches of speech, and perhaps say who speaks: a CSV file, a database again.

[SEGMENT] of the INI file says how: sample_selection, method (silero, which needs the package silero-vad, or energy),
min_length, max_length, result. With speakers = True each segment has two predicted speakers: file_speaker, from
clusters of its recording, and db_speaker, from clusters of the whole table. They come from embeddings of the speaker
network that speaker.model of [PREDICT] names; without one, from statistics of MFCCs, which is rough. How far apart two
speakers are is speaker.threshold (a cosine distance) or speaker.number of [PREDICT]; without them, the best silhouette.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.experiment_ini import ExperimentIni


def main(argv: Sequence[str] | None = None) -> None:
    """Read the INI file, cut, and write the table of segments."""
    parser = KaldiArgumentParser(
        prog="segment", description=__doc__, epilog="e.g.: python -m speechlib.bin.segment --config exp.ini"
    )
    parser.add_argument("--config", metavar="FILE", required=True, help="INI file of the experiment")
    args = parser.parse_args(argv)
    ini = ExperimentIni(args.config)

    from speechlib.experiments.outcome import experiment_folder
    from speechlib.experiments.segmenting import result_name, segment_samples
    from speechlib.experiments.selection import selected_samples
    from speechlib.io.sample_csv import check_files, write_sample_csv

    path = experiment_folder(ini) / result_name(ini)
    samples = selected_samples(ini, "SEGMENT", say)
    check_files(path, samples.entries)
    channels = sorted(set(samples.channels), key=str)
    if len(channels) > 1:
        raise ValueError(f"{args.config}: the samples are of several channels ({', '.join(map(str, channels))}), which "
                         "a CSV file cannot say: write them as files first, with the command resample")  # fmt: skip
    write_sample_csv(path, segment_samples(ini, samples, say))
    if channels[0] is not None:
        say(f"note: a database of this file needs channel = {channels[0]} again")
    say(f"{path}: segments")


def say(message: str) -> None:
    """Print a line of progress."""
    print(f"segment: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
