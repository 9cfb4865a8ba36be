"""Error rates of label sequences that a probe found, with intervals by speaker.

phones: the phone error rate (TIMIT's 39 classes, without q) and its parts; labels of the 61, the 48 or the 39.
subwords: the error rate of units, and that of the words that they make up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.label_pairs import read_label_pairs
from speechlib.io.maps import read_map
from speechlib.io.results import add_tag_option, write_result
from speechlib.metrics.bootstrap import bootstrap_ratio
from speechlib.metrics.error_rate import Errors, count_errors
from speechlib.metrics.phones import phone_errors

WORD = "\u2581"  # sentencepiece's mark of the beginning of a word
PARTS = ("substitutions", "deletions", "insertions")


def main(argv: Sequence[str] | None = None) -> None:
    """Print the rates, write result.json."""
    parser = KaldiArgumentParser(
        prog="eval_labels",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_labels --kind phones --utt2spk data/test/utt2spk --out "
        "exp/fc2/result.json data/test/phones exp/fc2/hypotheses",
    )
    add = parser.add_argument
    add("--kind", choices=("phones", "subwords"), required=True, help="what the labels are")
    add("--utt2spk", required=True, metavar="FILE", help="speaker of each utterance")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind the intervals")
    add("--seed", type=int, help="of the probe; noted in the result")
    add("--out", metavar="FILE", help="result.json to write")
    add_tag_option(parser)
    add("references", metavar="<labels>", help="`utterance label label ..` lines")
    add("hypotheses", metavar="<hypotheses>", help="the same, as recognised")
    args = parser.parse_args(argv)

    pairs = read_label_pairs(args.references, args.hypotheses)
    utt2spk = read_map(args.utt2spk)
    for name, _, _ in pairs:
        if name not in utt2spk:
            raise ValueError(f"{args.utt2spk}: utterance {name} of {args.references} is not there")
    speakers = [utt2spk[name] for name, _, _ in pairs]
    counts = {"utterances": len(pairs), "speakers": len(set(speakers))}
    metrics: dict[str, Mapping] = {}
    for metric, unit, errors in measures(args, pairs):
        lengths = [count.length for count in errors]
        kinds = {metric: [sum(count[:3]) for count in errors]}
        if args.kind == "phones":
            kinds |= {part: [count[place] for count in errors] for place, part in enumerate(PARTS)}
        for name, wrong in kinds.items():
            interval = bootstrap_ratio(wrong, lengths, speakers, num_samples=args.num_bootstrap)
            metrics[name] = {"value": sum(wrong) / sum(lengths), "interval": list(interval)}
        counts[unit] = sum(lengths)
        low, high = metrics[metric]["interval"]
        rate = f"{metrics[metric]['value']:.2%} [{low:.1%}, {high:.1%}]"
        print(f"{metric} {rate} of {sum(lengths)} {unit} in {len(pairs)} utterances")
    if args.out:
        write_result(
            args.out, task=f"{args.kind} probe", metrics=metrics, counts=counts, selection={"cut": "fixed"},
            labels=args.references, seed=args.seed, extra=dict(args.tag),
        )  # fmt: skip


def measures(args, pairs) -> list[tuple[str, str, list[Errors]]]:
    """Metric, what is counted, and the errors of each utterance."""
    if args.kind == "subwords":
        return [
            (metric, unit, [count_errors(of(reference), of(hypothesis)) for _, reference, hypothesis in pairs])
            for metric, unit, of in (("unit_error_rate", "units", list), ("wer", "words", words))
        ]
    errors = []
    for name, reference, hypothesis in pairs:
        try:
            errors.append(phone_errors(reference, hypothesis))
        except ValueError as error:
            raise ValueError(f"{args.references} and {args.hypotheses}: utterance {name}: {error}") from None
    return [("per", "phones", errors)]


def words(units: Sequence[str]) -> list[str]:
    """The words that units make up."""
    return "".join(units).replace(WORD, " ").split()


if __name__ == "__main__":
    run(main)
