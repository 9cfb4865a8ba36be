"""Phone error rate of recognised label sequences, with an interval by speaker (TIMIT's 39 classes, without q)."""

from __future__ import annotations

from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.label_pairs import read_label_pairs
from speechlib.io.maps import read_map
from speechlib.io.results import add_tag_option, write_result
from speechlib.metrics.bootstrap import bootstrap_ratio
from speechlib.metrics.error_rate import Errors
from speechlib.metrics.phones import phone_errors


def main(argv: Sequence[str] | None = None) -> None:
    """Print the rate and its parts, write result.json."""
    parser = KaldiArgumentParser(
        prog="eval_phones",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_phones --utt2spk data/test/utt2spk --out exp/probe/fc2/result.json "
        "data/test/phones exp/probe/fc2/hypotheses",
    )
    add = parser.add_argument
    add("--utt2spk", required=True, metavar="FILE", help="speaker of each utterance")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind the interval")
    add("--seed", type=int, help="of the probe; noted in the result")
    add("--out", metavar="FILE", help="result.json to write")
    add_tag_option(parser)
    add("references", metavar="<labels>", help="`utterance label label ..` lines: of the 61, the 48 or the 39")
    add("hypotheses", metavar="<hypotheses>", help="the same, as recognised")
    args = parser.parse_args(argv)

    pairs = read_label_pairs(args.references, args.hypotheses)
    utt2spk = read_map(args.utt2spk)
    counts, speakers = [], []
    for name, reference, hypothesis in pairs:
        if name not in utt2spk:
            raise ValueError(f"{args.utt2spk}: utterance {name} of {args.references} is not there")
        try:
            counts.append(phone_errors(reference, hypothesis))
        except ValueError as error:
            raise ValueError(f"{args.references} and {args.hypotheses}: utterance {name}: {error}") from None
        speakers.append(utt2spk[name])
    total = Errors(*(sum(column) for column in zip(*counts, strict=True)))
    parts = {"per": sum, "substitutions": lambda e: e[0], "deletions": lambda e: e[1], "insertions": lambda e: e[2]}
    metrics = {}
    for part, of in parts.items():
        errors = [of(count[:3]) for count in counts]
        interval = bootstrap_ratio(errors, [e.length for e in counts], speakers, num_samples=args.num_bootstrap)
        metrics[part] = {"value": sum(errors) / total.length, "interval": list(interval)}
    low, high = metrics["per"]["interval"]
    print(
        f"PER {total.rate:.2%} [{low:.1%}, {high:.1%}]: {total.substitutions} substitutions, {total.deletions} "
        f"deletions, {total.insertions} insertions in {total.length} phones of {len(pairs)} utterances"
    )
    if args.out:
        write_result(
            args.out, task="phone recognition probe", metrics=metrics,
            counts={"utterances": len(pairs), "speakers": len(set(speakers)), "phones": total.length},
            selection={"cut": "fixed"}, labels=args.references, seed=args.seed, extra=dict(args.tag),
        )  # fmt: skip


if __name__ == "__main__":
    run(main)
