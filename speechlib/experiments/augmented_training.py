"""Training with augmented copies: every fold gets those of its own training part, and is tested on originals alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from speechlib.experiments.augmenting import Augmenter, Copy, plan_copies
from speechlib.experiments.data import ExperimentData
from speechlib.experiments.folds import Fold
from speechlib.experiments.outcome import experiment_folder
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.sample_csv import write_sample_csv
from speechlib.io.samples import join_samples


def check_augmentation(ini: ExperimentIni) -> None:
    """Raise a ValueError, with the place in the INI file, for what does not go together with copies in training."""
    if ini.get("AUGMENT", "sample_selection") != "train":
        raise ini.error("AUGMENT", "sample_selection", "copies are added to training alone: set it to train, or use "
                        "the command augment")  # fmt: skip
    if "import" in ini.get("FEATS", "type"):
        raise ini.error("FEATS", "type", "imported features cannot be computed of copies: choose others")
    if ini.get("FEATS", "scale") == "speaker":
        raise ini.error("FEATS", "scale", "scaling by speaker would mix originals of the test part with their copies: "
                        "choose standard or robust")  # fmt: skip


def add_copies(
    ini: ExperimentIni, data: ExperimentData, say: Callable[[str], None]
) -> tuple[ExperimentData, dict[str, Any]]:
    """Make copies of the training samples of every fold, and add them to its training part.

    A fold gets no copy of a sample of its dev or test part. With AUGMENT.balance the classes of every fold's training
    part become equal. The copies are also written as a table, AUGMENT.result.

    Args:
        ini: of the experiment.
        data: originals, in folds.
        say: is told about progress.

    Returns:
        The data with the copies behind the originals, and a description of the augmentation for result.json.

    Raises:
        ValueError: as `check_augmentation`, `plan_copies` and `Augmenter.copies`.
    """
    check_augmentation(ini)
    augmenter = Augmenter(ini)
    labels = [data.classes[number] for number in data.target] if data.classes else None
    plans = []
    for fold in data.folds:
        own = plan_copies(
            ini, data.samples.take(fold.train), augmenter.methods,
            None if labels is None else [labels[row] for row in fold.train],
        )  # fmt: skip
        plans.append([Copy(int(fold.train[copy.row]), copy.method) for copy in own])
    plan = sorted({copy for own in plans for copy in own})
    if not plan:
        say("note: the classes of every training part have the same number of samples: nothing is augmented")
        return data, {"augmentation": {"methods": augmenter.methods, "balance": True, "copies": 0}}
    folder = experiment_folder(ini)
    copies = augmenter.copies(data.samples, plan, folder / "augmented", say)
    write_sample_csv(folder / ini.get("AUGMENT", "result"), copies)
    place = {copy: len(data.samples) + number for number, copy in enumerate(plan)}
    folds = [
        Fold(fold.name, np.concatenate([fold.train, [place[copy] for copy in own]]).astype(int), fold.dev, fold.test)
        for fold, own in zip(data.folds, plans, strict=True)
    ]
    target = np.concatenate([data.target, data.target[[copy.row for copy in plan]]])
    counts = {fold.name: len(own) for fold, own in zip(data.folds, plans, strict=True)}
    span = " to ".join(str(count) for count in sorted({min(counts.values()), max(counts.values())}))
    why = " to balance classes" if ini.get("AUGMENT", "balance") else ""
    data.notes.append(
        f"training has {span} augmented copies a fold, by {', '.join(augmenter.methods)}{why}; none is tested"
    )
    say(data.notes[-1])
    about = {
        "methods": augmenter.methods, "balance": ini.get("AUGMENT", "balance"), "copies": len(plan),
        "copies_by_fold": counts,
        **{key: ini.get("AUGMENT", key) for key in ("snr", "speed", "pitch", "noise", "rirs")},
    }  # fmt: skip
    extended = ExperimentData(join_samples([data.samples, copies]), target, data.classes, folds, data.notes)
    return extended, {"augmentation": about}
