"""Diarization and Jaccard error rates of RTTM files, by recording and over all, as one JSON object."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, nearest, run
from speechlib.io.results import add_tag_option, write_result
from speechlib.io.rttm import Turn, read_rttm
from speechlib.io.selections import add_selection_options, selection_of
from speechlib.io.uem import read_uem
from speechlib.metrics.bootstrap import bootstrap_ratio
from speechlib.metrics.diarization import DiarizationErrors, add_up, score_recording

Turns = Mapping[str, Sequence[Turn]]
Regions = Mapping[str, Sequence[tuple[float, float]]]


def main(argv: Sequence[str] | None = None) -> None:
    """Print one JSON object: der, its parts missed, false_alarm and confusion, and jer as fractions, times in seconds,
    numbers of speakers, and the same by recording under per_recording; ci95 has intervals over recordings."""
    parser = KaldiArgumentParser(
        prog="eval_diarization",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_diarization --reference data/eval/ref.rttm --hypothesis exp/rttm",
    )
    add = parser.add_argument
    add("--reference", required=True, metavar="RTTM", help="who speaks when")
    add("--hypothesis", required=True, metavar="RTTM", help="who was found to speak when")
    add("--collar", type=float, default=0.0, metavar="S",
        help="seconds not scored on each side of every boundary of the reference, as md-eval's -c")  # fmt: skip
    add("--skip-overlap", type=kaldi_bool, default=False, metavar="BOOL", help="leave out overlaps of the reference")
    add("--uem", metavar="FILE", help="recordings and stretches to score; default: first to last turn of either file")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of recordings behind ci95; 0: none")
    add("--seed", type=int, default=0, metavar="N", help="of those draws")
    add("--out", metavar="FILE", help="also write result.json; a tag seed=N is the seed of the scored system")
    add_selection_options(parser)
    add_tag_option(parser)
    options = parser.parse_args(argv)
    if options.num_bootstrap < 0:
        raise ValueError(f"--num-bootstrap: {options.num_bootstrap}: expected 0 or more")
    selection = selection_of(options)

    reference, hypothesis = read_rttm(options.reference), read_rttm(options.hypothesis)
    regions = read_uem(options.uem) if options.uem else None
    scored = {
        recording: score_recording(
            reference.get(recording, ()),
            hypothesis.get(recording, ()),
            regions[recording] if regions else None,
            options.collar,
            options.skip_overlap,
        )
        for recording in recordings_to_score(reference, hypothesis, regions, options)
    }
    whole = add_up(list(scored.values()))
    intervals = bootstrap(scored, options.num_bootstrap, options.seed)
    if options.out:
        tags = dict(options.tag)
        write_result(
            options.out,
            task="speaker diarization",
            metrics={name: {"value": value, "interval": intervals.get(name)} for name, value in rates(whole).items()},
            counts={"recordings": len(scored), "speakers": whole.num_reference_speakers},
            selection=selection,
            labels=options.reference,
            seed=tags.pop("seed", None),
            extra={
                "collar": options.collar,
                "skip_overlap": options.skip_overlap,
                "resampled": "recordings",
                "bootstrap_seed": options.seed,
                "num_bootstrap": options.num_bootstrap,
                "scored_speech_seconds": round(whole.scored_speech, 3),
                **tags,
            },
        )
    report = {
        **describe(whole),
        "num_recordings": len(scored),
        "collar": options.collar,
        "skip_overlap": options.skip_overlap,
        "ci95": {name: intervals.get(name) for name in rates(whole)},
        "per_recording": {recording: describe(errors) for recording, errors in scored.items()},
    }
    print(json.dumps(report, ensure_ascii=False))


def recordings_to_score(reference: Turns, hypothesis: Turns, regions: Regions | None, options) -> list[str]:
    """The recordings of the UEM, or else of the reference, sorted; warns of those without hypothesis.

    Raises:
        ValueError: the hypothesis has a recording that neither of the others knows, or there is none to score.
    """
    known = set(reference) | set(regions or ())
    strange = sorted(name for name, turns in hypothesis.items() if turns and name not in known)
    if strange:
        raise ValueError(
            f"{options.hypothesis}: {listed(strange)}: unknown to {options.reference}"
            f"{f' and {options.uem}' if options.uem else ''}{nearest(strange[0], sorted(known))}; "
            f"if nobody speaks in a recording, say so with its line in --uem"
        )
    wanted = sorted(reference if regions is None else regions)
    if not wanted:
        raise ValueError(f"{options.reference}: no turn of any speaker; expected SPEAKER lines, or --uem")
    silent = [recording for recording in wanted if not hypothesis.get(recording) and reference.get(recording)]
    if silent:
        warn(f"{options.hypothesis}: nobody speaks in {listed(silent)}; all speech there is missed")
    outside = sorted(known - set(wanted))
    if outside:
        warn(f"{options.uem} leaves out {listed(outside)} of {options.reference}")
    return wanted


def rates(errors: DiarizationErrors) -> dict[str, float]:
    """The rates, as fractions."""
    parts = {name: errors.rate(getattr(errors, name)) for name in ("missed", "false_alarm", "confusion")}
    return {"der": errors.der, **parts, "jer": errors.jer}


def describe(errors: DiarizationErrors) -> dict[str, float | int]:
    """Rates, seconds and numbers of speakers."""
    names = ("missed", "false_alarm", "confusion", "scored_speech", "scored_time")
    return {
        **rates(errors),
        **{f"{name}_seconds": round(getattr(errors, name), 9) for name in names},
        "num_reference_speakers": errors.num_reference_speakers,
        "num_hypothesis_speakers": errors.num_hypothesis_speakers,
    }


def bootstrap(scored: Mapping[str, DiarizationErrors], num_samples: int, seed: int) -> dict[str, tuple[float, float]]:
    """95 % intervals when recordings are drawn anew; none of less than two recordings."""
    errors = list(scored.values())
    speech, speakers = [e.scored_speech for e in errors], [len(e.jaccard) for e in errors]
    if not num_samples or len(errors) < 2 or not any(speech):
        return {}
    wrong = {name: [getattr(e, name) for e in errors] for name in ("missed", "false_alarm", "confusion")}
    wrong["der"] = [sum(parts) for parts in zip(*wrong.values(), strict=True)]
    ratios = {name: (values, speech) for name, values in wrong.items()}
    ratios["jer"] = ([sum(e.jaccard) for e in errors], speakers)
    recordings = list(scored)
    return {
        name: bootstrap_ratio(above, below, recordings, num_samples=num_samples, seed=seed)
        for name, (above, below) in ratios.items()
    }


def listed(names: Sequence[str]) -> str:
    """The first few names."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def warn(message: str) -> None:
    """A line on stderr."""
    sys.stderr.write(f"eval_diarization: warning: {message}\n")


if __name__ == "__main__":
    run(main)
