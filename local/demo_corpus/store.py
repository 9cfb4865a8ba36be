"""Crash-safe writing of a whole corpus folder: made beside its place, then renamed; made anew if asked otherwise."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

STAMP = ".demo_corpus.json"
_PACKAGES = ("espeakng-loader", "numpy", "soxr")


def recipe_of(parameters: dict[str, object]) -> dict[str, object]:
    """Everything that the corpus' bytes depend on: the parameters, this package's source, and its libraries."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    versions = {}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {"parameters": parameters, "source": digest.hexdigest(), "versions": versions}


def _read_stamp(folder: Path) -> object:
    try:
        return json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return None


def make_once(out: Path, parameters: dict[str, object], write: Callable[[Path], str]) -> str | None:
    """Make the corpus folder `out` with `write(folder)` unless it is there already, made with the same recipe.

    The folder appears complete or not at all, also after a crash; several processes may ask for it at once.

    Returns:
        what `write` returned, or None if nothing was to be done.

    Raises:
        ValueError: `out` exists and is not a demo corpus: it is left alone.
    """
    recipe = recipe_of(parameters)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out.parent / f".{out.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _read_stamp(out) == recipe:
            return None
        if out.exists() and not (out / STAMP).is_file() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(f"{out} exists and is no demo corpus: name another folder, or remove it")
        new, old = (out.parent / f".{out.name}.{kind}" for kind in ("new", "old"))
        for leftover in (new, old):  # of a run that was killed; the lock says that it is not running
            if leftover.exists():
                shutil.rmtree(leftover)
        new.mkdir()
        try:
            summary = write(new)
            (new / STAMP).write_text(json.dumps(recipe, indent=1, sort_keys=True) + "\n")
            os.sync()
            if out.exists():
                out.rename(old)
            new.rename(out)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)
    return summary
