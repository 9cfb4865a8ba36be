"""Trial lists in VoxCeleb's way: every test recording is the enrolment of some target and as many non-target trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_EACH = 4  # target and non-target trials of one enrolment, as in VoxCeleb1's list
_CROSS_GENDER = 0.3  # share of the non-target pairs of women with men that stays: these are easy


@dataclass(frozen=True)
class Spoken:
    """A recording of the test set: path inside the corpus, and whose it is."""

    path: str
    speaker: str
    session: str
    gender: str


def draw_trials(spoken: Sequence[Spoken], rng: np.random.Generator) -> list[str]:
    """Lines `1|0 path path`, no pair twice; targets are of two sessions where the speaker has several."""
    lines = []
    for enrol in spoken:
        own = [test for test in spoken if test.speaker == enrol.speaker and test.path != enrol.path]
        targets = [test for test in own if test.session != enrol.session] or own
        others = [
            test
            for test in spoken
            if test.speaker != enrol.speaker and (test.gender == enrol.gender or rng.random() < _CROSS_GENDER)
        ]
        for label, tests in ((1, targets), (0, others)):
            chosen = rng.permutation(len(tests))[:_EACH]
            lines += [f"{label} {enrol.path} {tests[i].path}\n" for i in chosen]
    return lines
