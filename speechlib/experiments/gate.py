"""The gate before training: what training and test must not share, and audio that cannot be meant.

A leak is an error unless DATA.allow_leak names its kind; then it is in every result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from speechlib.experiments.audio_facts import audio_facts
from speechlib.experiments.data import ExperimentData
from speechlib.io.experiment_ini import ExperimentIni
from speechlib.io.samples import Samples
from speechlib.io.texts import normalise_text

MAX_SECONDS = 1800.0  # of a sample: a recording of hours has more than one label, and would fill the memory


def check_leaks(ini: ExperimentIni, data: ExperimentData, digests: Sequence[str]) -> dict[str, str]:
    """Look for leaks between the training (with dev) and the test part of every fold.

    Args:
        ini: of the experiment.
        data: its samples and folds.
        digests: (rows,) hash of the audio of each sample (`audio_digests`).

    Returns:
        By kind, a sentence about each leak that there is and that is allowed.

    Raises:
        ValueError: leaks that are not allowed; all of them are named, with examples and the mend.
    """
    columns = data.samples.columns
    found = {}
    for kind, what, values in (
        ("shared_speakers", "speakers", columns.get("speaker")),
        ("shared_sentences", "sentences", sentences(data.samples)),
        ("identical_audio", "recordings", list(digests)),
    ):
        if values is not None:
            shared = _shared(data, values, (lambda row: data.samples.names[row]) if kind == "identical_audio" else None)
            if shared:
                found[kind] = f"{what} of training are in test, too: {shared}"
    scaled = [name for name in dict.fromkeys(data.samples.databases) if ini.database(name, "scale")]
    if scaled:
        found["target_scaling"] = f"the target of {', '.join(scaled)} is standardised over training and test"
    selected = selection_leak(ini, {data.samples.key(row) for fold in data.folds for row in fold.test})
    if selected:
        found["selection_beyond_training"] = selected
    refuse_leaks(ini, found)
    return found


def refuse_leaks(ini: ExperimentIni, found: Mapping[str, str]) -> None:
    """Raise a ValueError, which names them all and the mend, if there are leaks that DATA.allow_leak does not name.

    Args:
        ini: of the experiment.
        found: a sentence about each leak, by kind.
    """
    allowed = ini.get("DATA", "allow_leak")
    forbidden = {kind: text for kind, text in found.items() if kind not in allowed}
    if forbidden:
        raise ValueError(
            f"{ini.path}: training and test are not apart:\n  "
            + "\n  ".join(f"{kind}: {text}" for kind, text in forbidden.items())
            + "\nSplit otherwise, or say in [DATA] that you accept it, and every result will say so:\n"
            f"  allow_leak = {sorted({*allowed, *forbidden})}"
        )


def audio_digests(data: ExperimentData, say: Callable[[str], None]) -> list[str]:
    """Hash of the decoded audio of each sample, whatever its file's header.

    Raises:
        ValueError: silent samples, or samples that are too long to be held in memory; all are listed.
    """
    seconds = [data.samples.duration(row) for row in range(len(data.samples))]
    huge = [f"{data.samples.names[row]}: {length:.0f} s" for row, length in enumerate(seconds) if length > MAX_SECONDS]
    if huge:
        raise ValueError(
            f"{len(huge)} of {len(seconds)} samples last longer than {MAX_SECONDS:.0f} s, and a sample has one label; "
            "cut them by start and end, or with the command segment:\n  " + "\n  ".join(huge)
        )
    facts = audio_facts(data.samples)
    silent = [data.samples.names[row] for row in np.flatnonzero(facts.silent)]
    if silent:
        raise ValueError(
            f"{len(silent)} of {len(seconds)} samples are silent, all their values are the same; leave them out:\n  "
            + "\n  ".join(silent)
        )
    first: dict[str, int] = {}
    for row, digest in enumerate(facts.digests):
        if digest in first:
            say(f"note: {data.samples.names[row]} and {data.samples.names[first[digest]]} are the same recording")
        first.setdefault(digest, row)
    return facts.digests


def sentences(samples: Samples) -> list[str | None] | None:
    """(rows,) what is said, in a form that does not depend on case and punctuation; None where nothing is known of it.

    Where there is no text, a column `sentence` (the number of what actors read) tells as much.
    """
    texts = samples.columns.get("text", samples.columns.get("sentence"))
    return None if texts is None else [normalise_text(text) if text else None for text in texts]


def _shared(data: ExperimentData, values: Sequence[str | None], show: Callable[[int], str] | None) -> str:
    """Examples of values that training and test of some fold share, or nothing."""
    shared: dict[str, str] = {}
    folds = 0
    for fold in data.folds:
        trained = {values[row]: row for row in np.concatenate([fold.train, fold.dev]) if values[row] is not None}
        common = [row for row in fold.test if values[row] in trained]
        folds += bool(common)
        for row in common:
            text = f"{show(trained[values[row]])} = {show(row)}" if show else str(values[row])
            shared.setdefault(str(values[row]), text)
    if not shared:
        return ""
    examples = list(shared.values())
    more = f" and {len(examples) - 3} more" if len(examples) > 3 else ""
    return f"{', '.join(examples[:3])}{more} (in {folds} of {len(data.folds)} folds)"


def selection_leak(ini: ExperimentIni, tested: set[str]) -> str:
    """A sentence if FEATS.features names a file of features that were selected on some test samples, given by key."""
    selection = read_selection(ini)
    common = tested & set(selection["samples"]) if selection else set()
    return f"the features were selected on {len(common)} of {len(tested)} test samples" if common else ""


def read_selection(ini: ExperimentIni) -> dict | None:
    """The file of selected features that FEATS.features names, as explore writes it; None if it names columns.

    Raises:
        ValueError: it is no such file.
    """
    wanted = ini.get("FEATS", "features") or []
    if len(wanted) != 1 or not str(wanted[0]).endswith(".json"):
        return None
    try:
        with open(str(wanted[0]), encoding="utf-8") as file:
            selection = json.load(file)
        if not {"features", "samples"} <= set(selection):
            raise ValueError("it lacks features or samples")
    except (OSError, ValueError, TypeError) as error:
        raise ini.error("FEATS", "features", f"{wanted[0]}: no file of features that explore wrote: {error}") from None
    return selection
