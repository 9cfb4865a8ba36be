"""Features of samples: computed by an extractor, kept in the store, joined column by column."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.experiments.extractor import Extractor, FrameExtractor
from speechlib.experiments.extractors import make_extractors
from speechlib.experiments.gate import read_selection
from speechlib.io.bad_audio import BadAudio
from speechlib.io.cli import nearest
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.feature_store import FeatureStore, sample_keys
from speechlib.io.samples import Samples

SHARD = 64  # entries computed between two writes of the store
REPORT_SECONDS = 30.0


@dataclass
class FeatureTable:
    """Features of samples.

    Args:
        names: of the columns, or of the coefficients of a frame.
        values: (rows, columns), or a list of (frames, coefficients).
        notes: licences and the like, to be said once.
    """

    names: list[str]
    values: np.ndarray | list[np.ndarray]
    notes: list[str]


def extract_features(
    ini: ExperimentIni,
    samples: Samples,
    on_frames: bool,
    store: str,
    say: Callable[[str], None],
    columns: Sequence[str] | None = None,
) -> FeatureTable:
    """Features of all samples by FEATS.type.

    Args:
        ini: of the experiment.
        samples: in this order.
        on_frames: the model takes sequences of frames; others get their mean and standard deviation.
        store: folder of the feature stores.
        say: is told about progress.
        columns: to take, whatever FEATS.features says.

    Raises:
        ValueError: samples that give no finite features (all are listed), or kinds that do not go together.
    """
    fresh = any(ini.get(*key) for key in (("FEATS", "needs_feature_extraction"), ("FEATS", "no_reuse"),
                                          ("DATA", "no_reuse")))  # fmt: skip
    extractors = make_extractors(ini, on_frames)
    computed = any(extractor.description is not None for extractor in extractors)
    keys = sample_keys(samples) if computed else None  # every file is hashed once, whatever the number of kinds
    values = [compute(extractor, samples, store, fresh, say, keys) for extractor in extractors]
    return _table(ini, extractors, values, samples.names, on_frames, columns)


class AudioFeatures:
    """Features of audio that belongs to no database; nothing is read from the store, or left there.

    Args:
        ini, on_frames, columns: as for `extract_features`.
    """

    def __init__(self, ini: ExperimentIni, on_frames: bool, columns: Sequence[str] | None = None):
        self._ini, self._on_frames, self._columns = ini, on_frames, columns
        self._extractors = make_extractors(ini, on_frames)

    @property
    def digest(self) -> str:
        """Hash of what decides the features: kinds, options, networks, and the code that computes them."""
        text = json.dumps([[extractor.kind, extractor.description] for extractor in self._extractors], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def __call__(self, audio: np.ndarray, rate: int) -> FeatureTable:
        """The table, of one row, of (samples,) float32 in int16 range.

        Raises:
            ValueError: the audio gives no finite features.
        """
        values = [[extractor.compute(audio, rate)] for extractor in self._extractors]
        return _table(self._ini, self._extractors, values, ["the recording"], self._on_frames, self._columns)


def compute(
    extractor: Extractor,
    samples: Samples,
    store_root: str,
    fresh: bool,
    say: Callable[[str], None],
    keys: Sequence[str] | None = None,
) -> list[np.ndarray]:
    """Features of one extractor, from the store where they are, in the order of the samples.

    Args:
        extractor, samples: what computes, and of what.
        store_root: folder of the feature stores.
        fresh: compute all anew.
        say: is told about progress.
        keys: (rows,) `sample_keys`, where the caller has them.

    Raises:
        ValueError: samples that give no features; all are listed.
    """
    if extractor.description is None:
        return extractor.look_up(samples)
    store = FeatureStore(store_root, extractor.kind, extractor.description)
    keys = sample_keys(samples) if keys is None else keys
    found = {} if fresh else store.read(keys)
    missing = [row for row, key in enumerate(keys) if key not in found]
    missing = list({keys[row]: row for row in reversed(missing)}.values())[::-1]
    started = reported = time.monotonic()
    seconds, problems = 0.0, []
    for first in range(0, len(missing), SHARD):
        rows, made = missing[first : first + SHARD], {}
        for row in rows:
            try:
                audio, rate = samples.audio(row)
                made[keys[row]] = extractor.compute(audio, rate)
                seconds += len(audio) / rate
            except (BadAudio, ValueError) as error:
                problems.append(f"{samples.names[row]}: {error}")
        store.write(made)
        found.update(made)
        if time.monotonic() - reported > REPORT_SECONDS:
            reported = time.monotonic()
            say(f"{extractor.kind}: {first + len(rows)} of {len(missing)} samples")
    if problems:
        raise ValueError(f"{len(problems)} samples give no {extractor.kind}:\n  " + "\n  ".join(problems))
    if missing:
        spent = max(time.monotonic() - started, 1e-9)
        say(f"{extractor.kind}: {len(missing)} samples computed, {seconds:.0f} s of audio in {spent:.1f} s; "
            f"{len(keys) - len(missing)} were in the store")  # fmt: skip
    else:
        say(f"{extractor.kind}: all {len(keys)} samples were in the store")
    return [found[key] for key in keys]


def pooled(frames: np.ndarray) -> np.ndarray:
    """(2 x coefficients,) mean and standard deviation over the frames."""
    frames = np.asarray(frames, np.float64)
    return np.concatenate([frames.mean(0), frames.std(0)])


def _table(
    ini: ExperimentIni,
    extractors: Sequence[Extractor],
    computed: Sequence[list[np.ndarray]],
    rows: Sequence[str],
    on_frames: bool,
    columns: Sequence[str] | None,
) -> FeatureTable:
    """What the extractors computed of the rows, column by column."""
    names: list[str] = []
    blocks, notes = [], []
    for extractor, values in zip(extractors, computed, strict=True):
        own = list(extractor.names(values[0].shape[-1]))
        if isinstance(extractor, FrameExtractor) and not on_frames:
            values = [pooled(frames) for frames in values]
            own = [f"{name}_{statistic}" for statistic in ("mean", "sd") for name in own]
        if extractor.wanted:
            places = [_place(ini, own, name, f"{extractor.kind}.features") for name in extractor.wanted]
            values, own = [value[..., places] for value in values], [own[place] for place in places]
        names += own
        blocks.append(values)
        notes += [extractor.licence] if extractor.licence else []
    joined = _join(ini, blocks, [extractor.kind for extractor in extractors])
    _check_finite(rows, joined, names)
    table = FeatureTable(names, joined if on_frames else np.stack(joined), notes)
    return _selected(ini, table, columns)


def _join(ini: ExperimentIni, blocks: list, kinds: Sequence[str]) -> list[np.ndarray]:
    if len(blocks) == 1:
        return blocks[0]
    joined = []
    for row in range(len(blocks[0])):
        pieces = [block[row] for block in blocks]
        if pieces[0].ndim == 2 and len({len(piece) for piece in pieces}) > 1:
            raise ini.error("FEATS", "type", f"frames of {' and '.join(kinds)} do not come at the same times")
        joined.append(np.concatenate(pieces, -1))
    return joined


def _check_finite(rows: Sequence[str], values: Sequence[np.ndarray], names: Sequence[str]) -> None:
    problems = []
    for row, value in zip(rows, values, strict=True):
        if not len(value):
            problems.append(f"{row}: it is too short for a frame")
        elif not np.isfinite(value).all():
            column = int(np.argwhere(~np.isfinite(np.atleast_2d(value)))[0][-1])
            problems.append(f"{row}: {names[column]} is not a finite number")
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(values)} samples have unusable features; leave them out, or mend them:\n  "
            + "\n  ".join(problems)
        )


def _selected(ini: ExperimentIni, table: FeatureTable, columns: Sequence[str] | None) -> FeatureTable:
    """The columns that are given, or that FEATS.features names, itself or in a file that explore wrote."""
    selection = read_selection(ini) if columns is None else None
    wanted = columns if columns is not None else selection["features"] if selection else ini.get("FEATS", "features")
    if not wanted:
        return table
    places = [_place(ini, table.names, name, "features") for name in wanted]
    values = table.values[:, places] if isinstance(table.values, np.ndarray) else [v[:, places] for v in table.values]
    return FeatureTable([table.names[place] for place in places], values, table.notes)


def _place(ini: ExperimentIni, names: Sequence[str], name: str, key: str) -> int:
    if name not in names:
        raise ini.error("FEATS", key, f"there is no column {name!r}{nearest(str(name), list(names))}")
    return list(names).index(name)
