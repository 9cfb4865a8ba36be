"""Estimators of scikit-learn from files: numbers that its compiled code takes for places in memory, checked.

Nodes of trees name their children and the column that they look at, support vector machines how many vectors each
class has. The compiled code follows them blindly: a damaged model would end the interpreter, or never end a prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def check_estimator(estimator: Any) -> None:
    """Look at all trees and support vector machines in an estimator, or in a list of them.

    Raises:
        ValueError: something points where nothing is; says what.
    """
    parts = list(_parts(estimator))
    widths = {int(part.n_features_in_) for part in parts if "n_features_in_" in getattr(part, "__dict__", ())}
    for part in parts:
        if type(part).__name__ == "Tree":
            widths.add(int(part.n_features))
            inner = part.children_left != -1
            _check_nodes(part.children_left[inner], part.children_right[inner], part.feature[inner],
                         np.flatnonzero(inner), part.node_count, min(widths))  # fmt: skip
        elif type(part).__name__ == "TreePredictor":
            nodes = part.nodes
            inner = nodes["is_leaf"] == 0
            _check_nodes(nodes["left"][inner], nodes["right"][inner], nodes["feature_idx"][inner],
                         np.flatnonzero(inner), len(nodes), min(widths, default=0))  # fmt: skip
            if nodes["is_categorical"].any():
                raise ValueError("a tree with categories, which no model of ours has")
        elif "_dual_coef_" in getattr(part, "__dict__", ()):
            _check_support(part)


def _check_nodes(
    left: np.ndarray, right: np.ndarray, column: np.ndarray, number: np.ndarray, num_nodes: int, num_columns: int
) -> None:
    """Children come after their parents, so that each path ends."""
    for child in (left, right):
        if not ((child > number) & (child < num_nodes)).all():
            raise ValueError("a tree with a branch that leads nowhere")
    if not num_nodes or not ((column >= 0) & (column < num_columns)).all():
        raise ValueError("a tree that looks at a column that is not there")


def _check_support(machine: Any) -> None:
    vectors, counts, weights = machine.support_vectors_, np.asarray(machine._n_support), machine._dual_coef_
    num_classes = len(machine.classes_) if hasattr(machine, "classes_") else 2
    rows = max(num_classes - 1, 1)
    fits = (
        vectors.ndim == 2
        and vectors.shape[1] == machine.n_features_in_
        and counts.shape == (num_classes,)
        and (counts >= 0).all()
        and (counts.sum() if hasattr(machine, "classes_") else counts.max()) == len(vectors)
        and len(machine.support_) == len(vectors)
        and weights.shape == (rows, len(vectors))
        and machine._intercept_.shape == (num_classes * (num_classes - 1) // 2,)
        and all(len(table) in (0, len(machine._intercept_)) for table in (machine._probA, machine._probB))
    )
    if not fits:
        raise ValueError("a support vector machine whose parts do not fit together")


def _parts(value: Any) -> Iterator[Any]:
    """Objects in an estimator: itself, its attributes, and what lists, dicts and arrays of objects hold."""
    waiting, kept, seen = [value], [], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type | None):
            continue
        seen.add(id(part))
        kept.append(part)  # its id stays its own
        if isinstance(part, list | tuple | set):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, np.ndarray):
            waiting.extend(part.ravel().tolist() if part.dtype == object else ())
        else:
            yield part
            waiting.extend(getattr(part, "__dict__", {}).values())
