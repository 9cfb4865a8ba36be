"""Who the speakers of trials are: as the utt2spk says, or else by the links that target trials make."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from speechlib.io.maps import read_map
from speechlib.io.trials import Trials


def trial_speakers(trials: Trials, utt2spk: str | os.PathLike | None = None) -> tuple[np.ndarray, np.ndarray, str]:
    """Number the speakers on both sides of labelled trials.

    Args:
        trials: with labels.
        utt2spk: file with the speaker of each utterance or model; see `speakers_of`. Without: see `linked_speakers`.

    Returns:
        (trials,) int32 numbers of the speakers on the enrolment and on the test side, and what they are, in words.

    Raises:
        ValueError: as `speakers_of`. OSError: the file cannot be read.
    """
    if utt2spk:
        return (*speakers_of(trials, read_map(utt2spk)), "speakers")
    return linked_speakers(trials)


def speakers_of(trials: Trials, utt2spk: Mapping[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """The speakers of both sides of labelled trials, and that the labels agree with them.

    Args:
        trials: with labels.
        utt2spk: speaker by utterance or model; a name that is itself one of the speakers is the model of that speaker.

    Returns:
        (trials,) int32 numbers of the speakers on the enrolment and on the test side.

    Raises:
        ValueError: a name without a speaker, a target trial of two speakers or a nontarget trial of one; with
            file:line.
    """
    number = {speaker: index for index, speaker in enumerate(sorted(set(utt2spk.values())))}
    sides = []
    for names, column in ((trials.enrol_names, trials.enrol), (trials.test_names, trials.test)):
        speakers = np.array([number.get(utt2spk.get(name, name), -1) for name in names], np.int32)
        if (speakers < 0).any():
            index = int(np.argmax(speakers[column] < 0))
            name = names[column[index]]
            raise ValueError(f"{trials.source}:{index + 1}: '{name}' has no speaker: add it to the utt2spk")
        sides.append(speakers[column])
    wrong = (sides[0] == sides[1]) != trials.target
    if wrong.any():
        index = int(np.argmax(wrong))
        kind, speakers = ("target", "two speakers") if trials.target[index] else ("nontarget", "one speaker")
        raise ValueError(
            f"{trials.source}:{index + 1}: '{trials.pair(index)}' is a {kind} trial, but of {speakers} by the utt2spk"
        )
    return sides[0], sides[1]


def linked_speakers(trials: Trials) -> tuple[np.ndarray, np.ndarray, str]:
    """Take the connected components of the target trials for the speakers; the same name is the same utterance.

    Where a nontarget trial lies within a component the labels contradict that (labels drawn at random, the same name
    for different things on the two sides): then each enrolment name counts as a speaker, of all trials that it is in.

    Returns:
        As `trial_speakers`.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    numbers = {name: index for index, name in enumerate(trials.enrol_names)}
    enrol = np.arange(len(numbers), dtype=np.int32)
    test = np.array([numbers.setdefault(name, len(numbers)) for name in trials.test_names], np.int32)
    size = len(numbers)
    sources, ends = trials.enrol[trials.target], test[trials.test[trials.target]]
    links = coo_matrix((np.ones(len(sources), np.int8), (sources, ends)), shape=(size, size))
    _, component = connected_components(links.tocsr(), directed=False)
    first, second = component[enrol][trials.enrol], component[test][trials.test]
    if ((first == second) & ~trials.target).any():
        return trials.enrol, trials.enrol, "enrolment names"
    return first, second, "utterances linked by target trials"
