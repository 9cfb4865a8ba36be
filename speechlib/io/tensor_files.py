"""Files of torch.save read as what they may hold, tensors and plain values: nothing in them is run, nothing inflates.

torch.load(weights_only=True) builds no other objects, and reads the archive of numbers as it lies. What is left to do
here: an archive may be compressed (torch.save never compresses), so that a few bytes become as many as the memory has;
and a tensor may claim to be larger than its numbers, each standing for many.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

_LFS = b"version https://git-lfs"


def load_tensors(path: str | os.PathLike, extra: Iterable[type] = (), archives_only: bool = True) -> Any:
    """Read a file of torch.save onto the CPU.

    Args:
        path: the file.
        extra: types that may be in it beside tensors and plain values; their construction must do nothing.
        archives_only: refuse the format from before 2020, which takes its memory before it looks at the file's size.

    Returns:
        Tensors, numbers and texts, nested in dicts, lists and tuples.

    Raises:
        ValueError: it is damaged, holds other objects, or more than its size. OSError: it cannot be read.
    """
    import torch

    with open(path, "rb") as file:
        start = file.read(64)
        if start.startswith(_LFS):
            raise ValueError(f"{path}: a Git LFS pointer instead of the weights: fetch it with 'git lfs pull'")
        if start.startswith(b"PK"):
            check_stored(path)
        elif archives_only:
            raise ValueError(f"{path}: no file of torch.save, or in its format from before 2020")
        file.seek(0)
        with torch.serialization.safe_globals(list(extra)) if extra else nullcontext():
            try:
                state = torch.load(file, map_location="cpu", weights_only=True)
                _check_sizes(state)
            except Exception as error:  # torch has no common class for what can be wrong with a file
                lines = str(error).strip().splitlines()
                raise ValueError(f"{path}: {lines[0] if lines else type(error).__name__}") from error
    return state


def check_stored(path: str | os.PathLike) -> None:
    """Raise a ValueError unless a zip archive is sound and uncompressed: then it holds no more than its own size."""
    size = os.path.getsize(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: a damaged archive ({error})") from None
    packed = [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]
    if packed:
        raise ValueError(f"{path}: {packed[0]!r} in it is compressed, which our files never are: not read")
    if sum(member.file_size for member in members) > size:
        raise ValueError(f"{path}: what is in it is said to be larger than the file: damaged")


def _check_sizes(value: Any) -> None:
    import torch

    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError("a tensor in it claims more numbers than it has")
    elif isinstance(value, Mapping):
        for item in value.values():
            _check_sizes(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            _check_sizes(item)
