"""Folders of hidden states: states.scp, a matrix by utterance with the layers one below the other, and states.yaml."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speechlib.io.atomic import write_text
from speechlib.io.kaldi_conf import read_options
from speechlib.io.stamps import archive_states
from speechlib.io.tables import RandomAccessTable

_NEEDED = ("layers", "dim", "pooling", "random_weights")


def write_description(path: str | os.PathLike, description: Mapping[str, Any]) -> None:
    """Write states.yaml: which network, its weights, `layers`, `dim`, `pooling` and `random_weights`."""
    import yaml

    write_text(path, yaml.safe_dump(dict(description), sort_keys=False, default_flow_style=None))


class HiddenStates:
    """Hidden states of utterances, read by name.

    Args:
        folder: as steps/extract_hidden_states.sh leaves it.

    Attributes:
        script: states.scp.
        description: the content of states.yaml.
        layers: numbers of the layers, counted from 1.
        dim: values of a hidden state.
        pooling: `none`, or `mean`: over time, one row a layer.
        random_weights: whether the network was untrained.

    Raises:
        OSError: a file of the folder is missing.
        ValueError: states.yaml does not say what it should.
    """

    def __init__(self, folder: str | os.PathLike):
        self.script, path = Path(folder) / "states.scp", Path(folder) / "states.yaml"
        for file in (self.script, path):
            if not file.is_file():
                raise FileNotFoundError(f"{file}: not there; run steps/extract_hidden_states.sh first, or once more")
        self.description = read_options(path)
        missing = [name for name in _NEEDED if name not in self.description]
        if missing:
            raise ValueError(f"{path}: {', '.join(missing)} missing: run steps/extract_hidden_states.sh once more")
        self.layers: list[int] = list(self.description["layers"])
        self.dim, self.pooling, self.random_weights = (self.description[name] for name in _NEEDED[1:])
        self._table = RandomAccessTable(f"scp:{self.script}", "matrix")

    def __contains__(self, utterance: str) -> bool:
        return utterance in self._table

    def __getitem__(self, utterance: str) -> np.ndarray:
        """(layers, frames, dim) float32 of an utterance.

        Raises:
            KeyError: no such utterance.
            ValueError: the matrix does not have that form.
        """
        matrix = self._table[utterance]
        if matrix.shape[1] != self.dim or matrix.shape[0] % len(self.layers):
            raise ValueError(
                f"{self.script}: {utterance} is a matrix {matrix.shape[0]} x {matrix.shape[1]}, expected frames of "
                f"{len(self.layers)} layers with {self.dim} values: extract the hidden states once more"
            )
        return matrix.reshape(len(self.layers), -1, self.dim)

    def state(self) -> str:
        """What tells these hidden states from others: entries of the script, sizes and dates of the archives."""
        return f"{hashlib.sha256(self.script.read_bytes()).hexdigest()} {archive_states(self.script)}"
