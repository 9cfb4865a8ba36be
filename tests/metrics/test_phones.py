"""Phone error rate: the map to 39 classes, counts by hand, and what cannot be scored."""

import pytest

from speechlib.metrics import phone_error_rate
from speechlib.metrics.phones import phone_errors, to_scored_phones
from speechlib.metrics.timit_phones import PHONE_TO_39, PHONE_TO_48, PHONES_61


def test_labels_of_any_inventory_mean_the_same():
    for phone in PHONES_61:
        if phone != "q":
            assert to_scored_phones([phone]) == to_scored_phones([PHONE_TO_48[phone]]) == [PHONE_TO_39[phone]]
            assert to_scored_phones([PHONE_TO_39[phone]]) == [PHONE_TO_39[phone]]
    assert to_scored_phones("h# q pau cl vcl epi sil q".split()) == ["sil"] * 6
    with pytest.raises(ValueError, match="label 2 is 'tck'"):
        to_scored_phones(["h#", "tck"])


def test_an_example_by_hand():
    # after the map: sil sh iy hh eh sil jh er sil / sil sh iy eh sil ch er sil dh
    reference = "h# sh ix hv eh dcl jh axr h#".split()
    hypothesis = "h# sh ih q eh dcl ch er h# dh".split()
    errors = phone_errors(reference, hypothesis)
    assert (errors.substitutions, errors.deletions, errors.insertions, errors.length) == (1, 1, 1, 9)
    assert phone_error_rate([reference], [hypothesis]) == pytest.approx(3 / 9)
    # rates are over all phones, not means of utterances
    assert phone_error_rate([reference, ["aa"]], [hypothesis, ["ao"]]) == pytest.approx(3 / 10)
    assert phone_error_rate([" ".join(reference)], [" ".join(hypothesis)]) == pytest.approx(3 / 9)
    assert phone_error_rate([["aa"]], [[]]) == 1.0 and phone_error_rate([["aa"]], [["ao", "b", "d"]]) == 2.0


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        ([["aa"]], [], "1 references for 0"),
        ([["aa"], ["b", "xx"]], [["aa"], ["b"]], "utterance 2: label 2 is 'xx'"),
        ([["q"]], [["aa"]], "at least one label"),
        ([], [], "at least one label"),
    ],
)
def test_what_cannot_be_scored(references, hypotheses, message):
    with pytest.raises(ValueError, match=message):
        phone_error_rate(references, hypotheses)
