"""Trained speaker networks from their folders; what knows networks is handed in, so that this stays about files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from speechlib.io.checkpoints import ModelFolder, load_state
from speechlib.io.kaldi_conf import build_options


def read_network_config(folder: ModelFolder) -> dict[str, Any]:
    """The configuration of a speaker network.

    Raises:
        OSError: there is no such model.
        ValueError: it is the folder of another kind of network.
    """
    config = folder.read_config()
    if not isinstance(config.get("model"), Mapping) or "name" not in config["model"] or "frontend" not in config:
        raise ValueError(
            f"{folder.config}: expected the sections model (with a name) and frontend, as train_nnet "
            "writes them: is this the folder of another kind of network?"
        )
    if not isinstance(config.get("input_dim"), int):
        raise ValueError(f"{folder.config}: expected input_dim, as train_nnet writes it")
    return config


def load_network(
    folder: ModelFolder, find: Callable[[str], ModuleType], load: Callable[[Any, Mapping[str, Any]], None]
) -> Any:
    """A network with its weights, on the CPU, in training mode as it was made.

    Args:
        folder: of a trained network.
        find: from a model's name to its module, with `Options` and `build` (`speechlib.nnet.models.find_model`).
        load: puts weights into a model (`speechlib.nnet.embedding_model.load_embedding_weights`).

    Raises:
        OSError: there is no such model, or it has no weights.
        ValueError: configuration and weights do not belong together, or one of them is damaged; names the folder.
    """
    try:
        model = _build(folder, read_network_config(folder), find, 2)  # the output layer has no part in embeddings
        load(model, load_state(folder.weights))
    except ValueError as error:
        raise ValueError(str(error) if str(folder.path) in str(error) else f"{folder.path}: {error}") from None
    return model


def build_untrained(folder: ModelFolder, find: Callable[[str], ModuleType], set_seed: Callable[[int], object]) -> Any:
    """A network as it was before the first update of its training: the same weights, drawn again.

    Args:
        folder: of the trained network.
        find: as for `load_network`.
        set_seed: of the generator that draws weights (`torch.manual_seed`).

    Raises:
        OSError, ValueError: as for `load_network`; or the configuration does not say seed and speakers.
    """
    config = read_network_config(folder)
    if not isinstance(config.get("seed"), int) or not isinstance(config.get("speakers"), list):
        raise ValueError(f"{folder.config}: expected seed and speakers, as train_nnet writes them")
    set_seed(config["seed"])
    return _build(folder, config, find, len(config["speakers"]))


def _build(
    folder: ModelFolder, config: Mapping[str, Any], find: Callable[[str], ModuleType], num_classes: int
) -> Any:
    section = dict(config["model"])
    try:
        module = find(str(section.pop("name")))
        return module.build(build_options(module.Options, section, folder.config), config["input_dim"], num_classes)
    except ValueError as error:
        raise ValueError(str(error) if str(folder.path) in str(error) else f"{folder.path}: {error}") from None
