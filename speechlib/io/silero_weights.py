"""Where the weights of Silero's voice activity detector come from: the package silero-vad, an optional extra.

The package holds its networks as TorchScript, which is a program and a pickle, and as ONNX, which wants a runtime. Of
the latter we read the numbers, those of the network for 8 kHz and of that for 16 kHz; the package's code is never
imported. (Its safetensors file has the numbers of an older network.)
"""

from __future__ import annotations

import os

import numpy as np

from speechlib.io.onnx_tensors import read_onnx_tensors

_FILE = os.path.join("data", "silero_vad.onnx")
_BRANCHES = {16000: "then_branch", 8000: "else_branch"}  # of the model's "is the rate 16 kHz?"


def read_silero_weights(rate: int) -> dict[str, np.ndarray]:
    """Read the weights of the network for audio of a rate from the installed package.

    Args:
        rate: 8000 or 16000 Hz.

    Returns:
        Array by name as in the TorchScript model, such as `decoder.rnn.weight_ih`.

    Raises:
        ImportError: the package is not installed, or a version of it without this file.
        ValueError: the file is damaged.
    """
    import importlib.util  # only this option needs it

    spec = importlib.util.find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("the silero detector needs the package silero-vad (MIT): pip install 'silero-vad>=6.2'")
    path = os.path.join(spec.submodule_search_locations[0], _FILE)
    if not os.path.isfile(path):
        raise ImportError(f"{path} is not there: this version of silero-vad lacks it: pip install 'silero-vad>=6.2'")
    weights = {}
    for name, array in read_onnx_tensors(path).items():
        if _BRANCHES[rate] in name:
            weights[name.rpartition("__")[2]] = array
    return weights
