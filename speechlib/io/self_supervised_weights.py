"""Files of weights of self-supervised networks: torch.save's (.pt, .pth, .bin) and .safetensors; the published ones."""

from __future__ import annotations

import argparse
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechlib.io.download import download
from speechlib.io.safetensors import read_safetensors
from speechlib.io.tensor_files import load_tensors

if TYPE_CHECKING:
    from torch import Tensor

_NESTED = ("model", "state_dict")  # where fairseq, WavLM's authors and training frameworks keep the tensors


def read_weights(path: str | os.PathLike) -> dict[str, Tensor]:
    """Read the tensors of a network; the file's beginning tells which format it has. Nothing in it is run.

    Args:
        path: what torch.save wrote, tensors by name or with them in `model` or `state_dict`; or .safetensors.

    Returns:
        Tensor by name, as in the file.

    Raises:
        ValueError: it is damaged, or holds objects that are neither tensors nor plain values.
        OSError: it cannot be read.
    """
    import torch

    if os.path.isdir(path):
        raise IsADirectoryError(f"{path}: is a folder, expected a file of weights such as pytorch_model.bin in it")
    with open(path, "rb") as file:
        start = file.read(9)
    if start[8:9] == b"{" and not start.startswith((b"PK", b"\x80")):
        return {name: torch.from_numpy(array) for name, array in read_safetensors(path).items()}
    state = _load(path)
    for name in _NESTED:
        if isinstance(state, dict) and isinstance(state.get(name), dict):
            state = state[name]
    if not isinstance(state, dict) or not state:
        raise ValueError(f"{path}: expected tensors by name, found {type(state).__name__}")
    odd = [name for name, value in state.items() if not isinstance(value, torch.Tensor)]
    if odd:
        raise ValueError(f"{path}: {odd[0]} is no tensor but {type(state[odd[0]]).__name__}: expected tensors by name")
    return state


def fetch_weights(url: str, folder: str | os.PathLike | None = None) -> Path:
    """Published weights as a file, fetched if it is not there. Of several processes one fetches and the others wait.

    Args:
        url: address of the file.
        folder: where it belongs; None: where torchaudio and torch.hub keep theirs.

    Raises:
        OSError, ValueError: as `download`.
    """
    import torch

    target = Path(folder or Path(torch.hub.get_dir()) / "checkpoints") / url.rpartition("/")[2]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{target}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            download(url, target)
    return target


def _load(path) -> Any:
    # fairseq's older files hold their command line as a Namespace: a bag of values whose construction does nothing.
    try:
        return load_tensors(path, [argparse.Namespace], archives_only=False)
    except ValueError as error:
        text = str(error.__cause__ or error).removeprefix(f"{path}: ")
    if "git lfs" in text:  # that is its own mend
        raise ValueError(f"{path}: {text}")
    reason = text.strip().splitlines()[0] if text.strip() else "no reason given"
    if "Unsupported" in text or "GLOBAL" in text:
        raise ValueError(
            f"{path}: holds objects beside tensors and plain values, such as omegaconf's in newer fairseq files "
            f"({reason}), which are not loaded because they could run code. If you trust the file, re-save its weights "
            f"where fairseq is installed: torch.save(torch.load(FILE, weights_only=False)['model'], NEW_FILE)"
        )
    raise ValueError(f"{path}: no readable file of weights, it may be truncated ({reason}): fetch it again")
