"""Plans that balance classes: sizes, evenness over speakers, utterances and kinds, seeds, and what cannot be done."""

from collections import Counter

import pytest

from speechlib.augment.balance import plan_balance

SPEAKERS = {"a": 12, "b": 3, "c": 6}  # utterances of each
KINDS = ("noise", "reverb", "pitch+2")


def corpus(sizes=None):
    """Labels and speakers by utterance; the class `few` has the numbers of SPEAKERS, `many` 60 of one speaker."""
    labels = {f"{name}-{index:02d}": "few" for name, count in (sizes or SPEAKERS).items() for index in range(count)}
    labels |= {f"z-{index:02d}": "many" for index in range(60)}
    return labels, {utterance: utterance[0] for utterance in labels}


def test_all_classes_reach_the_largest():
    labels, speakers = corpus()
    labels |= {"b-90": "some", "c-90": "some"}
    speakers |= {"b-90": "b", "c-90": "c"}
    plan = plan_balance(labels, speakers, KINDS, target=8)
    copies = Counter(labels[copy.utterance] for copy in plan)
    assert copies == {"some": 6}  # the others have more than 8
    plan = plan_balance({u: label for u, label in labels.items() if label != "some"}, speakers, KINDS)
    assert len(plan) == 60 - 21 and {labels[copy.utterance] for copy in plan} == {"few"}
    assert plan == sorted(plan) and len(set(plan)) == len(plan)


def test_copies_are_even_over_speakers_utterances_and_kinds():
    labels, speakers = corpus()
    plan = plan_balance(labels, speakers, KINDS)
    # b has 3 utterances and so 9 copies at most; the other 30 are shared by a and c
    assert Counter(speakers[copy.utterance] for copy in plan) == {"a": 15, "b": 9, "c": 15}
    times = Counter(copy.utterance for copy in plan)
    for name, spread in (("a", {1, 2}), ("b", {3}), ("c", {2, 3})):
        assert {times[utterance] for utterance in labels if utterance[0] == name} == spread
    assert max(Counter(copy.kind for copy in plan).values()) - min(Counter(copy.kind for copy in plan).values()) <= 3
    few = plan_balance(labels, speakers, KINDS, target=21 + 9)
    assert Counter(speakers[copy.utterance] for copy in few) == {"a": 3, "b": 3, "c": 3}
    assert Counter(copy.kind for copy in few) == dict.fromkeys(KINDS, 3)


def test_all_that_is_possible_can_be_asked_for():
    labels, speakers = corpus({"a": 2, "b": 1})
    plan = plan_balance(labels, speakers, KINDS, target=12)
    assert plan == sorted((u, kind) for u in ("a-00", "a-01", "b-00") for kind in KINDS)
    with pytest.raises(ValueError, match="few has 3 utterances, of which 3 kinds .* make 9 copies, but 10 are needed"):
        plan_balance(labels, speakers, KINDS, target=13)


def test_the_seed_decides_and_the_order_does_not():
    labels, speakers = corpus()
    plan = plan_balance(labels, speakers, KINDS, seed=1)
    backwards = plan_balance(dict(reversed(labels.items())), speakers, KINDS[::-1], seed=1)
    assert plan == backwards != plan_balance(labels, speakers, KINDS, seed=2)


def test_one_class_does_not_change_the_others():
    labels, speakers = corpus()
    plan = plan_balance(labels, speakers, KINDS)
    labels |= {f"c-{index}": "third" for index in range(70, 99)}
    more = plan_balance(labels, speakers | dict.fromkeys(labels, "c") | speakers, KINDS)
    assert [copy for copy in more if labels[copy.utterance] == "few"] == plan


def test_nothing_to_do():
    assert plan_balance({}, {}, KINDS) == []
    assert plan_balance({"u": "x", "v": "y"}, {"u": "a", "v": "a"}, KINDS) == []


def test_what_cannot_be_planned():
    labels, speakers = corpus()
    with pytest.raises(ValueError, match="no kind of augmentation"):
        plan_balance(labels, speakers, ())
    del speakers["a-03"], speakers["b-01"]
    with pytest.raises(ValueError, match=r"utterance a-03 \(and 1 more\) has a label but no speaker"):
        plan_balance(labels, speakers, KINDS)
