"""Lists of files after their folder was moved or copied: the old place in them becomes the new one.

Kaldi's lists (*.scp) hold absolute paths, also inside specifiers (ark:/old/x.ark:123) and pipes. Where a copy's lists
were left as they are, it would read the original's files.
"""

import os
import re
import shutil
from collections.abc import Iterator

_END = rb"(?=[/\s:|\[\"']|$)"  # of a path's piece: /old is not in /older
_START = rb"(?<![^\s:=,\"'|<>(])"
_LISTS = (".scp", ".done", ".ini", ".tsv")
_PIECE = 1 << 16  # bytes of lines at a time


def relocate(folders: list[str], old: str, new: str) -> int:
    """Rewrite the lists below folders that name an old place.

    Args:
        folders: that are searched, links included as what they are.
        old: absolute path that the lists may have.
        new: absolute path instead of it.

    Returns:
        How many lists were rewritten.

    Raises:
        OSError: a list cannot be written; it is as it was.
    """
    pattern = re.compile(_START + re.escape(os.fsencode(old.rstrip("/"))) + _END, re.MULTILINE)
    return sum(_rewrite(path, pattern, os.fsencode(new.rstrip("/"))) for path in _lists(folders))


def _lists(folders: list[str]) -> Iterator[str]:
    for top in folders:
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(_LISTS) and os.path.isfile(path) and not os.path.islink(path):
                    yield path


def _rewrite(path: str, pattern: re.Pattern[bytes], new: bytes) -> bool:
    with open(path, "rb") as stream:
        while lines := stream.readlines(_PIECE):
            if pattern.search(b"".join(lines)):
                break
        else:
            return False
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(path, "rb") as source, open(temporary, "wb") as target:
            while lines := source.readlines(_PIECE):
                target.write(pattern.sub(lambda _: new, b"".join(lines)))
            target.flush()
            os.fsync(target.fileno())
        shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    return True
