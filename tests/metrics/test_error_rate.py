"""Error rates: hand examples, properties, and a brute-force twin."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.metrics.error_rate import Errors, count_errors, error_rate

words = st.text("abc", max_size=7)


def fewest_errors(reference, hypothesis):
    @lru_cache(None)
    def best(n, m):
        if n == 0 or m == 0:
            return n + m
        change = best(n - 1, m - 1) + (reference[n - 1] != hypothesis[m - 1])
        return min(change, best(n - 1, m) + 1, best(n, m - 1) + 1)

    return best(len(reference), len(hypothesis))


def test_hand_examples():
    reference, hypothesis = "sil sh iy hh ae d y er sil".split(), "sil s iy ae d y er sil sil".split()
    assert count_errors(reference, hypothesis) == Errors(1, 1, 1, 9)  # sh -> s, hh lost, a second sil
    assert count_errors(reference, hypothesis).rate == pytest.approx(3 / 9)
    assert count_errors("abc", "") == Errors(0, 3, 0, 3)
    assert count_errors("", "ab") == Errors(0, 0, 2, 0)
    assert count_errors("ab", "cd") == Errors(2, 0, 0, 2)
    assert count_errors("a", "bcd").rate == 3.0


def test_rate_of_several_weighs_by_length():
    assert error_rate([("abcd", "abcd"), ("a", "b")]) == pytest.approx(1 / 5)
    with pytest.raises(ValueError, match="at least one label"):
        error_rate([])
    with pytest.raises(ValueError, match="at least one label"):
        count_errors("", "a").rate  # noqa: B018


@given(words, words)
def test_equals_the_recursion(reference, hypothesis):
    errors = count_errors(reference, hypothesis)
    assert sum(errors[:3]) == fewest_errors(reference, hypothesis)
    assert errors.deletions - errors.insertions == len(reference) - len(hypothesis)
    swapped = count_errors(hypothesis, reference)
    assert (swapped.substitutions, swapped.insertions, swapped.deletions) == errors[:3]
