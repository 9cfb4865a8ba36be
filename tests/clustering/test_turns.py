"""Turns from clustered segments: Kaldi's make_rttm.py on windows, and what it does not foresee."""

import random

import pytest

from speechlib.clustering.turns import turns_of_segments


def kaldi(segments):
    """What diarization/make_rttm.py does: neighbours are split in the middle, then equal ones joined."""
    waiting, apart, joined = [list(piece) for piece in sorted(segments)], [], []
    for piece, follower in zip(waiting, waiting[1:], strict=False):
        if piece[1] > follower[0]:
            piece[1] = follower[0] = (piece[1] + follower[0]) / 2
        apart.append(piece)
    apart.append(waiting[-1])
    for piece in apart:
        if joined and joined[-1][1] == piece[0] and joined[-1][2] == piece[2]:
            joined[-1][1] = piece[1]
        else:
            joined.append(list(piece))
    return [tuple(piece) for piece in joined]


def windows(seed):
    generator = random.Random(seed)
    period, time, pieces = generator.choice([0.25, 0.5, 0.75, 1.0, 1.5]), 0.0, []
    for _ in range(5):
        count = generator.randint(1, 8)
        pieces += [(time + i * period, time + i * period + 1.5, generator.choice("ab")) for i in range(count)]
        time = pieces[-1][1] + generator.choice([0.0, 0.5])
    return pieces


@pytest.mark.parametrize("seed", range(30))
def test_windows_as_kaldi_does(seed):
    assert turns_of_segments(windows(seed)) == kaldi(windows(seed))


def test_what_two_clusters_share_is_split_in_the_middle():
    pieces = [(0, 1.5, "a"), (0.75, 2.25, "a"), (1.5, 3, "b"), (2.25, 3.75, "a")]
    assert turns_of_segments(pieces) == [(0, 1.875, "a"), (1.875, 2.625, "b"), (2.625, 3.75, "a")]


def test_a_segment_within_another_takes_half_of_its_stretch():
    pieces = [(2, 4, "b"), (0, 10, "a")]
    assert turns_of_segments(pieces) == [(0, 3, "a"), (3, 4, "b"), (4, 10, "a")]
    assert turns_of_segments(pieces, split_overlaps=False) == [(0, 10, "a"), (2, 4, "b")]
    assert turns_of_segments([(0, 10, "a"), (2, 4, "a")]) == [(0, 10, "a")]


@pytest.mark.parametrize("seed", range(200))
def test_one_speaks_at_a_time_and_nothing_is_lost(seed):
    generator = random.Random(seed)
    pieces = []
    for _ in range(generator.randint(1, 9)):
        start = generator.randint(0, 12)
        pieces.append((start, start + generator.randint(1, 9), generator.choice("abc")))
    turns = turns_of_segments(pieces)
    assert all(one[1] <= other[0] for one, other in zip(turns, turns[1:], strict=False))
    covered = {second for start, end, _ in pieces for second in range(start, end)}
    assert sum(end - start for start, end, _ in turns) == pytest.approx(len(covered))
    for start, end, cluster in turns:  # nobody gets what none of its segments holds
        for second in (start + 1e-6, end - 1e-6):
            assert any(a <= second <= b for a, b, c in pieces if c == cluster)


def test_kept_overlaps_join_a_cluster_across_others():
    pieces = [(0, 2, "a"), (1, 5, "b"), (2, 4, "a"), (4.5, 6, "b"), (7, 8, "a")]
    assert turns_of_segments(pieces, False) == [(0, 4, "a"), (1, 6, "b"), (7, 8, "a")]


def test_times_that_were_rounded_still_touch():
    assert turns_of_segments([(0.1, 0.1 + 0.2, "a"), (0.3, 1, "a")]) == [(0.1, 1, "a")]
    assert turns_of_segments([(0, 0.3, "a"), (0.1 + 0.2, 1, "a")]) == [(0, 1, "a")]


def test_nothing():
    assert turns_of_segments([]) == []
