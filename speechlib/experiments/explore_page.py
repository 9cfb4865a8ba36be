"""What explore tells of data: the tables of its page, and the same for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import speechlib
from speechlib.experiments.data import ExperimentData
from speechlib.experiments.features import FeatureTable
from speechlib.experiments.predicting import column_texts
from speechlib.experiments.quality import Finding
from speechlib.experiments.relations import ALPHA
from speechlib.experiments.run import describe
from speechlib.experiments.traits import MEASURED, Trait, trait_column
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.results import current_commit
from speechlib.report.experiment_page import Table
from speechlib.traits.statistics import Effect

SHOWN = 25  # effects; the table in effects.tsv has them all
_EFFECT_HEADER = ["Feature", "Test", "Counted", "Effect", "Size", "p", "p (Holm)", "p (BH)", "ICC", "Note"]


def synopsis(
    ini: ExperimentIni, data: ExperimentData, features: FeatureTable, effects: Sequence[Effect]
) -> list[tuple[str, str]]:
    """What one wants to know first."""
    found = sum(effect.p_holm < ALPHA for effect in effects)
    false = sum(effect.p_bh < ALPHA for effect in effects)
    return [
        ("Data", describe(data)),
        ("Selection", ini.get("EXPL", "sample_selection")),
        ("Databases", ", ".join(f"{name} {n}" for name, n in sorted(Counter(data.samples.databases).items()))),
        ("Features", f"{', '.join(ini.get('FEATS', 'type'))}: {len(features.names)} columns"),
        ("Effects", f"{found} of {len(effects)} features and traits with p < {ALPHA:g} after Holm's correction, "
                    f"{false} at a false discovery rate of 5 % (Benjamini and Hochberg)"),
        ("Version", f"{speechlib.__version__}, commit {current_commit()}"),
    ]  # fmt: skip


def tables(
    traits: Mapping[str, Trait],
    findings: Sequence[Finding],
    effects: Sequence[Effect],
    associations: Sequence[Effect],
) -> list[Table]:
    """Traits, what to look at, and the strongest effects."""
    rows = []
    for name, values in traits.items():
        if isinstance(values, np.ndarray):
            own = _statistics(values)
            rows.append([name, MEASURED.get(name, "predicted"), *(_short(own[key]) for key in own)])
        else:
            counts = ", ".join(f"{value} {count}" for value, count in Counter(values).most_common(8))
            rows.append([name, "predicted", counts, *[""] * 5])
    found = [
        Table("Traits", ["Trait", "Unit", "Mean", "SD", "Least", "Median", "Most", "Missing"], rows),
        Table("To look at", ["What", "Number", "Meaning", "Such as"],
              [[finding.kind.replace("_", " "), str(len(finding.items)), finding.text, ", ".join(finding.items[:3])]
               for finding in findings] or [["nothing", "0", "no copies, clipping, silence or gaps were found", ""]]),
        Table("Strongest effects", _EFFECT_HEADER, [_effect_row(effect) for effect in effects[:SHOWN]],
              "ICC: how alike the utterances of one speaker are. Where it is not near 0, tests that count utterances "
              "find too much: by_speaker = True in [EXPL] counts speakers. All effects are in effects.tsv."),
    ]  # fmt: skip
    if associations:
        found.append(Table("Other labels", _EFFECT_HEADER, [_effect_row(effect) for effect in associations]))
    return found


def _effect_row(effect: Effect) -> list[str]:
    icc = "" if effect.speaker_icc is None else f"{effect.speaker_icc:.2f}"
    p_values = [f"{p:.2g}" for p in (effect.p_value, effect.p_holm, effect.p_bh)]
    counted = f"{effect.num_units} ({effect.unit})"
    note = "" if icc and effect.test != "none" else effect.note  # which says of a high ICC what the text below says
    return [effect.feature, effect.test, counted, effect.effect, f"{effect.size:.3f}", *p_values, icc, note]


def _statistics(values: np.ndarray) -> dict[str, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return {"mean": np.nan, "sd": np.nan, "min": np.nan, "median": np.nan, "max": np.nan, "missing": len(values)}
    return {
        "mean": float(known.mean()), "sd": float(known.std()), "min": float(known.min()),
        "median": float(np.median(known)), "max": float(known.max()), "missing": len(values) - len(known),
    }  # fmt: skip


def _short(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else ""


def traits_tsv(data: ExperimentData, traits: Mapping[str, Trait], target: str) -> str:
    """A table of the samples with their label and traits."""
    texts = {trait_column(name): column_texts(values) for name, values in traits.items()}
    lines = ["\t".join(["database", "sample", "start", "end", target, *texts])]
    for row in range(len(data.samples)):
        label = data.classes[data.target[row]] if data.classes else f"{data.target[row]:.9g}"
        lines.append("\t".join([data.samples.key(row), label, *(column[row] or "" for column in texts.values())]))
    return "\n".join(lines) + "\n"


def summary(
    ini: ExperimentIni,
    data: ExperimentData,
    traits: Mapping[str, Trait],
    findings: Sequence[Finding],
    effects: Sequence[Effect],
    associations: Sequence[Effect],
) -> dict[str, Any]:
    """The same for machines."""

    def plain(effect: Effect) -> dict[str, Any]:
        size = effect.size if np.isfinite(effect.size) else None
        return {"feature": effect.feature, "test": effect.test, "unit": effect.unit, "effect": effect.effect,
                "size": size, "p_value": effect.p_value, "p_holm": effect.p_holm, "p_bh": effect.p_bh}  # fmt: skip

    stated = {
        name: {key: value if np.isfinite(value) else None for key, value in _statistics(values).items()}
        if isinstance(values, np.ndarray) else dict(sorted(Counter(values).items()))
        for name, values in traits.items()
    }  # fmt: skip
    return {
        "experiment": ini.get("EXP", "name"), "selection": ini.get("EXPL", "sample_selection"),
        "samples": len(data.samples), "speakers": len(set(data.speakers or [])), "target": ini.get("DATA", "target"),
        "classes": {name: int((data.target == place).sum()) for place, name in enumerate(data.classes)},
        "traits": stated, "findings": {finding.kind: finding.items for finding in findings},
        "tests": len(effects), "significant_holm": sum(effect.p_holm < ALPHA for effect in effects),
        "significant_bh": sum(effect.p_bh < ALPHA for effect in effects),
        "effects": [plain(effect) for effect in effects[:SHOWN]],
        "associations": [plain(effect) for effect in associations],
        "version": speechlib.__version__, "commit": current_commit(),
    }  # fmt: skip
