"""Compare two systems on the same trials: differences with 95 % intervals and p-values, speakers resampled in pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from speechlib.io.atomic import write_json
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.scores import read_scores
from speechlib.io.trial_speakers import trial_speakers
from speechlib.io.trials import read_trials, require_labels
from speechlib.metrics.trial_bootstrap import TrialBootstrap, paired_test
from speechlib.metrics.verification import all_measures, parse_priors, sort_scores


def main(argv: Sequence[str] | None = None) -> None:
    """Print one JSON object: by measure (eer, min_dcf_0.01, ..) first, second, difference, ci95 of it and p_value."""
    parser = KaldiArgumentParser(
        prog="compare_systems",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.compare_systems --trials data/test/trials exp/ivector/scores "
        "exp/xvector/scores",
    )
    add = parser.add_argument
    add("--trials", required=True, metavar="FILE", help="labelled trials, all scored by both systems")
    add("--utt2spk", metavar="FILE", help="speakers to resample; default: utterances that target trials link")
    add("--p-target", default="0.01,0.001,0.05", metavar="P,..", help="priors of targets, for costs")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers, the same for both systems")
    add("--seed", type=int, default=0, metavar="N", help="of those draws")
    add("--out", metavar="JSON", help="also write the object to this file")
    add("first", metavar="<scores-1>")
    add("second", metavar="<scores-2>")
    options = parser.parse_args(argv)
    if options.num_bootstrap < 1:
        raise ValueError(f"--num-bootstrap: {options.num_bootstrap}: a test needs at least one draw")

    priors = parse_priors(options.p_target)
    trials = read_trials(options.trials)
    target = require_labels(trials)
    speakers = trial_speakers(trials, options.utt2spk)
    values, samples = [], []
    for path in (options.first, options.second):
        scores = read_scores(path, trials)
        values.append(all_measures(sort_scores(scores[target], scores[~target]), priors))
        bootstrap = TrialBootstrap(scores, target, *speakers[:2], priors)
        samples.append(bootstrap.measure(options.num_bootstrap, options.seed))
    report: dict[str, object] = {}
    for name, first in values[0].items():
        difference = first - values[1][name]
        ends, p_value = paired_test(samples[0][name], samples[1][name], difference)
        report[name] = {"first": first, "second": values[1][name], "difference": difference, "ci95": ends,
                        "p_value": p_value}  # fmt: skip
    report |= {"resampled": speakers[2], "num_bootstrap": options.num_bootstrap}
    if options.out:
        write_json(options.out, report)
    print(json.dumps(report))


if __name__ == "__main__":
    run(main)
