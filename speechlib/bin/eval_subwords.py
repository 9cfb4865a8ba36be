"""Unit and word error rates of recognised subword sequences, with intervals by speaker."""

from __future__ import annotations

from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.label_pairs import read_label_pairs
from speechlib.io.maps import read_map
from speechlib.io.results import add_tag_option, write_result
from speechlib.metrics.bootstrap import bootstrap_ratio
from speechlib.metrics.error_rate import count_errors

WORD = "\u2581"  # sentencepiece's mark of the beginning of a word


def main(argv: Sequence[str] | None = None) -> None:
    """Print both rates, write result.json."""
    parser = KaldiArgumentParser(
        prog="eval_subwords",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.eval_subwords --utt2spk data/test/utt2spk --out exp/fc2/result.json "
        "data/test/subwords exp/probe/fc2/hypotheses",
    )
    add = parser.add_argument
    add("--utt2spk", required=True, metavar="FILE", help="speaker of each utterance")
    add("--num-bootstrap", type=int, default=1000, metavar="N", help="draws of speakers behind the intervals")
    add("--seed", type=int, help="of the probe; noted in the result")
    add("--out", metavar="FILE", help="result.json to write")
    add_tag_option(parser)
    add("references", metavar="<labels>", help="`utterance unit unit ..` lines")
    add("hypotheses", metavar="<hypotheses>", help="the same, as recognised")
    args = parser.parse_args(argv)

    pairs = read_label_pairs(args.references, args.hypotheses)
    utt2spk = read_map(args.utt2spk)
    for name, _, _ in pairs:
        if name not in utt2spk:
            raise ValueError(f"{args.utt2spk}: utterance {name} of {args.references} is not there")
    speakers = [utt2spk[name] for name, _, _ in pairs]
    metrics, counts = {}, {"utterances": len(pairs), "speakers": len(set(speakers))}
    for metric, of in (("unit_error_rate", list), ("wer", words)):
        errors = [count_errors(of(reference), of(hypothesis)) for _, reference, hypothesis in pairs]
        wrong, lengths = [sum(count[:3]) for count in errors], [count.length for count in errors]
        interval = bootstrap_ratio(wrong, lengths, speakers, num_samples=args.num_bootstrap)
        metrics[metric] = {"value": sum(wrong) / sum(lengths), "interval": list(interval)}
        counts["units" if metric == "unit_error_rate" else "words"] = sum(lengths)
        print(
            f"{metric} {sum(wrong) / sum(lengths):.2%} [{interval[0]:.1%}, {interval[1]:.1%}], {sum(lengths)} in "
            f"{len(pairs)} utterances"
        )
    if args.out:
        write_result(
            args.out, task="subword recognition probe", metrics=metrics, counts=counts, selection={"cut": "fixed"},
            labels=args.references, seed=args.seed, extra=dict(args.tag),
        )  # fmt: skip


def words(units: Sequence[str]) -> list[str]:
    """The words that units make up."""
    return "".join(units).replace(WORD, " ").split()


if __name__ == "__main__":
    run(main)
