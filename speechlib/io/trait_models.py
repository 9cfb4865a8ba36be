"""Folders of trained trait models: about.json, and an estimator (skops) or the weights of a network; no pickles.

skops writes scikit-learn's estimators as JSON and arrays, and builds nothing on loading but the types listed here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechlib.io.atomic import atomic_write, write_json
from speechlib.io.estimator_checks import check_estimator
from speechlib.io.json_files import read_json
from speechlib.io.tensor_files import check_stored, load_tensors

ABOUT, ESTIMATOR, WEIGHTS = "about.json", "estimator.skops", "weights.pt"
# Trees of scikit-learn that skops does not know by itself: plain containers of arrays.
_TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree")


def write_trait_model(
    folder: str | os.PathLike, about: Mapping[str, Any], estimator: Any = None, weights: Mapping[str, Any] | None = None
) -> None:
    """Write a model; about.json comes last, so that a folder with it is complete.

    Args:
        folder: made if need be; what was there is replaced.
        about: JSON values: classes, settings, scaling, features, the experiment's INI.
        estimator: of scikit-learn, or a list of such; or
        weights: of a network, by name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (ABOUT, ESTIMATOR, WEIGHTS):
        (folder / name).unlink(missing_ok=True)
    if weights is not None:
        import torch

        with atomic_write(folder / WEIGHTS) as file:
            torch.save(dict(weights), file)
    else:
        import skops.io

        with atomic_write(folder / ESTIMATOR) as file:
            file.write(skops.io.dumps(estimator))
    write_json(folder / ABOUT, about)


def read_trait_model(folder: str | os.PathLike) -> tuple[dict[str, Any], Any, dict[str, Any] | None]:
    """Read a model.

    Returns:
        What `write_trait_model` got: about, the estimator or None, the weights or None.

    Raises:
        FileNotFoundError: there is no complete model in the folder.
        ValueError: a file is damaged, or holds types that no trait model has.
    """
    folder = Path(folder)
    if not (folder / ABOUT).is_file():
        raise FileNotFoundError(f"{folder}: no model here: run the experiment with save = True in [EXP]")
    about = read_json(folder / ABOUT, "run the experiment again")
    if not isinstance(about, dict):
        raise ValueError(f"{folder / ABOUT}: expected a JSON object: run the experiment again")
    if (folder / WEIGHTS).is_file():
        return about, None, _load_weights(folder / WEIGHTS)
    path = folder / ESTIMATOR
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there: run the experiment again")
    import skops.io

    try:
        check_stored(path)
        strange = sorted(set(skops.io.get_untrusted_types(file=path)) - set(_TRUSTED))
        estimator = None if strange else skops.io.load(path, trusted=list(_TRUSTED))
        check_estimator(estimator)
    except Exception as error:  # skops has no class of its own for damaged files
        raise ValueError(f"{path}: not a readable model ({error}): run the experiment again") from None
    if strange:
        raise ValueError(f"{path}: holds {', '.join(strange)}, which no model of ours has: it is not loaded")
    return about, estimator, None


def _load_weights(path: Path) -> dict[str, Any]:
    try:
        return load_tensors(path)
    except ValueError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: no readable weights ({said}): run the experiment again") from None
