"""The model zoo: one network a file, found by the file's name.

A speaker model's file holds the dataclass `Options`, all with defaults, and `build(options, input_dim, num_classes)`,
which returns a `speechlib.nnet.embedding_model.EmbeddingModel`. A new file is a new model: `model: {name: <file>, ...}`
in a configuration finds it, and everything else in that section are its Options.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def model_names() -> list[str]:
    """Names of the speaker models that there are."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return sorted(module.__name__.rpartition(".")[2] for module in modules if hasattr(module, "build"))


def find_model(name: str) -> ModuleType:
    """The module of a speaker model, with `Options` and `build`.

    Raises:
        ValueError: there is no model of that name; those that are there are named.
    """
    names = model_names()
    if name not in names:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(names)}")
    return importlib.import_module(f"{__name__}.{name}")
