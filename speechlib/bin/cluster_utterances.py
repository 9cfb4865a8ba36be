"""Cluster the utterances of each conversation bottom up by a distance between their statistics (Jeon et al., 2009).

With --linkage exact merged clusters are compared anew, from the sums of their utterances' statistics; average and
complete linkage work on the distances between the utterances alone. Distances ucm, ev and ev-euclidean are of the
statistics of extract_comparison_stats, all others of those of extract_moment_stats.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from speechlib.clustering.distances import DISTANCES, KINDS, Distance, make_distance
from speechlib.clustering.exact_clustering import agglomerate
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.conversations import read_conversations, write_tree
from speechlib.io.maps import write_lists
from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import RandomAccessTable, open_table

LINKAGES = ("exact", "average", "complete")


def main(argv: Sequence[str] | None = None) -> None:
    """Write a tree of each conversation."""
    parser = KaldiArgumentParser(
        prog="cluster_utterances",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.cluster_utterances data/eval/reco2utt scp:stats.scp ark:trees.ark\n"
        "      python -m speechlib.bin.cluster_utterances --distance bic reco2utt scp:moments.scp ark:trees.ark",
    )
    add = parser.add_argument
    add("--distance", choices=DISTANCES, default="ucm", help="between two utterances or clusters")
    add("--linkage", choices=LINKAGES, default="exact", help="distance between clusters")
    add("--bic-penalty", type=float, default=1.0, metavar="X", help="weight of the penalty of the BIC distances")
    add("--variance-floor", type=float, default=0.01, metavar="X",
        help="of single Gaussians: so much of the variance of the conversation is added to every variance, that short "
        "utterances have covariances, too")  # fmt: skip
    add("--skip-missing", type=kaldi_bool, default=False, metavar="true|false",
        help="leave out utterances without statistics instead of calling them an error")  # fmt: skip
    add("--write-reco2utt", metavar="FILE", help="the utterances that the trees are of, without those left out")
    add("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    add("conversations", metavar="<reco2utt>", help="utterances of each conversation: the leaves of its tree")
    add("statistics", metavar="<stats-rspecifier>", help="a matrix for each utterance")
    add("trees", metavar="<trees-wspecifier>", help="(utterances - 1, 4): two clusters, distance, utterances in both")
    args = parser.parse_args(argv)
    if not args.bic_penalty >= 0 or not 0 <= args.variance_floor < np.inf:
        raise ValueError(
            f"--bic-penalty {args.bic_penalty} --variance-floor {args.variance_floor}: expected 0 or more"
        )
    if args.skip_missing and not args.write_reco2utt:
        raise ValueError("--skip-missing goes with --write-reco2utt FILE: trees are read with their utterances")

    if not args.stamp:
        cluster(args, parser.prog)
        return
    stamp = stamp_of(args)
    if stamp.is_complete():
        sys.stderr.write(f"{parser.prog}: {args.trees} is complete, as {args.stamp} says: nothing to do\n")
        return
    stamp.begin()
    cluster(args, parser.prog)
    stamp.finish()


def cluster(args: argparse.Namespace, program: str) -> None:
    """Read statistics, write trees."""
    distance = make_distance(args.distance, args.bic_penalty, args.variance_floor)
    conversations = read_conversations(args.conversations)
    kept: dict[str, list[str]] = {}
    with RandomAccessTable(args.statistics, "matrix") as table, open_table(args.trees) as writer:
        for conversation, utterances in conversations.items():
            found = _with_statistics(conversation, utterances, table, args, program)
            if not found:
                continue
            statistics = _stack(found, table, args.statistics, distance)
            try:
                tree = _tree(statistics, distance, args.linkage)
            except ValueError as error:
                raise ValueError(f"{args.statistics}: conversation {conversation!r} ({found[0]!r} is in place 0): "
                                 f"{error}") from error
            write_tree(writer, conversation, tree)
            kept[conversation] = found
        # A job may get nothing but silence, which depends on the number of jobs: whoever joins them counts.
        if not kept and not args.stamp:
            raise ValueError(f"{args.statistics}: no statistics of any utterance of {args.conversations}")
        if args.write_reco2utt:
            write_lists(args.write_reco2utt, kept)
    num_utterances = sum(map(len, kept.values()))
    num_out = sum(map(len, conversations.values())) - num_utterances
    sys.stderr.write(f"{program}: {len(kept)} conversations of {num_utterances} utterances; {num_out} left out\n")


def _tree(statistics: np.ndarray, distance: Distance, linkage: str) -> np.ndarray:
    if linkage == "exact":
        return agglomerate(statistics, distance)
    from speechlib.clustering.linkage import linkage_tree

    return linkage_tree(distance.pairwise(statistics), linkage)


def _with_statistics(conversation: str, utterances: list[str], table, args, program: str) -> list[str]:
    found = [utterance for utterance in utterances if utterance in table]
    missing = sorted(set(utterances) - set(found))
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        of_all = f"{len(missing)} of the {len(utterances)} utterances of conversation {conversation!r}"
        message = f"{of_all} have no statistics"
        if not args.skip_missing:
            raise ValueError(
                f"{args.statistics}: {message} ({shown}): give --skip-missing true --write-reco2utt FILE to leave them "
                "out"
            )
        sys.stderr.write(f"{program}: warning: {message}: left out ({shown})\n")
    return found


def _stack(utterances: list[str], table, source: str, distance: Distance) -> np.ndarray:
    matrices = [table[utterance] for utterance in utterances]
    for utterance, matrix in zip(utterances, matrices, strict=True):
        if matrix.shape != matrices[0].shape:
            raise ValueError(
                f"{source}: the statistics of {utterance!r} are {matrix.shape}, those of {utterances[0]!r} "
                f"{matrices[0].shape}: expected {KINDS[distance.kind]}'s, all of one model"
            )
    return np.array(matrices, np.float64)


def stamp_of(args: argparse.Namespace) -> Stamp:
    """What decides a job's trees: the lists by content, archives by size and time, options."""
    source, target = parse_rspecifier(args.statistics), parse_wspecifier(args.trees)
    if source.kind != "scp" or not target.scp:
        raise ValueError("--stamp goes with scp:FILE as statistics and ark,scp:FILE,FILE as trees")
    names = ("distance", "linkage", "bic_penalty", "variance_floor", "skip_missing")
    options = {name: getattr(args, name) for name in names} | {"archives": str(archive_states(source.name))}
    outputs = [target.ark, target.scp, *filter(None, [args.write_reco2utt])]
    return Stamp(args.stamp, [args.conversations, source.name], options, outputs)


if __name__ == "__main__":
    run(main)
