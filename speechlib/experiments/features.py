"""Features of samples: computed by an extractor, kept in the store, joined column by column."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.experiments.extractors import Extractor, FrameExtractor, make_extractors
from speechlib.io.bad_audio import BadAudio
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
    ini: ExperimentIni, samples: Samples, on_frames: bool, store: str, say: Callable[[str], None]
) -> FeatureTable:
    """Features of all samples by FEATS.type.

    Args:
        ini: of the experiment.
        samples: in this order.
        on_frames: the model takes sequences of frames; others get their mean and standard deviation.
        store: folder of the feature stores.
        say: is told about progress.

    Raises:
        ValueError: samples that give no finite features (all are listed), or kinds that do not go together.
    """
    fresh = any(ini.get(*key) for key in (("FEATS", "needs_feature_extraction"), ("FEATS", "no_reuse"),
                                          ("DATA", "no_reuse")))  # fmt: skip
    names: list[str] = []
    blocks: list = []
    notes: list[str] = []
    extractors = make_extractors(ini, on_frames)
    for extractor in extractors:
        values = compute(extractor, samples, store, fresh, say)
        own = list(extractor.names(values[0].shape[-1]))
        if isinstance(extractor, FrameExtractor) and not on_frames:
            values = [pooled(frames) for frames in values]
            own = [f"{name}_{statistic}" for statistic in ("mean", "sd") for name in own]
        wanted = extractor.wanted
        if wanted:
            places = [_place(ini, own, name) for name in wanted]
            values, own = [value[..., places] for value in values], [own[place] for place in places]
        names += own
        blocks.append(values)
        notes += [extractor.licence] if extractor.licence else []
    joined = _join(ini, blocks, [extractor.kind for extractor in extractors])
    _check_finite(samples, joined, names)
    return _selected(ini, FeatureTable(names, joined if on_frames else np.stack(joined), notes))


def compute(
    extractor: Extractor, samples: Samples, store_root: str, fresh: bool, say: Callable[[str], None]
) -> list[np.ndarray]:
    """Features of one extractor, from the store where they are, in the order of the samples."""
    if extractor.description is None:
        return extractor.look_up(samples)
    store = FeatureStore(store_root, extractor.kind, extractor.description)
    keys = sample_keys(samples)
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


def _check_finite(samples: Samples, values: Sequence[np.ndarray], names: Sequence[str]) -> None:
    problems = []
    for row, value in enumerate(values):
        if not len(value):
            problems.append(f"{samples.names[row]}: it is too short for a frame")
        elif not np.isfinite(value).all():
            column = int(np.argwhere(~np.isfinite(np.atleast_2d(value)))[0][-1])
            problems.append(f"{samples.names[row]}: {names[column]} is not a finite number")
    if problems:
        raise ValueError(
            f"{len(problems)} of {len(values)} samples have unusable features; leave them out, or mend them:\n  "
            + "\n  ".join(problems)
        )


def _selected(ini: ExperimentIni, table: FeatureTable) -> FeatureTable:
    wanted = ini.get("FEATS", "features")
    if not wanted:
        return table
    places = [_place(ini, table.names, name) for name in wanted]
    values = table.values[:, places] if isinstance(table.values, np.ndarray) else [v[:, places] for v in table.values]
    return FeatureTable([table.names[place] for place in places], values, table.notes)


def _place(ini: ExperimentIni, names: Sequence[str], name: str) -> int:
    from speechlib.io.cli import nearest

    if name not in names:
        raise ini.error("FEATS", "features", f"there is no column {name!r}{nearest(str(name), list(names))}")
    return list(names).index(name)
