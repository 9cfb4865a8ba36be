"""Conversations as files: reco2utt, and a table of their trees of clusters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from speechlib.io.cli import nearest
from speechlib.io.map_tables import read_list_map
from speechlib.io.maps import write_map
from speechlib.io.tables import RandomAccessTable, TableWriter


def read_conversations(source: str) -> dict[str, list[str]]:
    """Read reco2utt: the utterances of each conversation.

    Args:
        source: a file of `<conversation> <utterance> ..` lines, or an rspecifier.

    Raises:
        ValueError: a line without utterances, an utterance that comes twice, or no line at all. OSError: no such file.
    """
    conversations = read_list_map(source)
    if not conversations:
        raise ValueError(f"{source}: no conversation; expected lines of '<conversation> <utterance> ..'")
    owner: dict[str, str] = {}
    for conversation, utterances in conversations.items():
        for utterance in utterances:
            if utterance in owner:
                raise ValueError(
                    f"{source}: utterance {utterance!r} is in {owner[utterance]!r} and in {conversation!r}: it can be "
                    "in one conversation only, once"
                )
            owner[utterance] = conversation
    return conversations


def write_tree(writer: TableWriter, conversation: str, tree: np.ndarray) -> None:
    """Write the tree of a conversation, (utterances - 1, 4) in scipy's form; an empty matrix for one utterance."""
    writer.write(conversation, np.asarray(tree, np.float64) if len(tree) else np.empty((0, 0)))


def read_trees(
    rspecifier: str, conversations: Mapping[str, list[str]], source: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Read the tree of each conversation, (utterances - 1, 4) float64.

    Args:
        rspecifier: of the trees.
        conversations: the utterances of each.
        source: where these come from, for messages.

    Raises:
        ValueError: a conversation without tree, or a matrix that is no tree of its utterances; names it.
    """
    with RandomAccessTable(rspecifier, "matrix") as trees:
        for conversation, utterances in conversations.items():
            if conversation not in trees:
                raise ValueError(
                    f"{rspecifier}: no tree of conversation {conversation!r}, which is in {source}"
                    f"{nearest(conversation, list(trees))}: cluster it first"
                )
            tree = np.asarray(trees[conversation], np.float64)
            num_merges = len(utterances) - 1
            if not num_merges and not tree.size:
                yield conversation, np.empty((0, 4))
                continue
            if tree.shape != (num_merges, 4) or not _is_tree(tree):
                raise ValueError(
                    f"{rspecifier}: conversation {conversation!r} has {len(utterances)} utterances in {source}, but "
                    f"its tree of shape {tree.shape} is none of {num_merges} merges of these: cluster it anew"
                )
            yield conversation, tree


def write_clusters(path: str | os.PathLike, clusters: Iterable[tuple[list[str], np.ndarray]]) -> None:
    """Write utt2cluster, numbers from 1, of each conversation's utterances and their clusters 0, 1, ..."""
    write_map(path, {
        utterance: int(number) + 1
        for utterances, numbers in clusters
        for utterance, number in zip(utterances, numbers, strict=True)
    })  # fmt: skip


def _is_tree(tree: np.ndarray) -> bool:
    pairs = tree[:, :2]
    num_items = len(tree) + 1
    ends = np.arange(len(tree))[:, None] + num_items
    whole = np.isfinite(tree).all() and (pairs == np.floor(pairs)).all() and (pairs >= 0).all() and (pairs < ends).all()
    return bool(whole) and len(np.unique(pairs)) == 2 * len(tree)
