"""Draw conversations: who spoke and who was found when, and how the utterances were merged."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from speechlib.clustering.distances import DISTANCES, make_distance
from speechlib.io.atomic import atomic_write
from speechlib.io.cli import KaldiArgumentParser, nearest, run
from speechlib.io.clusters import read_labels
from speechlib.io.conversations import read_conversations, read_trees
from speechlib.io.rttm import Turn, read_rttm
from speechlib.io.selections import read_selection
from speechlib.io.tables import RandomAccessTable
from speechlib.metrics.diarization import DiarizationErrors, score_recording
from speechlib.report.conversation_figures import Tree, conversation_figure
from speechlib.report.style import FORMATS, figure_bytes

_EXAMPLE = """e.g.: python -m speechlib.bin.plot_conversation --reference data/eval/ref.rttm \\
        --hypothesis exp/hyp.rttm --reco2utt data/eval/reco2utt --utt2spk data/eval/utt2spk \\
        --trees scp:exp/trees.scp --statistics scp:exp/stats/stats.scp --distance ucm \\
        --selection exp/selection.json en_4065 en_4065.png en_4077 en_4077.png"""


def main(argv: Sequence[str] | None = None) -> None:
    """Read turns and tree of one conversation, write a picture."""
    parser = KaldiArgumentParser(prog="plot_conversation", description=__doc__, epilog=_EXAMPLE)
    add = parser.add_argument
    add("--reference", required=True, metavar="RTTM", help="who spoke")
    add("--hypothesis", required=True, metavar="RTTM", help="who was found")
    add("--reco2utt", metavar="FILE", help="with --trees: the utterances of each conversation")
    add("--utt2spk", metavar="FILE", help="with --trees: reference speaker of each utterance")
    add("--trees", metavar="RSPECIFIER", help="tree of each conversation; with --reco2utt and --utt2spk")
    add("--distances", metavar="RSPECIFIER", help="with --trees: matrices of distances, to draw beside the tree; or")
    add("--scores", metavar="RSPECIFIER", help="matrices of scores, such as PLDA's; or")
    add("--statistics", metavar="RSPECIFIER", help="statistics of the utterances, which --distance compares")
    add("--distance", choices=DISTANCES, default="ucm", help="with --statistics")
    add("--bic-penalty", type=float, default=1.0, metavar="X", help="with --statistics, as cluster_utterances'")
    add("--variance-floor", type=float, default=0.01, metavar="X", help="with --statistics, as cluster_utterances'")
    add("--threshold", type=float, metavar="X", help="distance of the cut, to mark in the tree; or")
    add("--selection", metavar="FILE", help="the file that tune_threshold wrote")
    add("--title", metavar="TEXT", help="instead of the conversation, its numbers of speakers and DER")
    add("pairs", nargs="+", metavar="<conversation> <picture>", help="its name, and a .png, .svg or .pdf to write")
    args = parser.parse_args(argv)
    _check(args)

    reference, hypothesis = read_rttm(args.reference), read_rttm(args.hypothesis)
    for conversation, picture in zip(args.pairs[::2], args.pairs[1::2], strict=True):
        figure = _draw(args, conversation, reference, hypothesis)
        with atomic_write(picture) as file:
            file.write(figure_bytes(figure, Path(picture).suffix[1:]))


def _draw(
    args: argparse.Namespace, conversation: str, reference: dict[str, list[Turn]], hypothesis: dict[str, list[Turn]]
) -> Figure:
    if conversation not in reference and conversation not in hypothesis:
        raise ValueError(
            f"{args.reference}: no turn of conversation {conversation!r}, nor in {args.hypothesis}"
            f"{nearest(conversation, [*reference, *hypothesis])}"
        )
    turns, found = reference.get(conversation, []), hypothesis.get(conversation, [])
    errors = score_recording(turns, found)
    tree = _tree(args, conversation) if args.trees else None
    title = _title(conversation, turns, found, errors) if args.title is None else args.title
    return conversation_figure(turns, found, errors.mapping, tree, title)


def _check(args: argparse.Namespace) -> None:
    if len(args.pairs) % 2:
        raise ValueError(f"{len(args.pairs)} arguments: expected pairs, <conversation> <picture>")
    for picture in args.pairs[1::2]:
        if Path(picture).suffix[1:] not in FORMATS:
            raise ValueError(f"{picture}: expected a picture's name, which ends in .{' or .'.join(FORMATS)}")
    if args.trees and not (args.reco2utt and args.utt2spk):
        raise ValueError("--trees goes with --reco2utt and --utt2spk")
    matrices = [name for name in ("distances", "scores", "statistics") if getattr(args, name)]
    if len(matrices) > 1:
        raise ValueError("expected one of --distances, --scores and --statistics")
    if args.threshold is not None and args.selection:
        raise ValueError("expected one of --threshold and --selection")
    if matrices and not args.trees:
        raise ValueError(f"--{matrices[0]} goes with --trees")


def _title(conversation: str, turns: list, found: list, errors: DiarizationErrors) -> str:
    num_speakers, num_found = (len({turn.speaker for turn in side}) for side in (turns, found))
    numbers = f"{num_speakers} speaker{'s' if num_speakers != 1 else ''}, {num_found} found"
    return f"{conversation}: {numbers}, DER {100 * errors.der:.1f} %"


def _tree(args: argparse.Namespace, conversation: str) -> Tree:
    conversations = read_conversations(args.reco2utt)
    if conversation not in conversations:
        close = nearest(conversation, list(conversations))
        raise ValueError(f"{args.reco2utt}: no line of conversation {conversation!r}{close}")
    utterances = conversations[conversation]
    speakers = read_labels(args.utt2spk)
    lacking = next((utterance for utterance in utterances if utterance not in speakers), None)
    if lacking is not None:
        raise ValueError(f"{args.utt2spk}: no speaker of utterance {lacking!r} of conversation {conversation!r}")
    [(_, merges)] = read_trees(args.trees, {conversation: utterances}, args.reco2utt)
    cut = args.threshold
    if args.selection:
        cut = read_selection(args.selection).get("threshold")
    distances, name = _distances(args, conversation, utterances)
    return Tree([speakers[utterance] for utterance in utterances], merges, distances, cut, name)


def _distances(
    args: argparse.Namespace, conversation: str, utterances: list[str]
) -> tuple[np.ndarray | None, str]:
    if args.statistics:
        with RandomAccessTable(args.statistics, "matrix") as table:
            lacking = next((utterance for utterance in utterances if utterance not in table), None)
            if lacking is not None:
                raise ValueError(f"{args.statistics}: no statistics of utterance {lacking!r}")
            statistics = np.array([table[utterance] for utterance in utterances], np.float64)
        distance = make_distance(args.distance, args.bic_penalty, args.variance_floor)
        return distance.pairwise(statistics), f"{args.distance} distance"
    source = args.distances or args.scores
    if not source:
        return None, "distance"
    with RandomAccessTable(source, "matrix") as table:
        if conversation not in table:
            raise ValueError(f"{source}: no matrix of conversation {conversation!r}")
        matrix = table[conversation]
    if matrix.shape != (len(utterances),) * 2:
        raise ValueError(
            f"{source}: conversation {conversation!r}: a matrix of shape {matrix.shape}, but {len(utterances)} "
            f"utterances in {args.reco2utt}"
        )
    return (matrix, "distance") if args.distances else (-matrix, "distance (negative score)")


if __name__ == "__main__":
    run(main)
