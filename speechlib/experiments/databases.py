"""One database of [DATA]: read, its labels mapped, filtered and limited as its own keys say."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.sample_sources import read_audformat_database, read_csv_database, read_kaldi_database
from speechlib.io.samples import Samples, check_audio
from speechlib.traits.splits import limit_per_group


def database_names(ini: ExperimentIni) -> list[str]:
    """DATA.databases.

    Raises:
        ValueError: there is none.
    """
    names = [str(name) for name in ini.get("DATA", "databases") or []]
    if not names:
        raise ini.error("DATA", "databases", "no database: expected databases = ['name', ..] and name = <path>")
    return names


def load_database(ini: ExperimentIni, name: str, notes: list[str]) -> Samples:
    """Read one database, and apply what concerns it alone: names, mapping, filters, limits."""
    path = os.path.expanduser(ini.database(name))
    where = ini.where("DATA", name.lower())
    if not os.path.exists(path):
        raise ValueError(f"{where}: there is no file or folder {path}")
    kind = ini.database(name, "type") or _kind_of(path, where)
    channel = ini.database(name, "channel")
    colnames = {str(old): str(new) for old, new in (ini.database(name, "colnames") or {}).items()}
    if kind == "csv":
        samples = read_csv_database(
            name, path, audio_path=ini.database(name, "audio_path"), colnames=colnames, channel=channel,
            absolute_path=ini.database(name, "absolute_path"),
        )  # fmt: skip
    elif kind == "kaldi":
        samples = read_kaldi_database(name, path, channel=channel)
    else:
        samples = read_audformat_database(
            name, path, channel=channel, tables={
                part: ini.database(name, f"{part}_tables") for part in ("target", "files", "train", "dev", "test")
            }, target=ini.database(name, "label") or ini.get("DATA", "target"),
        )  # fmt: skip
    for old, new in colnames.items():
        if old in samples.columns and kind != "csv":
            samples = samples.with_column(new, samples.columns[old])
    label = ini.database(name, "label")
    if label:
        samples = samples.with_column(ini.get("DATA", "target"), samples.column(label, f"{name}.label"))
    if ini.database(name, "rename_speakers") and "speaker" in samples.columns:
        samples = samples.with_column("speaker", [f"{name}{speaker}" for speaker in samples.columns["speaker"]])
    samples = _mapped(ini, name, samples, notes)
    return _filtered(ini, name, samples, notes)


def _mapped(ini: ExperimentIni, name: str, samples: Samples, notes: list[str]) -> Samples:
    mapping = ini.database(name, "mapping")
    target = ini.get("DATA", "target")
    if not mapping:
        return samples
    new = {old.strip(): str(value) for keys, value in mapping.items() for old in str(keys).split(",")}
    values = samples.column(target, f"{name}.mapping")
    unused = sorted(set(new) - set(values))
    if unused:
        notes.append(f"{name}: no sample has the label {', '.join(unused)} of its mapping")
    # As in Nkululeko, a label that is not mapped is none.
    return samples.with_column(target, [new.get(value) for value in values])


def _filtered(ini: ExperimentIni, name: str, samples: Samples, notes: list[str]) -> Samples:
    keep = np.ones(len(samples), bool)
    keep &= matches(ini, samples, ini.database(name, "filter"))
    if ini.get("DATA", "filter.sample_selection") == "all":
        keep &= matches(ini, samples, ini.get("DATA", "filter"))
    for column in ini.database(name, "columns") or ():
        samples.column(str(column), f"{name}.columns")
    required = ini.database(name, "required")
    if required:
        keep &= [value is not None for value in samples.column(required, f"{name}.required")]
    least = ini.database(name, "min_duration_of_sample")
    most = ini.database(name, "max_duration_of_sample")
    for key, other in (("min_duration_of_sample", "min_length"), ("max_duration_of_sample", "max_length")):
        general = ini.get("DATA", key) if ini.has("DATA", key) else ini.get("DATA", other)
        if key.startswith("min"):
            least = least or general
        else:
            most = most or general
    if least or most:
        check_audio(samples)
        seconds = np.array([samples.duration(row) for row in range(len(samples))])
        keep &= (seconds >= (least or 0.0)) & (seconds <= (most or np.inf))
    size = ini.get("DATA", "check_size")
    if size:
        keep &= [not os.path.isfile(entry) or os.path.getsize(entry) >= size for entry in samples.entries]
    if not keep.all():
        notes.append(f"{name}: {int((~keep).sum())} of {len(keep)} samples are left out by filters")
    samples = samples.take(keep)
    first = ini.database(name, "limit")
    if first:
        samples = samples.take(np.arange(len(samples)) < first)
    seed = ini.get("EXP", "seed")
    limit = ini.database(name, "limit_samples")
    if limit:
        samples = samples.take(limit_per_group(samples.names, [name] * len(samples), limit, seed))
    limit = ini.database(name, "limit_samples_per_speaker") or ini.database(name, "samples_per_speaker")
    if limit:
        speakers = samples.column("speaker", f"{name}.limit_samples_per_speaker")
        samples = samples.take(limit_per_group(samples.names, speakers, limit, seed))
    if not len(samples):
        raise ini.error("DATA", name.lower(), "the filters leave no sample")
    return samples


def matches(ini: ExperimentIni, samples: Samples, conditions: Sequence | Mapping) -> np.ndarray:
    """(rows,) mask of the samples that fulfil all conditions `[column, value or values]`, or a dictionary of them."""
    keep = np.ones(len(samples), bool)
    if isinstance(conditions, str):
        raise ini.error("DATA", "filter", f"expected [['column', value or values], ..], got {conditions!r}")
    for condition in conditions.items() if isinstance(conditions, Mapping) else conditions:
        if not isinstance(condition, list | tuple) or len(condition) != 2:
            raise ini.error("DATA", "filter", f"expected [['column', value or values], ..], got {condition!r}")
        column, wanted = condition
        listed = wanted if isinstance(wanted, list | tuple) else [wanted]
        values = samples.column(str(column), "a filter")
        keep &= np.isin(np.array([str(value) for value in values]), [str(value) for value in listed])
    return keep


def _kind_of(path: str, where: str) -> str:
    if os.path.isfile(path):
        return "csv"
    if os.path.isfile(os.path.join(path, "db.yaml")):
        return "audformat"
    if os.path.isfile(os.path.join(path, "wav.scp")):
        return "kaldi"
    raise ValueError(
        f"{where}: {path} is no CSV file, no data directory (wav.scp) and no audformat database (db.yaml)"
    )
