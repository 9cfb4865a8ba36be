"""Files that a command makes one by one in a folder of its own: a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from speechlib.io.stamps import Stamp

_STAMPS = ".stamps"


class MadeFiles:
    """A folder of files that are made when they are missing, or were made from something else.

    Args:
        folder: made when the first file is.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        self.num_made = self.num_kept = 0

    def make(self, name: str, options: Mapping[str, Any], write: Callable[[Path], None]) -> Path:
        """Make a file unless it is there and was made with these options.

        Args:
            name: of the file, below the folder.
            options: all that decides its contents, the contents of its sources included (by a hash).
            write: makes the file, whole or not at all.

        Returns:
            The file.
        """
        path = self.folder / name
        # Not beside the file: what lists audio must not meet them.
        mark = self.folder / _STAMPS / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"
        stamp = Stamp(mark, [], options, [path])
        if stamp.is_complete():
            self.num_kept += 1
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        mark.parent.mkdir(exist_ok=True)
        stamp.begin()
        write(path)
        stamp.finish()
        self.num_made += 1
        return path
