"""Stamps of finished jobs: a re-run redoes only what is incomplete or out of date (as make, but by content)."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import speechlib
from speechlib.io.atomic import write_json
from speechlib.io.file_digest import file_digest
from speechlib.io.json_files import read_json
from speechlib.io.maps import read_map
from speechlib.io.specifiers import split_offset

PathLike = str | os.PathLike


def is_complete(
    stamp_path: PathLike, inputs: Sequence[PathLike], options: Mapping[str, Any], outputs: Sequence[PathLike]
) -> bool:
    """Say whether a job's outputs are there and were made from these inputs with these options.

    Args:
        stamp_path: file that `mark_complete` wrote.
        inputs: files that the job reads; their contents count, in this order, not their names or dates.
        options: whatever else decides the outputs; values must be JSON, or have a faithful `str`.
        outputs: files that the job writes; their sizes count.

    Returns:
        False for any mismatch, for a missing input, output or stamp, and for a stamp that cannot be read.
    """
    try:
        stamp = read_json(stamp_path, "delete it")
        return stamp == _stamp(inputs, options, outputs)
    except (OSError, ValueError):
        return False


def mark_complete(
    stamp_path: PathLike, inputs: Sequence[PathLike], options: Mapping[str, Any], outputs: Sequence[PathLike]
) -> None:
    """Record that a job is done; call it after the outputs have their final names.

    Raises:
        OSError: an input or an output is missing, or the stamp cannot be written.
    """
    write_json(stamp_path, _stamp(inputs, options, outputs))


def archive_states(*scripts: PathLike) -> list[tuple[str, int, int]]:
    """Names, sizes and dates of the files that scripts (scp) name: they are too big to be read only for a stamp.

    Args:
        scripts: files of `<key> <file>[:<offset>]` lines; what is no file (a pipe) does not count.
    """
    paths = sorted({split_offset(entry)[0] for script in scripts for entry in read_map(script).values()})
    return [(path, os.path.getsize(path), os.stat(path).st_mtime_ns) for path in paths if os.path.isfile(path)]


def _stamp(inputs: Sequence[PathLike], options: Mapping[str, Any], outputs: Sequence[PathLike]) -> dict[str, Any]:
    text = json.dumps(dict(options), sort_keys=True, default=str)
    digest = hashlib.sha256(f"speechlib {speechlib.__version__}\n{text}\n".encode())
    for path in inputs:
        # Each content's own digest is added, so that text moved from one file to the next does not go unseen.
        digest.update(bytes.fromhex(file_digest(path)))
    return {"sha256": digest.hexdigest(), "sizes": {os.fspath(path): os.path.getsize(path) for path in outputs}}
