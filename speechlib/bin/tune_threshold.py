"""Choose the distance at which clustering stops, one for all conversations, on a development set of other speakers.

The middle of the widest interval of the best thresholds is taken. Criteria: mr_hungarian, the mean misclassification
rate under the best assignment, and i_spk, the mean of max(0, 1 - |clusters - speakers| / speakers).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.clustering.cuts import clusters_at_threshold, tune_common_threshold
from speechlib.io.atomic import write_json
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clusters import read_labels
from speechlib.io.conversations import read_conversations, read_trees
from speechlib.metrics.clustering import score_cuts

CRITERIA = ("mr_hungarian", "i_spk")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the threshold, and how it was found, as JSON."""
    parser = KaldiArgumentParser(
        prog="tune_threshold",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.tune_threshold data/dev/reco2utt scp:trees.scp data/dev/utt2spk "
        "selection.json",
    )
    add = parser.add_argument
    add("--criterion", choices=CRITERIA, default=CRITERIA[0], help="what is best at the threshold")
    add("conversations", metavar="<reco2utt>", help="utterances of each conversation: the leaves of its tree")
    add("trees", metavar="<trees-rspecifier>", help="tree of each conversation, as cluster_utterances writes them")
    add("speakers", metavar="<utt2spk>", help="true speaker of each utterance")
    add("selection", metavar="<selection.json>", help='written: {"cut": "dev", "threshold": X, ..}')
    args = parser.parse_args(argv)

    conversations = read_conversations(args.conversations)
    speakers = read_labels(args.speakers)
    trees, losses, counts = [], [], []
    for conversation, tree in read_trees(args.trees, conversations, args.conversations):
        missing = [utterance for utterance in conversations[conversation] if utterance not in speakers]
        if missing:
            raise ValueError(
                f"{args.speakers}: no speaker of utterance {missing[0]!r} of conversation {conversation!r} "
                f"({len(missing)} missing): add lines of '<utterance> <speaker>'"
            )
        reference = [speakers[utterance] for utterance in conversations[conversation]]
        trees.append(tree)
        losses.append(curve(args.criterion, reference, tree))
        counts.append(len(set(reference)))
    threshold, loss = tune_common_threshold(trees, losses)
    clusters = [int(clusters_at_threshold(tree, threshold).max()) + 1 for tree in trees]
    value = loss if args.criterion == "mr_hungarian" else 1 - loss
    write_json(args.selection, {
        "cut": "dev",
        "threshold": threshold,
        "rule": f"one threshold for all conversations, the best {args.criterion} on the development set",
        "criterion": args.criterion,
        "value": value,
        "num_conversations": len(trees),
        "mean_num_speakers": float(np.mean(counts)),
        "mean_num_clusters": float(np.mean(clusters)),
    })  # fmt: skip
    sys.stderr.write(f"{parser.prog}: threshold {threshold:.6g}, {args.criterion} {value:.4f}, "
                     f"{np.mean(clusters):.2f} clusters for {np.mean(counts):.2f} speakers\n")


def curve(criterion: str, speakers: Sequence[str], tree: np.ndarray) -> np.ndarray:
    """(utterances,) loss after 0, 1, ... merges: less is better."""
    if criterion == "mr_hungarian":
        return score_cuts(speakers, tree).hungarian
    num_speakers = len(set(speakers))
    return np.minimum(1.0, np.abs(np.arange(len(speakers), 0, -1) - num_speakers) / num_speakers)


if __name__ == "__main__":
    run(main)
