"""Model folders: config.yaml (resolved), model.pt (weights only), train.log, and a checkpoint to resume from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from speechlib.io.atomic import atomic_write
from speechlib.io.kaldi_conf import read_options
from speechlib.io.tensor_files import load_tensors


class ModelFolder:
    """The files of one model.

    Args:
        path: the folder; made when something is first written.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.config = self.path / "config.yaml"
        self.weights = self.path / "model.pt"
        self.log = self.path / "train.log"
        self.checkpoint = self.path / "checkpoint.pt"
        self.stamp = self.path / "train.done.json"
        self.tensorboard = self.path / "tensorboard"

    def snapshot(self, update: int) -> Path:
        """Where the weights after an update before the last are kept, if that was asked for."""
        return self.path / f"model.{update}.pt"

    def snapshots(self) -> list[Path]:
        """Those that are there, by update."""
        found = (path for path in self.path.glob("model.*.pt") if path.name.split(".")[1].isdigit())
        return sorted(found, key=lambda path: int(path.name.split(".")[1]))

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the resolved configuration: numbers, text, lists and mappings."""
        import yaml

        self.path.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.config, "w") as file:
            yaml.safe_dump(_plain(config), file, sort_keys=False, allow_unicode=True, default_flow_style=None)

    def read_config(self) -> dict[str, Any]:
        """Read the configuration of a trained model.

        Raises:
            OSError: there is no such model.
            ValueError: it is no YAML mapping.
        """
        if not self.config.is_file():
            raise FileNotFoundError(f"{self.path}: no config.yaml there: expected the folder of a trained model")
        return read_options(self.config)

    def save_weights(self, state: Mapping[str, Any]) -> None:
        """Write model.pt crash-safely."""
        self.path.mkdir(parents=True, exist_ok=True)
        save_state(self.weights, state)

    def load_weights(self, model: Any) -> None:
        """Read model.pt into a torch module.

        Raises:
            OSError, ValueError: as `load_state`; or the weights are of another network.
        """
        state = load_state(self.weights)
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise ValueError(f"{self.weights}: does not fit {self.config}: {reason}") from None


def save_state(path: str | os.PathLike, state: Mapping[str, Any]) -> None:
    """Write tensors, numbers and text, nested in dicts and lists, with torch.save, crash-safely.

    Raises:
        OSError: the folder is missing or the disk is full.
    """
    import torch  # other commands use this package without torch

    with atomic_write(path) as file:
        torch.save(dict(state), file)


def load_state(path: str | os.PathLike) -> dict[str, Any]:
    """Read what `save_state` wrote, onto the CPU. Only tensors and plain values are accepted: the file runs no code.

    Raises:
        OSError: no such file.
        ValueError: it is damaged, or holds more than tensors and plain values.
    """
    try:
        state = load_tensors(path)
    except ValueError as error:
        said = str(error).removeprefix(f"{path}: ")
        if "git lfs" in said:  # that is its own mend
            raise
        raise ValueError(
            f"{path}: no readable file of weights, it may be truncated or hold more than tensors ({said}): "
            "delete it and train again"
        ) from None
    if not isinstance(state, dict):
        raise ValueError(f"{path}: expected a mapping of names to tensors, found {type(state).__name__}")
    return state


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
