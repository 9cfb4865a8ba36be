"""Stamps of finished jobs: a re-run redoes only what is incomplete or out of date (as make, but by content)."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import speechlib
from speechlib.io.atomic import write_json
from speechlib.io.code_digest import running_command_digest
from speechlib.io.file_digest import file_digest
from speechlib.io.json_files import read_json
from speechlib.io.maps import read_map
from speechlib.io.specifiers import split_offset

PathLike = str | os.PathLike


class Stamp:
    """The mark of a job that is done, with what its outputs were made from.

    Inputs are looked at when the stamp is made, before the work: one that changes meanwhile does not count as read.
    The code that computes counts, too (code_digest.py).

        stamp = Stamp(path, inputs, options, outputs)
        if not stamp.is_complete():
            stamp.begin()
            ...
            stamp.finish()

    Args:
        path: of the stamp.
        inputs: files that the job reads; their contents count, in this order, not their names or dates.
        options: whatever else decides the outputs; values must be JSON, or have a faithful `str`.
        outputs: files that the job writes; their sizes count.
    """

    def __init__(
        self, path: PathLike, inputs: Sequence[PathLike], options: Mapping[str, Any], outputs: Sequence[PathLike]
    ):
        self.path = Path(path)
        self._outputs = outputs
        text = json.dumps(dict(options), sort_keys=True, default=str)
        made_by = f"speechlib {speechlib.__version__} {running_command_digest()}"
        digest = hashlib.sha256(f"{made_by}\n{text}\n".encode())
        self._problem: OSError | None = None
        try:
            for input_path in inputs:
                # Each content's own digest is added, so that text moved from one file to the next does not go unseen.
                digest.update(bytes.fromhex(file_digest(input_path)))
        except OSError as error:  # the job will say it better
            self._problem = error
        self._digest = digest.hexdigest()

    def is_complete(self) -> bool:
        """Say whether the outputs are there and were made from these inputs with these options.

        Returns:
            False for any mismatch, for a missing input, output or stamp, and for a stamp that cannot be read.
        """
        try:
            return self._problem is None and read_json(self.path, "delete it") == self._state()
        except (OSError, ValueError):
            return False

    def begin(self) -> None:
        """Remove the stamp of earlier outputs: a job that is killed may leave them beside new ones of the same size."""
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Record that the job is done; call it after the outputs have their final names.

        Raises:
            OSError: an input or an output is missing, or the stamp cannot be written.
        """
        if self._problem is not None:
            raise self._problem
        write_json(self.path, self._state())

    def _state(self) -> dict[str, Any]:
        return {"sha256": self._digest, "sizes": {os.fspath(path): os.path.getsize(path) for path in self._outputs}}


def archive_states(*scripts: PathLike) -> list[tuple[str, int, int]]:
    """Names, sizes and dates of the files that scripts (scp) name: they are too big to be read only for a stamp.

    Args:
        scripts: files of `<key> <file>[:<offset>]` lines; what is no file (a pipe) does not count.
    """
    paths = sorted({split_offset(entry)[0] for script in scripts for entry in read_map(script).values()})
    return [(path, os.path.getsize(path), os.stat(path).st_mtime_ns) for path in paths if os.path.isfile(path)]
