"""Cluster the utterances of each conversation by a matrix of scores (Kaldi's agglomerative-cluster)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import numpy as np

from speechlib.clustering.kaldi_clustering import MAX_ONE_PASS, Clustering, Limits, cluster
from speechlib.clustering.linkage import METHODS
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, nearest, run
from speechlib.io.conversations import read_conversations, write_clusters, write_tree
from speechlib.io.map_tables import read_count_map
from speechlib.io.specifiers import is_specifier
from speechlib.io.tables import open_table, read_table

_USAGE = """Merge the two clusters with the highest mean score between their utterances while that is at least a
threshold, or until as many are left as there are speakers. Rows and columns of each matrix are the utterances in the
order of the conversation's line of <reco2utt>. Clusters are numbered from 1 in each conversation, in the order of their
first utterances.

 e.g.: python -m speechlib.bin.cluster_scores --threshold 0.5 data/eval/reco2utt scp:exp/scores.scp exp/utt2cluster
       python -m speechlib.bin.cluster_scores --reco2num-spk data/eval/reco2num_spk ark:reco2utt ark:scores.ark \\
         ark,t:labels"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="cluster_scores", description=_USAGE)
    add = parser.add_argument
    add("--threshold", type=float, default=0.0, metavar="X", help="merge while the mean score is at least this")
    add("--reco2num-spk", "--reco2num-spk-rspecifier", metavar="FILE",
        help="number of clusters of each conversation; then the threshold plays no part")  # fmt: skip
    add("--linkage", choices=METHODS, default="average", help="complete: the lowest score counts, not the mean")
    add("--max-spk-fraction", type=float, default=1.0, metavar="X",
        help="with --reco2num-spk: clusters hold at most this share of the utterances, where 1 / speakers <= X")
    add("--first-pass-max-utterances", type=int, default=MAX_ONE_PASS, metavar="N",
        help="with more utterances than this, parts of so many are clustered first, and then what they leave")
    add("--read-costs", type=kaldi_bool, default=False, metavar="true|false",
        help="the matrices and the threshold are costs: merge while the mean is at most the threshold")
    add("--trees", metavar="<wspecifier>", help="write (utterances - 1, 4): two clusters, distance, utterances in both")
    add("conversations", metavar="<reco2utt>", help="utterances of each conversation, a file or an rspecifier")
    add("scores", metavar="<scores-rspecifier>", help="a matrix for each conversation, higher is more alike")
    add("clusters", metavar="<utt2cluster>", help="`<utterance> <cluster>` lines to write, a file or a wspecifier")
    args = parser.parse_args(argv)
    if args.trees and (args.max_spk_fraction != 1.0 or args.first_pass_max_utterances != MAX_ONE_PASS):
        raise ValueError("--trees goes without --max-spk-fraction and --first-pass-max-utterances: these make no tree")

    conversations = read_conversations(args.conversations)
    done: dict[str, np.ndarray] = {}
    with open_table(args.trees) if args.trees else nullcontext() as writer:
        for conversation, clustering in _clusterings(args, conversations):
            done[conversation] = clustering.labels
            if writer is not None:
                if clustering.tree is None:
                    raise ValueError(
                        f"{args.scores}: conversation {conversation!r} has more than {MAX_ONE_PASS} utterances: too "
                        "many for --trees"
                    )
                write_tree(writer, conversation, clustering.tree)
        if not done:
            raise ValueError(f"{args.scores}: no matrix of scores")
        _write(args.clusters, [(conversations[conversation], labels) for conversation, labels in done.items()])
    if len(done) < len(conversations):
        lacking = next(conversation for conversation in conversations if conversation not in done)
        sys.stderr.write(
            f"cluster_scores: warning: {args.scores} has no scores of {len(conversations) - len(done)} of the "
            f"{len(conversations)} conversations, such as {lacking!r}: left out\n"
        )
    total = sum(int(labels.max()) + 1 for labels in done.values())
    sys.stderr.write(f"cluster_scores: {total} clusters in {len(done)} conversations\n")


def _clusterings(
    args: argparse.Namespace, conversations: dict[str, list[str]]
) -> Iterator[tuple[str, Clustering]]:
    numbers = read_count_map(args.reco2num_spk) if args.reco2num_spk else None
    seen: set[str] = set()
    for conversation, scores in read_table(args.scores, "matrix"):
        if conversation not in conversations:
            raise ValueError(
                f"{args.conversations}: no line of conversation {conversation!r}, which is in {args.scores}"
                f"{nearest(conversation, list(conversations))}"
            )
        if conversation in seen:
            raise ValueError(f"{args.scores}: conversation {conversation!r} is there twice; keep one")
        seen.add(conversation)
        size = len(conversations[conversation])
        if scores.shape != (size, size):
            raise ValueError(
                f"{args.scores}: conversation {conversation!r}: a matrix of shape {scores.shape}, but {size} "
                f"utterances in {args.conversations}: expected a row and a column for each"
            )
        try:
            limits = _limits(args, conversation, numbers)
            yield conversation, cluster(scores, limits, args.linkage, are_scores=not args.read_costs)
        except ValueError as error:
            raise ValueError(f"{args.scores}: conversation {conversation!r}: {error}") from error


def _limits(args: argparse.Namespace, conversation: str, numbers: dict[str, int] | None) -> Limits:
    first_pass = args.first_pass_max_utterances
    if numbers is None:
        threshold = args.threshold if args.read_costs else -args.threshold
        return Limits(threshold=threshold, first_pass_max_items=first_pass)
    if conversation not in numbers:
        raise ValueError(f"{args.reco2num_spk} has no number of speakers of it: add a line")
    max_fraction = args.max_spk_fraction
    return Limits(min_clusters=numbers[conversation], max_fraction=max_fraction, first_pass_max_items=first_pass)


def _write(target: str, clusters: list[tuple[list[str], np.ndarray]]) -> None:
    if not is_specifier(target):
        write_clusters(target, clusters)
        return
    with open_table(target) as writer:
        for utterances, labels in clusters:
            for utterance, label in zip(utterances, labels.tolist(), strict=True):
                writer.write(utterance, label + 1)


if __name__ == "__main__":
    run(main)
