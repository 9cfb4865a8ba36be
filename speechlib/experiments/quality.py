"""What may be wrong with recordings and labels of a database: copies, clipping, silence, sampling rates, gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechlib.experiments.audio_facts import AudioFacts
from speechlib.io.samples import Samples

MIN_CLIPPED = 1e-4  # share of samples at full scale that can be heard
MIN_LEVEL = -60.0  # dB below full scale: the noise of most rooms and microphones is not far
MIN_SECONDS = 0.5  # shorter samples have hardly a syllable
# Of the median distance to the nearest sample. Copies of EmoDB as Ogg Vorbis, at 0.7 of the level, or without 25 ms at
# both ends, come to 0.2-0.5; different recordings stay above 0.6 (EmoDB) and 0.58 (RAVDESS, sentences twice).
_NEAR = 0.5


@dataclass(frozen=True)
class Finding:
    """Something to look at.

    Attributes:
        kind: identical, near_identical, silent, clipped, quiet, short, rates or missing.
        text: what it means.
        items: what is concerned: names of samples, pairs of them, or columns.
    """

    kind: str
    text: str
    items: list[str]


def audio_findings(samples: Samples, facts: AudioFacts, traits: Mapping[str, np.ndarray]) -> list[Finding]:
    """What stands out among the recordings and labels.

    Args:
        samples: (rows) of these.
        facts: of them.
        traits: (rows,) duration, clipping and level, as they are measured.
    """
    names = samples.names
    common = Counter(facts.rates).most_common(1)[0][0]
    findings = [
        Finding("identical", "the same recording under several names", _copies(names, facts.digests)),
        Finding("silent", "all values are the same: left out of all that follows", _named(names, facts.silent)),
        Finding("clipped", f"{MIN_CLIPPED:.2%} or more of the samples are at full scale, several in a row",
                _named(names, traits["clipping"] >= MIN_CLIPPED)),
        Finding("quiet", f"less than {MIN_LEVEL:g} dB below full scale", _named(names, traits["level"] < MIN_LEVEL)),
        Finding("short", f"less than {MIN_SECONDS:g} s", _named(names, traits["duration"] < MIN_SECONDS)),
        Finding("rates", f"another sampling rate than most, {common} Hz",
                [f"{name} ({rate} Hz)" for name, rate in zip(names, facts.rates, strict=True) if rate != common]),
        Finding("missing", "columns that lack values",
                [f"{name} ({values.count(None)} of {len(values)})" for name, values in samples.columns.items()
                 if None in values and not name.startswith("table:")]),
    ]  # fmt: skip
    return [finding for finding in findings if finding.items]


def near_copies(names: Sequence[str], vectors: np.ndarray, digests: Sequence[str]) -> list[Finding]:
    """Samples whose features are much nearer to each other than neighbours usually are: other encodings, cuts, levels.

    Args:
        names: (rows,) of the samples.
        vectors: (rows, columns) standardised features.
        digests: (rows,) hashes of the audio; identical recordings are no news.
    """
    from sklearn.neighbors import NearestNeighbors

    if len(names) < 3:
        return []
    distances, places = NearestNeighbors(n_neighbors=2).fit(vectors).kneighbors()
    nearest, other = distances[:, 0], places[:, 0]
    pairs = []
    for row in np.flatnonzero(nearest < _NEAR * np.median(nearest)):
        first, second = sorted((int(row), int(other[row])))
        if digests[first] != digests[second]:
            pairs.append(f"{names[first]} ~ {names[second]}")
    pairs = list(dict.fromkeys(pairs))
    text = "features are much nearer than those of neighbours usually are"
    return [Finding("near_identical", text, pairs)] if pairs else []


def _copies(names: Sequence[str], digests: Sequence[str]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, digest in zip(names, digests, strict=True):
        groups.setdefault(digest, []).append(name)
    return [" = ".join(group) for group in groups.values() if len(group) > 1]


def _named(names: Sequence[str], mask: np.ndarray) -> list[str]:
    return [names[row] for row in np.flatnonzero(mask)]
