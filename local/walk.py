"""Look through a corpus' folders."""

import os
from collections.abc import Iterator
from pathlib import Path


def walk(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders in path order with their files' names; links are followed, each real folder once.

    Raises:
        OSError: a folder cannot be read.
    """
    seen: set[str] = set()
    for path, folders, names in os.walk(top, followlinks=True, onerror=_raise):
        real = os.path.realpath(path)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield Path(path), sorted(names)


def _raise(error: OSError) -> None:
    raise error
