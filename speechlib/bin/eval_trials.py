"""Detection errors of scored trials as one JSON object: EER (interpolated, and Kaldi's), DCF, Cllr, 95 % intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.scores import read_scores
from speechlib.io.trial_speakers import trial_speakers
from speechlib.io.trials import read_trials, require_labels
from speechlib.metrics.trial_bootstrap import TrialBootstrap, interval
from speechlib.metrics.verification import all_measures, parse_priors, sort_scores

_LONG = 4_000_000
_NOTE = "EER, minDCF and minCllr are defined by the best threshold on the scored trials; act_dcf needs none of them"


def main(argv: Sequence[str] | None = None) -> None:
    """Print one JSON object, rates as fractions: eer, eer_kaldi, min_dcf and act_dcf by prior, cllr, min_cllr,
    num_target, num_nontarget, num_speakers, and ci95 with the same names (null where there is no interval)."""
    parser = KaldiArgumentParser(
        prog="eval_trials",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_trials --trials data/test/trials --scores exp/plda/scores",
    )
    add = parser.add_argument
    add("--trials", required=True, metavar="FILE", help="<enrol> <test> target|nontarget, or 1|0 <enrol> <test>")
    add("--scores", required=True, metavar="FILE", help="<enrol> <test> <score>; for Cllr, natural-log ratios")
    add("--utt2spk", metavar="FILE", help="speakers to resample; default: utterances that target trials link")
    add("--p-target", default="0.01,0.001,0.05", metavar="P,..", help="priors of targets, for costs")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind ci95; 0: none")
    add("--seed", type=int, default=0, metavar="N", help="of those draws")
    add("--calibrated-on", metavar="FILE", help="dev trials that the scores were calibrated on, noted in result.json")
    add("--out", metavar="FILE", help="also write result.json; a tag seed=N is the seed of the scored system")
    add_tag_option(parser)
    options = parser.parse_args(argv)
    priors = parse_priors(options.p_target)
    if options.num_bootstrap < 0:
        raise ValueError(f"--num-bootstrap: {options.num_bootstrap}: expected 0 or more")

    trials = read_trials(options.trials)
    target = require_labels(trials)
    # Short lists keep every digit; of long ones nothing but memory is lost without.
    scores = read_scores(options.scores, trials, np.float64 if len(trials) <= _LONG else np.float32)
    values = all_measures(sort_scores(scores[target], scores[~target]), priors)
    counts = {"target": int(target.sum()), "nontarget": int((~target).sum())}
    first, second, kind = trial_speakers(trials, options.utt2spk)
    counts["speakers"] = len(np.union1d(first, second))
    intervals: dict[str, tuple[float, float]] = {}
    if options.num_bootstrap and counts["speakers"] > 1:
        bootstrap = TrialBootstrap(scores, target, first, second, priors)
        samples = bootstrap.measure(options.num_bootstrap, options.seed)
        intervals = {name: interval(sample) for name, sample in samples.items()}

    if options.out:
        tags = dict(options.tag)
        write_result(
            options.out,
            task="speaker verification",
            metrics={name: describe(name, value, intervals.get(name)) for name, value in values.items()},
            counts=counts,
            selection=selection(options.calibrated_on),
            labels=options.trials,
            seed=tags.pop("seed", None),
            extra={"resampled": kind, "bootstrap_seed": options.seed, "num_bootstrap": options.num_bootstrap, **tags},
        )
    numbers = {f"num_{name}": count for name, count in counts.items()}
    report = nested(values, priors) | numbers | {"resampled": kind}
    print(json.dumps(report | {"ci95": nested({name: intervals.get(name) for name in values}, priors)}))


def selection(calibrated_on: str | None) -> dict[str, str]:
    """What result.json says of how thresholds came about."""
    if calibrated_on is None:
        return {"cut": "fixed", "note": _NOTE}
    return {"cut": "dev", "note": f"calibrated on other trials; {_NOTE}", "dev_trials": calibrated_on}


def describe(name: str, value: float, interval: tuple[float, float] | None) -> dict[str, object]:
    """A measure for result.json; those that hang on the order of the scores alone are the same for any calibration."""
    ordered = {"selection": {"cut": "fixed"}} if name.startswith(("eer", "min_")) else {}
    return {"value": value, "interval": interval} | ordered


def nested(values: Mapping[str, object], priors: Sequence[float]) -> dict[str, object]:
    """The costs of all priors as one object each."""
    report: dict[str, object] = {"eer": values["eer"], "eer_kaldi": values["eer_kaldi"]}
    for cost in ("min_dcf", "act_dcf"):
        report[cost] = {f"{prior:g}": values[f"{cost}_{prior:g}"] for prior in priors}
    return report | {"cllr": values["cllr"], "min_cllr": values["min_cllr"]}


if __name__ == "__main__":
    run(main)
