"""TIMIT's phones: every label in one broad class, the standard numbers of classes, the rules of the standard map."""

from collections import Counter

import pytest

from speechlib.metrics.timit_phones import (
    BROAD_CLASS_OF,
    BROAD_CLASSES,
    PHONE_TO_39,
    PHONE_TO_48,
    PHONES_61,
    map_phones,
)


def test_broad_classes_cover_the_61_labels_once():
    assert len(PHONES_61) == len(set(PHONES_61)) == len(BROAD_CLASS_OF) == 61
    sizes = {
        "vowel": 20,
        "semivowel": 7,
        "nasal": 7,
        "fricative": 8,
        "affricate": 2,
        "stop": 8,
        "closure": 6,
        "other": 3,
    }
    assert {name: len(phones) for name, phones in BROAD_CLASSES.items()} == sizes


def test_48_and_39_classes():
    assert len(set(PHONE_TO_48.values())) == 48 and len(set(PHONE_TO_39.values())) == 39
    assert "q" not in PHONE_TO_48 and len(PHONE_TO_39) == 60
    together = Counter(PHONE_TO_39.values())
    assert together["sil"] == 9  # six closures, h#, pau, epi
    rules = {"ao": "aa", "ax": "ah", "ax-h": "ah", "axr": "er", "ix": "ih", "el": "l", "em": "m", "en": "n", "nx": "n",
             "eng": "ng", "hv": "hh", "ux": "uw", "zh": "sh", "dx": "dx", "epi": "sil", "dcl": "sil"}  # fmt: skip
    assert {phone: PHONE_TO_39[phone] for phone in rules} == rules
    # who falls together in 48 stays together in 39
    for one in PHONE_TO_48:
        for other in PHONE_TO_48:
            if PHONE_TO_48[one] == PHONE_TO_48[other]:
                assert PHONE_TO_39[one] == PHONE_TO_39[other]


def test_sequences_are_mapped():
    assert map_phones("h# sh ix q dcl d ao h#".split(), 39) == "sil sh ih sil d aa sil".split()
    assert map_phones("h# sh ix q dcl d ao".split(), 48) == "sil sh ix vcl d ao".split()
    assert map_phones(PHONES_61, 61) == list(PHONES_61)
    with pytest.raises(ValueError, match="label 2 is 'tck'"):
        map_phones(["h#", "tck"], 39)
    with pytest.raises(ValueError, match="61, 48 or 39"):
        map_phones(["h#"], 40)


def test_real_alignments_hold_no_other_label(corpora):
    labels = {line.split()[2] for path in (corpora / "timit").rglob("*.PHN") for line in path.read_text().splitlines()}
    assert labels and labels <= set(PHONES_61)
