"""A cache of features by content: what was computed of the same audio with the same options by the same code.

The key of an entry is a hash of the audio file's bytes and of the piece that is meant; entries of one way of computing
lie in a folder named by a hash of its description. A file, an option or a line of code that changes leads elsewhere:
nothing stale is found. Entries are written in shards under names of their own, each whole or not at all, so that a
killed run loses nothing and several may run at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import speechlib
from speechlib.io.atomic import atomic_write, write_json
from speechlib.io.file_digest import file_digest
from speechlib.io.samples import Samples
from speechlib.io.tensor_files import check_stored

# What decides the samples that any features are computed from, at which rate.
_READING = ("augment/speed.py", "experiments/extractor.py",
            *(f"io/{name}.py" for name in ("audio", "recording", "pcm", "riff", "sphere", "segments")))  # fmt: skip


class FeatureStore:
    """Entries of one way of computing.

    Args:
        root: folder of all stores.
        kind: of the features, begins the folder's name.
        description: JSON values that decide the features: options, versions, hashes of code and models.
    """

    def __init__(self, root: str | os.PathLike, kind: str, description: Mapping[str, Any]):
        text = json.dumps(description, sort_keys=True)
        self.folder = Path(root) / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self._description = dict(description)

    def read(self, keys: Iterable[str]) -> dict[str, np.ndarray]:
        """The entries that are there, by key: (columns,) or (frames, columns) float32.

        A damaged shard counts as not there: what it held is computed again.
        """
        wanted = set(keys)
        found: dict[str, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.npz")):
            try:
                found.update(_read_shard(path, wanted - found.keys()))
            except Exception:  # noqa: S112 - numpy has no common class for what can be wrong with a file
                continue
        return found

    def write(self, entries: Mapping[str, np.ndarray]) -> None:
        """Add entries of one kind, all (columns,) or all (frames, columns); nothing happens without any."""
        if not entries:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "about.json").exists():
            write_json(self.folder / "about.json", self._description)
        keys = sorted(entries)
        arrays = [np.asarray(entries[key], np.float32) for key in keys]
        rows = [-1 if array.ndim == 1 else len(array) for array in arrays]
        values = np.concatenate([np.atleast_2d(array) for array in arrays])
        buffer = io.BytesIO()
        np.savez(buffer, keys=np.array(keys), rows=np.array(rows, np.int64), values=values)
        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:24]
        with atomic_write(self.folder / f"{name}.npz") as file:
            file.write(buffer.getvalue())


def sample_keys(samples: Samples) -> list[str]:
    """The key of each sample: a hash of its audio's bytes and of the piece that it is."""
    digests: dict[str, str] = {}
    keys = []
    for row, entry in enumerate(samples.entries):
        if entry not in digests:
            digests[entry] = _entry_digest(samples, row)
        place = f"{digests[entry]} {samples.starts[row]:.6f} {samples.ends[row]:.6f} {samples.channels[row]}"
        keys.append(hashlib.sha256(place.encode()).hexdigest())
    return keys


def code_digest(*packages: str) -> str:
    """Hash of the source of packages or modules of speechlib, such as `features`, and of what reads audio."""
    root = Path(speechlib.__file__).parent
    digest = hashlib.sha256(speechlib.__version__.encode())
    for package in (*_READING, *packages):
        place = root / package
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _entry_digest(samples: Samples, row: int) -> str:
    entry = samples.entries[row]
    if os.path.isfile(entry):
        return file_digest(entry)
    # A command, or a place in an archive: its samples, whole, stand for it.
    whole = samples.take([row])
    whole.starts[:], whole.ends[:] = 0.0, -1.0
    audio, rate = whole.audio(0)
    return hashlib.sha256(f"{rate}\n".encode() + audio.tobytes()).hexdigest()


def _read_shard(path: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """Those of the wanted entries that a shard has; any exception if it is damaged."""
    check_stored(path)
    with np.load(path, allow_pickle=False) as shard:
        names = [str(name) for name in shard["keys"]]
        hits = [place for place, name in enumerate(names) if name in wanted]
        if not hits:
            return {}
        rows, values = shard["rows"], shard["values"]
    if rows.dtype.kind != "i" or rows.shape != (len(names),) or values.dtype != np.float32 or values.ndim != 2:
        raise ValueError(f"{path}: rows {rows.dtype} {rows.shape} and values {values.dtype} {values.shape}")
    if np.abs(rows).sum() != len(values) or (rows < -1).any():
        raise ValueError(f"{path}: {len(values)} rows for entries of {np.abs(rows).sum()}")
    return {names[place]: _piece(rows, values, place) for place in hits}


def _piece(rows: np.ndarray, values: np.ndarray, place: int) -> np.ndarray:
    lengths = np.abs(rows)
    start = int(lengths[:place].sum())
    piece = values[start : start + int(lengths[place])]
    return piece[0] if rows[place] < 0 else piece
