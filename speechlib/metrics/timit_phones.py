"""TIMIT's 61 phones, the classes to score (Lee and Hon, 1989; Kaldi's phones.60-48-39.map), and the broad classes."""

from __future__ import annotations

from collections.abc import Iterable

# Table 5 of Shon et al. (2018), whose "tck" and "h" are tcl and h#.
BROAD_CLASSES: dict[str, tuple[str, ...]] = {
    "vowel": tuple("iy ih eh ey ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h".split()),
    "semivowel": tuple("l r w y hh hv el".split()),
    "nasal": tuple("m n ng em en eng nx".split()),
    "fricative": tuple("s sh z zh f th v dh".split()),
    "affricate": tuple("jh ch".split()),
    "stop": tuple("b d g p t k dx q".split()),
    "closure": tuple("bcl dcl gcl pcl tcl kcl".split()),
    "other": tuple("pau epi h#".split()),
}
PHONES_61: tuple[str, ...] = tuple(phone for phones in BROAD_CLASSES.values() for phone in phones)
DELETED = "q"  # the glottal stop, which scoring leaves out

_TO_48 = {
    "ax-h": "ax", "axr": "er", "em": "m", "eng": "ng", "hv": "hh", "nx": "n", "ux": "uw", "h#": "sil", "pau": "sil",
    **dict.fromkeys(("bcl", "dcl", "gcl"), "vcl"), **dict.fromkeys(("pcl", "tcl", "kcl"), "cl"),
}  # fmt: skip
_48_TO_39 = {"ao": "aa", "ax": "ah", "ix": "ih", "el": "l", "en": "n", "zh": "sh"} | dict.fromkeys(
    ("cl", "vcl", "epi"), "sil"
)

PHONE_TO_48: dict[str, str] = {phone: _TO_48.get(phone, phone) for phone in PHONES_61 if phone != DELETED}
PHONE_TO_39: dict[str, str] = {phone: _48_TO_39.get(known, known) for phone, known in PHONE_TO_48.items()}
BROAD_CLASS_OF: dict[str, str] = {phone: name for name, phones in BROAD_CLASSES.items() for phone in phones}


def map_phones(phones: Iterable[str], num_classes: int) -> list[str]:
    """Map labels of the 61 to those of 48 or 39; q vanishes.

    Args:
        phones: labels of the 61.
        num_classes: 61 (checked, unchanged), 48 (for training) or 39 (for scoring).

    Raises:
        ValueError: a label that is not among the 61, with its place; or another number of classes.
    """
    tables = {61: {phone: phone for phone in PHONES_61}, 48: PHONE_TO_48, 39: PHONE_TO_39}
    if num_classes not in tables:
        raise ValueError(f"TIMIT's phones are counted as 61, 48 or 39 classes, not {num_classes}")
    table = tables[num_classes]
    mapped = []
    for place, phone in enumerate(phones, 1):
        if phone not in BROAD_CLASS_OF:
            raise ValueError(f"label {place} is {phone!r}, which is not one of TIMIT's 61 phones")
        if phone in table:
            mapped.append(table[phone])
    return mapped
