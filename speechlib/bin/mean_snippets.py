"""Average the snippet vectors of groups of utterances: one embedding per group (Lukic et al., 2016, section 4)."""

import sys

import numpy as np

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import read_labels
from speechlib.io.tables import open_table, read_table


def main(argv: list[str] | None = None) -> None:
    """Read matrices of snippets by utterance, write a vector by group: the mean over all its utterances' snippets."""
    parser = KaldiArgumentParser(
        prog="mean_snippets",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.mean_snippets --utt2group data/test/utt2group "
        "scp:exp/snippets/L5.scp ark,scp:exp/embeddings/L5.ark,exp/embeddings/L5.scp",
    )
    parser.add_argument(
        "--utt2group", required=True, help="group of each utterance; utterances that it does not name are left out"
    )
    parser.add_argument("snippets", help="rspecifier of (snippets, dim) matrices by utterance")
    parser.add_argument("means", help="wspecifier of (dim,) vectors by group, sorted")
    options = parser.parse_args(argv)

    utt2group = read_labels(options.utt2group)
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    seen = set()
    for utterance, snippets in read_table(options.snippets):
        group = utt2group.get(utterance)
        if group is None:
            continue
        seen.add(utterance)
        if snippets.ndim != 2:
            raise ValueError(f"{options.snippets}: {utterance} has shape {snippets.shape}; expected (snippets, dim)")
        if len(snippets) == 0:
            continue
        total = snippets.sum(axis=0, dtype=np.float64)
        if group in sums and sums[group].shape != total.shape:
            raise ValueError(
                f"{options.snippets}: {utterance} has {total.size} dimensions, others of group {group} "
                f"{sums[group].size}; they come from different layers or models"
            )
        sums[group] = sums.get(group, 0.0) + total
        counts[group] = counts.get(group, 0) + len(snippets)

    empty = sorted(set(utt2group.values()) - set(sums))
    if empty:
        raise ValueError(
            f"{options.snippets}: {len(empty)} groups of {options.utt2group} have no snippet: {', '.join(empty[:5])}"
            f"{', ...' if len(empty) > 5 else ''}; are their utterances there and at least one snippet long?"
        )
    missing = sorted(set(utt2group) - seen)
    if missing:
        sys.stderr.write(
            f"mean_snippets: warning: {len(missing)} of {len(utt2group)} utterances are not in {options.snippets}, "
            f"the first is {missing[0]}\n"
        )
    with open_table(options.means) as writer:
        for group in sorted(sums):
            writer.write(group, (sums[group] / counts[group]).astype(np.float32))


if __name__ == "__main__":
    run(main)
