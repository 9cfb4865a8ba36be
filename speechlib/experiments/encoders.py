"""Self-supervised networks for experiments: which one, and where its weights come from."""

from __future__ import annotations

import os
from typing import Any

from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.file_digest import file_digest
from speechlib.io.kaldi_conf import build_options, read_options


def describe_encoder(ini: ExperimentIni, section: str, weights_key: str, config_key: str, kind: str) -> dict[str, Any]:
    """Architecture and weights as JSON values, which decide the hidden states; nothing is loaded.

    Args:
        ini: of the experiment.
        section: that holds both keys.
        weights_key: a file of weights, or `random:<seed>`.
        config_key: a YAML file with the options of the network.
        kind: hubert, wav2vec2 or wavlm: its base network where there is no such file.

    Raises:
        ValueError: no weights are named, or they are not there.
    """
    weights, config = ini.get(section, weights_key), ini.get(section, config_key)
    if not weights:
        raise ini.error(
            section, weights_key, f"{weights_key} is missing: name a file of weights (torchaudio, fairseq or Hugging "
            "Face layout), or random:<seed> for an untrained network; nothing is downloaded"
        )  # fmt: skip
    options = read_options(config) if config else {"architecture": f"{kind}_base"}
    if weights.startswith("random:"):
        seed = weights.partition(":")[2]
        if not seed.isdigit():
            raise ini.error(section, weights_key, f"expected random:<seed>, such as random:0, got {weights!r}")
        return {"options": options, "random_weights": int(seed)}
    if not os.path.isfile(weights):
        raise ini.error(section, weights_key, f"there is no file {weights}")
    return {"options": options, "weights": os.fspath(weights), "sha256": file_digest(weights)}


def num_encoder_layers(description: dict[str, Any]) -> int:
    """Transformer layers of the network that was described; it is not built."""
    options = description["options"]
    if options.get("architecture") == "custom":
        return int(options["custom"].get("num_layers", 12))
    return 24 if "large" in str(options.get("architecture")) else 12


def load_encoder(description: dict[str, Any], source: str) -> tuple[Any, Any, str | None]:
    """Load a network.

    Args:
        description: `options` of the network, and its weights: the file `weights`, or the seed `random_weights`.
        source: where the options come from, for messages.

    Returns:
        The network, its options, and the layout that its file of weights had; None for random ones.

    Raises:
        ValueError: the weights do not fit the network; the tensor is named.
    """
    from speechlib.io.self_supervised_weights import read_weights
    from speechlib.nnet.self_supervised import NetworkOptions, build_network
    from speechlib.nnet.weight_layouts import convert_weights

    options = build_options(NetworkOptions, description["options"], source)
    if "random_weights" in description:
        return build_network(options, description["random_weights"]), options, None
    network = build_network(options)
    path = description["weights"]
    try:
        layout, weights = convert_weights(read_weights(path), network)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(f"{path}:") else f"{path}: {message}") from None
    network.load_state_dict(weights)
    return network, options, layout
