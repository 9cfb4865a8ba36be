"""Misclassification rates against the authors' own algorithm, brute force and hand-made numbers."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from speechlib.metrics.clustering import (
    adjusted_rand_index,
    misclassification_rate,
    misclassified,
    purity,
    score_cuts,
)

relaxed = settings(deadline=None)  # the first example pays for imports
labels = st.integers(1, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(2)])
)


def random_merges(num_segments, generator):
    alive = list(range(num_segments))
    merges = []
    for step in range(num_segments - 1):
        first, second = generator.choice(len(alive), size=2, replace=False)
        first, second = alive[first], alive[second]
        alive = [cluster for cluster in alive if cluster not in (first, second)] + [num_segments + step]
        merges.append((first, second))
    return np.array(merges).reshape(-1, 2)


def cut(num_segments, merges, num_merges):
    members = {segment: [segment] for segment in range(num_segments)}
    for step, (first, second) in enumerate(merges[:num_merges]):
        members[num_segments + step] = members.pop(first) + members.pop(second)
    hypothesis = np.empty(num_segments, dtype=int)
    for cluster, segments in members.items():
        hypothesis[segments] = cluster
    return hypothesis


def authors_rate(speakers, merges):
    """The authors' calc_MR over a merge sequence, for two segments a speaker: their best cut."""
    num_segments = len(speakers)
    errors = np.ones(num_segments)
    members = {segment: [segment] for segment in range(num_segments)}
    best = errors.mean()
    for step, (first, second) in enumerate(merges):
        joined = members.pop(first) + members.pop(second)
        members[num_segments + step] = joined
        leaves = first < num_segments and second < num_segments
        errors[joined] = 0 if leaves and speakers[first] == speakers[second] else 1
        best = min(best, errors.mean())
    return best


def brute_force_hungarian(reference, hypothesis):
    speakers, clusters = sorted(set(reference)), sorted(set(hypothesis))
    clusters += [None] * max(0, len(speakers) - len(clusters))
    best = 0
    for chosen in itertools.permutations(clusters, len(speakers)):
        pairs = set(zip(speakers, chosen, strict=True))
        best = max(best, sum(pair in pairs for pair in zip(reference, hypothesis, strict=True)))
    return 1 - best / len(reference)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "hungarian", "strict"),
    [("0011", "0123", 1 / 2, 1), ("000111122", "773322100", 1 / 3, 7 / 9), ("1224", "1111", 1 / 2, 1)],
)
def test_worked_examples(reference, hypothesis, hungarian, strict):
    assert misclassification_rate(list(reference), list(hypothesis), "hungarian") == pytest.approx(hungarian)
    assert misclassification_rate(list(reference), list(hypothesis), "strict") == pytest.approx(strict)


def test_strict_says_which_segments_are_wrong():
    wrong = misclassified(["a", "a", "b", "c", "c", "d"], [1, 1, 2, 3, 4, 4])
    assert wrong.tolist() == [False, False, False, True, True, True]


def test_hungarian_says_which_segments_are_wrong():
    wrong = misclassified(["a", "a", "a", "b", "b"], [1, 1, 2, 1, 3], "hungarian")
    assert wrong.tolist() == [False, False, True, True, False]


@relaxed
@given(labels)
def test_hungarian_equals_trying_all_assignments(pair):
    reference, hypothesis = pair
    assert misclassification_rate(reference, hypothesis, "hungarian") == pytest.approx(
        brute_force_hungarian(reference, hypothesis)
    )


@relaxed
@given(labels)
def test_order_of_the_measures(pair):
    reference, hypothesis = pair
    strict = misclassification_rate(reference, hypothesis, "strict")
    hungarian = misclassification_rate(reference, hypothesis, "hungarian")
    assert 1 - purity(reference, hypothesis) <= hungarian + 1e-12
    assert hungarian <= strict + 1e-12 <= 1 + 2e-12


@relaxed
@given(labels, st.permutations(range(5)), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(pair, names, random):
    reference, hypothesis = pair
    order = list(range(len(reference)))
    random.shuffle(order)
    for kind in ("strict", "hungarian"):
        renamed = misclassification_rate(
            [f"s{reference[i]}" for i in order], [names[hypothesis[i]] for i in order], kind
        )
        assert renamed == pytest.approx(misclassification_rate(reference, hypothesis, kind))


@relaxed
@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_perfect_clustering_has_no_errors(reference):
    renamed = [7 - speaker for speaker in reference]
    assert misclassification_rate(reference, renamed, "strict") == 0
    assert misclassification_rate(reference, renamed, "hungarian") == 0
    assert purity(reference, renamed) == 1
    assert adjusted_rand_index(reference, renamed) == 1


@relaxed
@given(labels)
def test_adjusted_rand_index_is_scikit_learns(pair):
    from sklearn.metrics import adjusted_rand_score

    assert adjusted_rand_index(*pair) == pytest.approx(adjusted_rand_score(*pair))


@pytest.mark.parametrize("num_speakers", [1, 2, 5, 20, 40])
def test_best_strict_cut_is_the_authors_rate(num_speakers):
    generator = np.random.default_rng(num_speakers)
    for trial in range(50):
        speakers = generator.permutation(np.repeat(np.arange(num_speakers), 2))
        if trial % 2:
            merges = random_merges(len(speakers), generator)
        else:  # trees that get some speakers right
            points = speakers[:, None] * 1.0 + generator.normal(scale=0.4, size=(len(speakers), 3))
            merges = linkage(points, "complete")[:, :2].astype(int)
        best = score_cuts(speakers, merges).strict.min()
        assert best == pytest.approx(authors_rate(speakers, merges), abs=1e-12)
        # Two segments a speaker: right or wrong together, so all rates are multiples of 2 / N as the paper's are.
        assert best * num_speakers == pytest.approx(round(best * num_speakers), abs=1e-9)


@relaxed
@given(st.lists(st.integers(0, 4), min_size=1, max_size=14), st.integers(0, 2**32 - 1))
def test_every_cut_equals_scoring_it_alone(reference, seed):
    merges = random_merges(len(reference), np.random.default_rng(seed))
    scores = score_cuts(reference, merges)
    assert scores.num_clusters.tolist() == list(range(len(reference), 0, -1))
    for step in range(len(reference)):
        hypothesis = cut(len(reference), merges, step)
        assert scores.strict[step] == pytest.approx(misclassification_rate(reference, hypothesis, "strict"))
        assert scores.hungarian[step] == pytest.approx(misclassification_rate(reference, hypothesis, "hungarian"))
        assert scores.purity[step] == pytest.approx(purity(reference, hypothesis))


def test_cuts_of_a_scipy_tree():
    generator = np.random.default_rng(5)
    reference = np.repeat(np.arange(30), 4)
    tree = linkage(generator.normal(size=(120, 8)) + reference[:, None] * 0.3, "complete")
    scores = score_cuts(reference, tree)
    for clusters in (120, 80, 30, 2, 1):
        hypothesis = fcluster(tree, clusters, "maxclust")
        step = 120 - clusters
        assert scores.hungarian[step] == pytest.approx(misclassification_rate(reference, hypothesis, "hungarian"))
        assert scores.misclassification("strict")[step] == pytest.approx(misclassification_rate(reference, hypothesis))


def test_all_cuts_of_the_whole_corpus_take_seconds():
    generator = np.random.default_rng(0)
    reference = np.repeat(np.arange(300), 2)
    tree = linkage(generator.normal(size=(600, 20)) + generator.normal(size=(300, 20))[reference], "complete")
    start = time.process_time()
    scores = score_cuts(reference, tree)
    assert time.process_time() - start < 10
    assert (scores.hungarian <= scores.strict + 1e-12).all()
    assert scores.hungarian.min() > 0


def test_twenty_thousand_speakers_are_scored_without_a_dense_table():
    generator = np.random.default_rng(0)
    reference = np.repeat(np.arange(20_000), 10)
    hypothesis = np.where(generator.random(reference.size) < 0.01, reference + 20_000, reference)
    rate = misclassification_rate(reference, hypothesis, "hungarian")
    assert rate == pytest.approx(np.mean(reference != hypothesis), abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "no segment"),
        (([1, 2], [1]), "one label per segment"),
        (([1], [1], "greedy"), "unknown kind .*'greedy'.*strict, hungarian"),
    ],
)
def test_bad_labels_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        misclassification_rate(*arguments)


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ([[0, 1]], "need a tree of 2 merges"),
        ([[0, 1], [0, 2]], "merge 1 names cluster 0"),
        ([[0, 1], [2, 9]], "merge 1 names cluster 9"),
        ([[0, 0], [2, 3]], "merge 0 names cluster 0"),
    ],
)
def test_merges_that_are_no_tree_are_refused(merges, message):
    with pytest.raises(ValueError, match=message):
        score_cuts([0, 0, 1], merges)


def test_unknown_curve_is_refused():
    with pytest.raises(ValueError, match="unknown kind"):
        score_cuts([0], np.empty((0, 4))).misclassification("greedy")
