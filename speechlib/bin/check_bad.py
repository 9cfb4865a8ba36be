"""Count the utterances that jobs found bad, print them by reason, and fail when there are more than --max-bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from speechlib.io.bad_audio import read_bad_list
from speechlib.io.cli import KaldiArgumentParser, run


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of bad utterances and a line by reason; return 1 if they are too many."""
    parser = KaldiArgumentParser(prog="check_bad", description=__doc__)
    parser.add_argument("--max-bad", type=int, default=0, metavar="N", help="how many bad utterances are tolerated")
    parser.add_argument(
        "lists", nargs="+", metavar="bad.JOB.tsv", help="lists written by jobs: utterance, reason, message"
    )
    args = parser.parse_args(argv)
    bad = sorted({row for path in args.lists for row in read_bad_list(path)})
    count = len({utterance for utterance, _, _ in bad})
    if not bad:
        print("bad utterances: 0")
        return 0
    width = max(len(row[0]) for row in bad)
    reason_width = max(len(row[1]) for row in bad)
    for utterance, reason, message in bad:
        print(f"{utterance:<{width}}  {reason:<{reason_width}}  {message}")
    reasons = Counter(reason for _, reason, _ in bad)
    summary = ", ".join(f"{reason} {number}" for reason, number in sorted(reasons.items()))
    print(f"bad utterances: {count} ({summary}), tolerated: {args.max_bad}")
    if count > args.max_bad:
        print(f"mend these {count} utterances or leave them out, or tolerate them with --max-bad {count}")
        return 1
    return 0


if __name__ == "__main__":
    run(main)
