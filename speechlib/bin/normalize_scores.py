"""Normalise scores by a cohort of other speakers: s-norm, as-norm, z-norm or t-norm (Matejka et al., 2017).

The cohort's scores are `<enrol> <cohort-utterance> <score>` and `<test> <cohort-utterance> <score>`, from the same
system as the scores. Nobody of the trials may be in the cohort.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import numpy as np

from speechlib.backend.score_normalization import METHODS, cohort_statistics, normalize_scores
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import read_map
from speechlib.io.scores import ScoreTable, read_score_table, read_scores, write_scores
from speechlib.io.trials import Trials, read_trials


def main(argv: Sequence[str] | None = None) -> None:
    """Read three score files, write the normalised scores in the order of the trials."""
    parser = KaldiArgumentParser(
        prog="normalize_scores",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.normalize_scores --method as-norm --trials data/test/trials "
        "exp/plda/scores exp/cohort/enrol_scores exp/cohort/test_scores exp/plda_asnorm/scores",
    )
    add = parser.add_argument
    add("--method", choices=METHODS, default="as-norm", help="how to normalise; z-norm and t-norm use one cohort file")
    add("--top-n", type=int, default=300, metavar="N", help="as-norm: the cohort's highest scores that count")
    add("--trials", metavar="FILE", help="the scored trials, each to be found in the scores; default: all scores")
    add("--utt2spk", metavar="FILE", help="speakers of trials and cohort: a speaker of both is an error, too")
    add("scores", metavar="<scores>")
    add("enrol_cohort", metavar="<enrol-cohort-scores>", help="not read for t-norm")
    add("test_cohort", metavar="<test-cohort-scores>", help="not read for z-norm")
    add("out", metavar="<scores-out>")
    options = parser.parse_args(argv)
    if options.top_n < 2:
        raise ValueError(f"--top-n: {options.top_n}: a standard deviation needs at least 2")

    if options.trials:
        trials = read_trials(options.trials)
        scores = read_scores(options.scores, trials)
    else:
        table = read_score_table(options.scores)
        trials, scores = table.trials, table.scores
    utt2spk = read_map(options.utt2spk) if options.utt2spk else None
    top_n = options.top_n if options.method == "as-norm" else None
    sides = {}
    for side, file, unused in (("enrol", options.enrol_cohort, "t-norm"), ("test", options.test_cohort, "z-norm")):
        if options.method != unused:
            cohort = read_score_table(file)
            check_cohort(cohort, trials, utt2spk, options.utt2spk)
            sides[side] = side_statistics(cohort, trials, side, top_n)
    write_scores(options.out, trials, normalize_scores(scores, options.method, **sides))


def check_cohort(cohort: ScoreTable, trials: Trials, utt2spk: Mapping[str, str] | None, utt2spk_file: str) -> None:
    """Raise a ValueError if an utterance, or a speaker, is in the cohort and in the trials."""
    members = set(cohort.trials.test_names)
    names = set(trials.enrol_names) | set(trials.test_names)
    shared = sorted(members & names)
    if shared:
        raise ValueError(
            f"{cohort.trials.source}: {len(shared)} of the cohort's {len(members)} utterances are in the trials of "
            f"{trials.source}, too, such as {shared[0]}: take a cohort of other speakers"
        )
    if utt2spk is None:
        return
    speakers = set(utt2spk.values())
    missing = sorted(name for name in members | names if name not in utt2spk and name not in speakers)
    if missing:
        raise ValueError(
            f"{utt2spk_file}: {len(missing)} names of the cohort or the trials have no speaker, such as {missing[0]}"
        )
    shared = sorted({utt2spk.get(name, name) for name in members} & {utt2spk.get(name, name) for name in names})
    if shared:
        raise ValueError(
            f"{cohort.trials.source}: {len(shared)} speakers of the cohort are in the trials of {trials.source}, too, "
            f"such as {shared[0]}: take a cohort of other speakers"
        )


def side_statistics(
    cohort: ScoreTable, trials: Trials, side: str, top_n: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """(trials,) mean and standard deviation of the cohort's scores, of each trial's enrolment or test side."""
    names, numbers = (trials.enrol_names, trials.enrol) if side == "enrol" else (trials.test_names, trials.test)
    known = {name: index for index, name in enumerate(cohort.trials.enrol_names)}
    missing = [name for name in names if name not in known]
    source = cohort.trials.source
    if missing:
        raise ValueError(f"{source}: no scores of {len(missing)} names of {trials.source} against the cohort, such as "
                         f"{missing[0]}; expected lines of '<{side}> <cohort-utterance> <score>'")  # fmt: skip
    size = np.bincount(cohort.trials.enrol)
    if top_n is not None and size.min() < top_n:
        name = cohort.trials.enrol_names[int(size.argmin())]
        sys.stderr.write(f"normalize_scores: warning: {source}: only {size.min()} scores of {name}, fewer than the top "
                         f"{top_n}: all of them count\n")  # fmt: skip
    mean, deviation = cohort_statistics(cohort.trials.enrol, cohort.scores, len(known), top_n)
    flat = np.flatnonzero(~(deviation > 0.0))
    if len(flat):
        raise ValueError(f"{source}: the scores of {cohort.trials.enrol_names[flat[0]]} against the cohort do not vary "
                         f"({size[flat[0]]} of them): a cohort of several other speakers is needed")  # fmt: skip
    place = np.array([known[name] for name in names])[numbers]
    return mean[place], deviation[place]


if __name__ == "__main__":
    run(main)
