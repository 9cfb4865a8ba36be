"""Look at the data of an experiment before any model: labels, traits, features, what depends on what, what is odd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlib.experiments.audio_facts import audio_facts
from speechlib.experiments.data import ExperimentData
from speechlib.experiments.explore_page import SHOWN, summary, synopsis, tables, traits_tsv
from speechlib.experiments.explore_pictures import (
    Columns,
    draw_counts,
    draw_features,
    draw_projections,
    draw_traits,
    wanted_columns,
)
from speechlib.experiments.features import extract_features
from speechlib.experiments.outcome import experiment_folder, store_folder
from speechlib.experiments.pictures import Pictures
from speechlib.experiments.quality import audio_findings, near_copies
from speechlib.experiments.relations import ALPHA, effects_tsv, relate_labels, relate_numbers
from speechlib.experiments.run import describe
from speechlib.experiments.selection import selected_data
from speechlib.experiments.traits import (
    SPEAKER,
    Trait,
    check_traits,
    measured_traits,
    sample_traits,
    trait_column,
)
from speechlib.io.atomic import write_json, write_text
from speechlib.io.cli import nearest
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.report.experiment_page import ExperimentReport, html_source
from speechlib.report.trait_figures import effect_bars
from speechlib.traits.statistics import Effect


def explore(ini: ExperimentIni, say: Callable[[str], None]) -> Path:
    """Write explore.html, its pictures, explore.json, effects.tsv, traits.tsv and features.json.

    Args:
        ini: of the experiment; no split is needed, unless EXPL.sample_selection asks for a part.
        say: is told what happens.

    Returns:
        The page.

    Raises:
        ValueError: whatever does not fit, before anything is written.
    """
    wanted = check_traits(ini, "EXPL", "traits", with_speaker=True)
    wanted += [name for name in map(str, ini.get("PREDICT", "models")) if name not in wanted]
    target, notes = ini.get("DATA", "target"), []
    data = selected_data(ini, "EXPL", say)
    drawn = wanted_columns(ini, list(data.samples.columns), wanted)
    facts = audio_facts(data.samples)
    findings = audio_findings(data.samples, facts, measured_traits(ini, data.samples, say))
    data = _heard(data, facts.silent)
    digests = [facts.digests[row] for row in np.flatnonzero(~facts.silent)]
    say(describe(data))
    traits = sample_traits(ini, data.samples, wanted, say)
    features = extract_features(ini, data.samples, False, store_folder(ini), say)
    vectors = _standardised(features.values)
    findings += near_copies(data.samples.names, vectors, digests)

    numeric = {trait_column(name): values for name, values in traits.items() if isinstance(values, np.ndarray)}
    names = [*features.names, *numeric]
    values = np.column_stack([features.values, *numeric.values()])
    effects = relate_numbers(ini, data, names, values, notes)
    associations = relate_labels(ini, data, _labels(data, traits, target), notes)
    chosen = _chosen(ini, features.names, effects)

    folder = experiment_folder(ini)
    pictures = Pictures(ini, folder)
    columns, split = Columns(data, traits), _genders(ini, data)
    draw_counts(drawn, columns, pictures)
    draw_traits(data, traits, target, pictures, split)
    _draw_effects(effects, target, pictures)
    if ini.get("EXPL", "feature_distributions"):
        by_name = dict(zip(features.names, np.asarray(features.values).T, strict=True))
        draw_features(data, chosen, by_name, target, pictures, split)
    draw_projections(ini, drawn, columns, vectors, pictures, notes)

    for note in (*notes, *(f"{finding.kind}: {len(finding.items)}: {finding.text}" for finding in findings)):
        say(note)
    folder.mkdir(parents=True, exist_ok=True)
    pictures.write()
    write_text(folder / "effects.tsv", effects_tsv([*effects, *associations]))
    write_text(folder / "traits.tsv", traits_tsv(data, traits, target))
    keys = [data.samples.key(row) for row in range(len(data.samples))]
    write_json(folder / "features.json", {"features": chosen, "samples": keys})
    report = ExperimentReport(
        ini.get("REPORT", "title") or f"Data of {ini.get('EXP', 'name')}", synopsis(ini, data, features, effects),
        tables(traits, findings, effects, associations), list(pictures), ini.text,
        [*data.notes, *notes, *features.notes],
    )  # fmt: skip
    page = folder / "explore.html"
    write_text(page, html_source(report))
    found = summary(ini, data, traits, findings, effects, associations)
    write_json(folder / "explore.json", {**found, "features": chosen, "notes": [*data.notes, *notes]})
    return page


def _heard(data: ExperimentData, silent: np.ndarray) -> ExperimentData:
    """Without silent samples, of which nothing can be computed."""
    if silent.all():
        raise ValueError(f"all {len(silent)} samples are silent: there is nothing to explore")
    rows = np.flatnonzero(~silent)
    notes = [*data.notes, *([f"{int(silent.sum())} silent samples are left out"] if silent.any() else [])]
    return ExperimentData(data.samples.take(rows), data.target[rows], data.classes, [], notes)


def _standardised(values: np.ndarray) -> np.ndarray:
    deviations = values.std(0)
    return (values - values.mean(0)) / np.where(deviations > 0, deviations, 1.0)


def _labels(data: ExperimentData, traits: Mapping[str, Trait], target: str) -> dict[str, Sequence[str | None]]:
    """Other labels that the target may depend on."""
    labels: dict[str, Sequence[str | None]] = {
        name: data.samples.columns[name] for name in ("gender", SPEAKER) if name in data.samples.columns
    }
    if len(set(data.samples.databases)) > 1:
        labels["database"] = data.samples.databases
    labels |= {trait_column(name): values for name, values in traits.items() if isinstance(values, list)}
    labels.pop(target, None)
    return labels


def _chosen(ini: ExperimentIni, names: Sequence[str], effects: Sequence[Effect]) -> list[str]:
    """EXPL.features, or the features with the strongest effects; of those that say the same both are taken."""
    wanted = [str(name) for name in ini.get("EXPL", "features") or []]
    for name in wanted:
        if name not in names:
            raise ini.error("EXPL", "features", f"there is no feature {name!r}{nearest(name, list(names))}")
    known = set(names)
    own = [effect.feature for effect in effects if effect.feature in known and effect.test != "none"]
    return wanted or own[: ini.get("EXPL", "max_feats")]


def _genders(ini: ExperimentIni, data: ExperimentData) -> list[str] | None:
    genders = data.samples.columns.get("gender")
    if ini.get("EXPL", "ignore_gender") or genders is None or ini.get("DATA", "target") == "gender":
        return None
    return [gender or "(none)" for gender in genders]


def _draw_effects(effects: Sequence[Effect], target: str, pictures: Pictures) -> None:
    shown = [effect for effect in effects if effect.test != "none"][:SHOWN]
    if shown:
        found = {effect.feature for effect in shown if effect.p_holm < ALPHA}
        figure = effect_bars({effect.feature: effect.size for effect in shown}, shown[0].effect, found,
                             criterion=f"p < {ALPHA:g} (Holm)")  # fmt: skip
        pictures.add("effects", figure, f"Strongest effects on {target}", f"By {shown[0].test}, counted by "
                     f"{shown[0].unit}; corrected for {len(effects)} tests.")  # fmt: skip
