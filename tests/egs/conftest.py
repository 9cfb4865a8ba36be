"""Copies of recipes to run: the repository's own folders stay as they are."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def copy_recipe(root: Path, tmp_path_factory) -> Callable[[str], Path]:
    """Makes a recipe directory of its own beside links to the repository's other folders."""

    def copy(name: str) -> Path:
        top = tmp_path_factory.mktemp("top")
        for folder in ("speechlib", "steps", "utils", "local"):
            (top / folder).symlink_to(root / folder)
        recipe = top / "egs" / name
        ignore = shutil.ignore_patterns("data", "exp", "results", "RESULTS.md", "__pycache__")
        shutil.copytree(root / "egs" / name, recipe, symlinks=True, ignore=ignore)
        return recipe

    return copy
