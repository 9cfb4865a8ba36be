"""A kept model on databases of its own: loaded, held against the training, judged, scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from speechlib.experiments.data import ExperimentData
from speechlib.experiments.databases import load_database
from speechlib.experiments.features import FeatureTable
from speechlib.experiments.folds import Fold, split_of_database
from speechlib.experiments.gate import refuse_leaks, selection_leak
from speechlib.experiments.outcome import experiment_folder, write_outcome
from speechlib.experiments.run import Outcome, describe, score_line
from speechlib.experiments.saved_model import SavedModel
from speechlib.experiments.targets import targets_of_model
from speechlib.experiments.training import FoldOutcome
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples, check_audio, join_samples


def folder_name(ini: ExperimentIni) -> str:
    """`<name>/test_<databases>`, below the root of the experiments."""
    return f"{ini.get('EXP', 'name')}/test_{'_'.join(map(str, ini.get('DATA', 'tests')))}"


def run_test(ini: ExperimentIni, say: Callable[[str], None]) -> tuple[Outcome, str]:
    """Test the kept model of an experiment on DATA.tests, and write what an experiment writes.

    Returns:
        The outcome, and the name of the folder of its files, below the root of the experiments.

    Raises:
        ValueError, FileNotFoundError: no model, no database, classes that the model does not know, speakers, sentences
            or recordings of its training, or samples that it cannot judge; nothing is written then.
    """
    names = [str(name) for name in ini.get("DATA", "tests")]
    if not names:
        raise ini.error("DATA", "tests", "no database to test on: expected tests = ['name', ..] and name = <path>")
    model = SavedModel(ini, say)
    if model.target != ini.get("DATA", "target"):
        raise ini.error("DATA", "target", f"the model predicts {model.target}: set it so, and name a database's own "
                        "column with <database>.label")  # fmt: skip
    notes: list[str] = []
    samples = _tested(ini, names, notes)
    samples, target = targets_of_model(ini, samples, model.classes, notes)
    check_audio(samples)
    leaks = model.shared_with_training(samples) | _other_leaks(ini, samples)
    refuse_leaks(ini, leaks)
    for kind, text in leaks.items():
        say(f"warning: allowed leak {kind}: {text}")
    rows = np.arange(len(samples))
    data = ExperimentData(samples, target, model.classes, [Fold("test", rows[:0], rows[:0], rows)], notes)
    for note in (*notes, describe(data)):
        say(note)
    outcomes = [FoldOutcome(data.folds[0], model.judge(samples, say))]
    extra = {
        "features": ini.get("FEATS", "type"), "model": ini.get("MODEL", "type"), "tests": names,
        "trained_on": len(model.about["trained_on"]),
    }  # fmt: skip
    name = folder_name(ini)
    summary = write_outcome(ini, data, [outcomes], leaks, extra, name)
    say(f"{experiment_folder(ini, name)}/result.json: {score_line(summary)}")
    features = FeatureTable(list(model.about["columns"]), [], [])
    return Outcome(data, features, [outcomes], leaks, summary), name


def _tested(ini: ExperimentIni, names: Sequence[str], notes: list[str]) -> Samples:
    """The databases of a test, whole; of one with a split strategy of its own, the test part."""
    tables = []
    for name in names:
        table = load_database(ini, name, notes)
        if ini.has("DATA", f"{name}.split_strategy".lower()):
            table = table.take(split_of_database(ini, name, table) == "test")
            if not len(table):
                raise ini.error("DATA", f"{name}.split_strategy".lower(), "it leaves no sample for the test")
        tables.append(table)
    samples = join_samples(tables)
    return samples.take(sorted(range(len(samples)), key=samples.key))


def _other_leaks(ini: ExperimentIni, samples: Samples) -> dict[str, str]:
    """By kind, what else the test has seen that it must not: its own mean, or the choice of the features."""
    found = {}
    scaled = [name for name in dict.fromkeys(samples.databases) if ini.database(name, "scale")]
    if scaled:
        found["target_scaling"] = f"the target of {', '.join(scaled)} is standardised over the test"
    chosen = selection_leak(ini, {samples.key(row) for row in range(len(samples))})
    return found | ({"selection_beyond_training": chosen} if chosen else {})
