"""Equal error rate in percent by Kaldi's rule, from lines of `<score> target|nontarget` (Kaldi's compute-eer)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.text_columns import iterate_blocks
from speechlib.metrics.verification import kaldi_equal_error_rate, sort_scores

_EXPECTED = "<score> target|nontarget"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the percentage with four digits; the threshold goes to stderr, as Kaldi logs it."""
    parser = KaldiArgumentParser(
        prog="compute_eer", description=__doc__, epilog="e.g.: python -m speechlib.bin.compute_eer scores_with_labels"
    )
    parser.add_argument("scores", metavar="<scores-in>", help="a file, 'command |', or - for standard input")
    options = parser.parse_args(argv)

    scores: tuple[list, list] = ([], [])
    for block in iterate_blocks(options.scores, (2,), _EXPECTED):
        labels = block.matches(1, (b"nontarget", b"target"))
        if labels.min() < 0:
            line = int(labels.argmin())
            raise ValueError(f"{block.place(line)}: label '{block.word(line, 1)}': expected '{_EXPECTED}'")
        values = block.numbers(0).astype(np.float32)  # Kaldi's BaseFloat
        for kind in (0, 1):
            scores[kind].append(values[labels == kind])
    nontarget, target = map(np.concatenate, scores)
    if not len(target) or not len(nontarget):
        kind, count = ("target", len(target)) if len(target) else ("nontarget", len(nontarget))
        raise ValueError(f"{options.scores}: all {count} lines are {kind}; an equal error rate needs both kinds")
    rate, threshold = kaldi_equal_error_rate(sort_scores(target, nontarget))
    sys.stderr.write(f"compute_eer: equal error rate is {100.0 * rate:g}%, at threshold {threshold:g}\n")
    print(f"{100.0 * rate:.4g}")


if __name__ == "__main__":
    run(main)
