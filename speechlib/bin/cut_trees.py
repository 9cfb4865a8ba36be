"""Cut the tree of each conversation into clusters: at a distance, or where the number of speakers is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.clustering.cuts import clusters_at_threshold, clusters_of_number
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.conversations import read_conversations, read_trees, write_clusters
from speechlib.io.map_tables import read_count_map
from speechlib.io.selections import read_selection


def main(argv: Sequence[str] | None = None) -> None:
    """Write the cluster of each utterance: numbers from 1 in each conversation, in the order of first utterances."""
    parser = KaldiArgumentParser(
        prog="cut_trees",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.cut_trees --selection selection.json reco2utt scp:trees.scp utt2cluster\n"
        "      python -m speechlib.bin.cut_trees --reco2num-spk reco2num_spk reco2utt scp:trees.scp utt2cluster",
    )
    add = parser.add_argument
    add("--threshold", type=float, metavar="X", help="the merges end before the first at a distance above this")
    add("--selection", metavar="FILE", help="the threshold that tune_threshold wrote")
    add("--reco2num-spk", metavar="FILE", help="number of clusters of each conversation")
    add("conversations", metavar="<reco2utt>", help="utterances of each conversation: the leaves of its tree")
    add("trees", metavar="<trees-rspecifier>", help="tree of each conversation, as cluster_utterances writes them")
    add("clusters", metavar="<utt2cluster>", help="`<utterance> <cluster>` lines to write")
    args = parser.parse_args(argv)
    if sum(option is not None for option in (args.threshold, args.selection, args.reco2num_spk)) != 1:
        raise ValueError("expected one of --threshold, --selection and --reco2num-spk")
    threshold = read_threshold(args.selection) if args.selection else args.threshold
    numbers = read_count_map(args.reco2num_spk) if args.reco2num_spk else None
    conversations = read_conversations(args.conversations)
    clusters = []
    for conversation, tree in read_trees(args.trees, conversations, args.conversations):
        if numbers is None:
            cut = clusters_at_threshold(tree, threshold)
        elif conversation not in numbers:
            raise ValueError(f"{args.reco2num_spk}: no number of speakers of conversation {conversation!r}: add a line")
        else:
            try:
                cut = clusters_of_number(tree, numbers[conversation])
            except ValueError as error:
                raise ValueError(f"{args.reco2num_spk}: conversation {conversation!r}: {error}") from None
        clusters.append((conversations[conversation], cut))
    write_clusters(args.clusters, clusters)
    total = sum(int(cut.max()) + 1 for _, cut in clusters)
    sys.stderr.write(f"{parser.prog}: {total} clusters in {len(clusters)} conversations\n")


def read_threshold(path: str) -> float:
    """The threshold of a selection file.

    Raises:
        ValueError: no selection with a number as threshold. OSError: no such file.
    """
    threshold = read_selection(path).get("threshold")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise ValueError(f'{path}: expected a number as "threshold": write it with tune_threshold')
    return float(threshold)


if __name__ == "__main__":
    run(main)
