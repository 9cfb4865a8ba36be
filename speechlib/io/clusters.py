"""Files of a clustering: labels (utt2spk, utt2cluster), the tree of merges, and the scores of every cut."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from speechlib.io.atomic import write_text
from speechlib.io.maps import read_map, split_blanks, write_map
from speechlib.io.text_files import read_lines, read_text

CURVE_COLUMNS = ("num_clusters", "distance", "mr_strict", "mr_hungarian", "purity")


def read_labels(path: str | os.PathLike) -> dict[str, str]:
    """Read a file of `item label` lines, such as utt2spk or utt2cluster, with at least one line.

    Raises:
        ValueError: as `speechlib.io.maps.read_map`; the file is empty; or a label is not one word.
        OSError: the file cannot be read.
    """
    labels = read_map(path)
    if not labels:
        raise ValueError(f"{path}: the file is empty; expected lines of '<item> <label>'")
    for line, (item, label) in enumerate(labels.items(), 1):
        if split_blanks(label) != [label]:
            raise ValueError(f"{path}:{line}: '{item}' has the label '{label}'; expected one word")
    return labels


def check_same_items(first: Iterable[str], first_name, second: Iterable[str], second_name) -> list[str]:
    """The sorted items of two collections that must hold the same ones.

    Args:
        first, second: the items.
        first_name, second_name: the files they come from, for the message.

    Raises:
        ValueError: an item is in one of them only; names the first few and the file that lacks them.
    """
    first, second = set(first), set(second)
    for has, has_name, lacks, lacks_name in (
        (first, first_name, second, second_name),
        (second, second_name, first, first_name),
    ):
        stray = sorted(has - lacks)
        if stray:
            shown = ", ".join(stray[:5]) + (", ..." if len(stray) > 5 else "")
            raise ValueError(
                f"{lacks_name}: {len(stray)} of the {len(has)} items of {has_name} are missing: {shown}; "
                f"both must hold the same items"
            )
    return sorted(first)


def write_tree(folder: str | os.PathLike, items: Sequence[str], tree: np.ndarray) -> None:
    """Write `linkage.txt` and `leaves` into a folder.

    `linkage.txt` is a Kaldi text matrix in scipy's form, a merge per row: two clusters, their distance, items in the
    result. `leaves` says which item is which leaf of the tree: `<item> <number>`.

    Args:
        folder: must exist.
        items: (items,) names, sorted.
        tree: (items - 1, 4) merges.
    """
    # Written by hand, because the distances need all their digits: rounded, equal merges would change places.
    rows = [f"  {int(one)} {int(two)} {float(distance)!r} {int(size)}" for one, two, distance, size in tree]
    text = " [\n" + "\n".join(rows) + " ]\n" if rows else " [ ]\n"
    write_text(os.path.join(folder, "linkage.txt"), text)
    write_map(os.path.join(folder, "leaves"), {item: leaf for leaf, item in enumerate(items)})


def read_tree(folder: str | os.PathLike) -> tuple[list[str], np.ndarray]:
    """Read what `write_tree` wrote.

    Returns:
        The items by leaf number, and the (items - 1, 4) tree.

    Raises:
        ValueError: the files do not fit together.
        OSError: one cannot be read.
    """
    path = os.path.join(folder, "linkage.txt")
    fields = read_text(path).split()
    leaves = read_labels(os.path.join(folder, "leaves"))
    try:
        if fields[:1] != ["["] or fields[-1:] != ["]"]:
            raise ValueError("no brackets")
        tree = np.array([float(field) for field in fields[1:-1]]).reshape(-1, 4)
        order = sorted(leaves, key=lambda item: int(leaves[item]))
        if [int(leaves[item]) for item in order] != list(range(len(tree) + 1)):
            raise ValueError("leaves that are not 0, 1, ...")
    except ValueError as error:
        raise ValueError(
            f"{path}: expected a Kaldi text matrix of 4 columns, one row fewer than there are leaves ({error}); "
            f"write it anew with cluster_embeddings"
        ) from None
    return order, tree


def write_curve(path: str | os.PathLike, columns: Mapping[str, Sequence[float]]) -> None:
    """Write the scores of every cut as tab-separated columns with a title line, see `CURVE_COLUMNS`."""
    lines = ["\t".join(CURVE_COLUMNS)]
    for row in zip(*(columns[name] for name in CURVE_COLUMNS), strict=True):
        lines.append("\t".join(f"{value:.10g}" for value in row))
    write_text(path, "\n".join(lines) + "\n")


def read_curve(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read what `write_curve` wrote: (cuts,) arrays by column name.

    Raises:
        ValueError: other columns, or no numbers in them; with file and line.
        OSError: the file cannot be read.
    """
    title, *lines = read_lines(path) or [""]
    if tuple(title.split("\t")) != CURVE_COLUMNS:
        raise ValueError(f"{path}:1: expected the columns {', '.join(CURVE_COLUMNS)}")
    rows = []
    for number, line in enumerate(lines, 2):
        try:
            rows.append([float(field) for field in line.split("\t")])
            if len(rows[-1]) != len(CURVE_COLUMNS):
                raise ValueError
        except ValueError:
            raise ValueError(f"{path}:{number}: expected {len(CURVE_COLUMNS)} numbers, got '{line}'") from None
    table = np.array(rows).reshape(-1, len(CURVE_COLUMNS))
    return {name: table[:, column] for column, name in enumerate(CURVE_COLUMNS)}
