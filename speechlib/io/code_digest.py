"""A digest of the code that decides what a command computes, so that nothing made by older code counts as up to date.

It covers the command's own module and the packages that compute, as far as the command's imports lead to them, those
within functions included. How files are read and written has no say in the values, and does not count.
"""

import hashlib
import re
import sys
from functools import cache
from pathlib import Path

_TOP = Path(__file__).resolve().parents[2]
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(speechlib[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+(speechlib[\w.]*))", re.M
)
_COMPUTING = "augment backend bin clustering experiments features gmm metrics nnet probing traits".split()


@cache
def running_command_digest() -> str:
    """The digest of the command that this process is; empty for a program that is none of ours."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name if spec is not None else ""
    return command_digest(name, _TOP) if name.startswith("speechlib.bin.") else ""


def command_digest(name: str, top: Path) -> str:
    """The digest of a command.

    Args:
        name: of its module, such as speechlib.bin.compute_feats.
        top: the folder in which the package speechlib lies.
    """
    digest = hashlib.sha256()
    for path in sorted(_closure(name, top)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(top)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _closure(name: str, top: Path) -> set[Path]:
    pending, found = [name], set()
    while pending:
        path = _source(pending.pop(), top)
        if path is None or path in found or path.relative_to(top).parts[1] not in _COMPUTING:
            continue
        found.add(path)
        text = path.read_text(encoding="utf-8")
        for package, names, module in _IMPORT.findall(text):
            pending += [package or module, *(f"{package}.{word}" for word in re.findall(r"\w+", names))]
        if "import_module(" in text:  # one of the package's modules, by a name that is known later
            pending += [f"{_module(path.parent, top)}.{other.stem}" for other in path.parent.glob("*.py")]
    return found


def _source(name: str, top: Path) -> Path | None:
    """The file of a module or package; None for a name within a module."""
    path = top.joinpath(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if len(candidate.relative_to(top).parts) > 2 and candidate.is_file():
            return candidate
    return None


def _module(folder: Path, top: Path) -> str:
    return ".".join(folder.relative_to(top).parts)
