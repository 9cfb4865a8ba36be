"""Phone error rate as it is given for TIMIT: 39 classes, the glottal stop left out (Lee and Hon, 1989)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speechlib.metrics.error_rate import Errors, count_errors, error_rate
from speechlib.metrics.timit_phones import DELETED, PHONE_TO_39

# Labels of the 48 and the 39 that are none of the 61; all others mean the same wherever they are known.
_KNOWN = PHONE_TO_39 | {"sil": "sil", "cl": "sil", "vcl": "sil"}


def to_scored_phones(labels: Iterable[str]) -> list[str]:
    """Labels of the 61, the 48 or the 39 as those of the 39 that are scored; q vanishes.

    Raises:
        ValueError: a label that is none of them, with its place.
    """
    scored = []
    for place, label in enumerate(labels, 1):
        if label == DELETED:
            continue
        if label not in _KNOWN:
            raise ValueError(f"label {place} is {label!r}, which is not one of TIMIT's phones")
        scored.append(_KNOWN[label])
    return scored


def phone_errors(reference: Iterable[str], hypothesis: Iterable[str]) -> Errors:
    """Substitutions, deletions and insertions of one utterance, after the 39-phone map.

    Raises:
        ValueError: a label that is not one of TIMIT's phones.
    """
    return count_errors(to_scored_phones(reference), to_scored_phones(hypothesis))


def phone_error_rate(references: Sequence[Sequence[str] | str], hypotheses: Sequence[Sequence[str] | str]) -> float:
    """(S + D + I) / N over all utterances, after the 39-phone map.

    Args:
        references: labels of each utterance, of the 61, the 48 or the 39: a sequence, or words in a text.
        hypotheses: those that were recognised, utterance by utterance.

    Raises:
        ValueError: another number of utterances, a label that is not one of TIMIT's phones (with the utterance), or
            references without a label.
    """
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references for {len(hypotheses)} hypotheses: expected as many")
    pairs = []
    for number, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True), 1):
        try:
            pairs.append((to_scored_phones(_labels(reference)), to_scored_phones(_labels(hypothesis))))
        except ValueError as error:
            raise ValueError(f"utterance {number}: {error}") from None
    return error_rate(pairs)


def _labels(utterance: Sequence[str] | str) -> Sequence[str]:
    return utterance.split() if isinstance(utterance, str) else utterance
