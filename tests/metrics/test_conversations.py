"""I_PUR, I_SPK and their company on conversations small enough to count by hand, and their bounds."""

import numpy as np
import pytest

from speechlib.metrics.conversations import score_conversation, speaker_number_accuracy


def test_worked_example():
    scores = score_conversation(list("aaabbc"), [1, 1, 2, 2, 2, 3], [10, 20, 30, 40, 50, 60])
    # Cluster 1: a 30. Cluster 2: a 30, b 90. Cluster 3: c 60.
    assert scores.i_pur == (30 + 90 + 60) / 210
    assert scores.i_pur_utterances == (2 + 2 + 1) / 6
    assert scores.acp == pytest.approx((30 + (30**2 + 90**2) / 120 + 60) / 210)
    assert (scores.i_spk, scores.exact_count) == (1, 1)
    assert (scores.mr_hungarian, scores.mr_strict) == (1 / 6, 5 / 6)
    assert scores.ari == pytest.approx(0.3181818, abs=1e-6)
    assert (scores.num_speakers, scores.num_clusters, scores.num_utterances) == (3, 3, 6)


def test_weights_default_to_utterances():
    scores = score_conversation(list("aab"), list("xxx"))
    assert scores.i_pur == scores.i_pur_utterances == 2 / 3
    assert scores.acp == pytest.approx(5 / 9)


@pytest.mark.parametrize(
    ("num_speakers", "num_clusters", "expected"),
    [(2, 2, 1), (2, 1, 0.5), (2, 3, 0.5), (2, 4, 0), (2, 9, 0), (4, 3, 0.75), (7, 1, 1 / 7), (1, 1, 1), (1, 2, 0)],
)
def test_speaker_number(num_speakers, num_clusters, expected):
    assert speaker_number_accuracy(num_speakers, num_clusters) == pytest.approx(expected)


def test_one_utterance():
    scores = score_conversation(["a"], ["x"])
    assert scores[:8] == (1, 1, 1, 1, 1, 0, 0, 1)


def test_one_speaker():
    together, apart = score_conversation(["a"] * 4, [1] * 4), score_conversation(["a"] * 4, range(4))
    assert (together.i_pur, together.i_spk, together.mr_hungarian) == (1, 1, 0)
    assert (apart.i_pur, apart.i_spk, apart.mr_hungarian) == (1, 0, 0.75)


def test_purity_alone_rewards_singletons_and_speaker_number_does_not():
    speakers = np.repeat([0, 1], 10)
    scores = score_conversation(speakers, np.arange(20))
    assert (scores.i_pur, scores.i_spk) == (1, 0)


def test_names_and_order_do_not_matter():
    generator = np.random.default_rng(0)
    speakers, clusters = generator.integers(4, size=40), generator.integers(5, size=40)
    weights = generator.integers(1, 500, size=40)
    order = generator.permutation(40)
    names = np.array(["ü", "発", "c", "d", "e"])
    one = score_conversation(speakers, clusters, weights)
    other = score_conversation(names[speakers][order], names[::-1][clusters][order], weights[order])
    assert other == pytest.approx(one)


def test_a_cluster_without_weight_counts_as_cluster_only():
    scores = score_conversation(list("aab"), [1, 1, 2], [3, 4, 0])
    assert (scores.i_pur, scores.acp, scores.num_clusters) == (1, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a"], ["x", "y"]), "give one of each for at least one utterance"),
        (([], []), "give one of each for at least one utterance"),
        ((["a", "b"], ["x", "y"], [1]), r"\(1,\) weights for \(2,\) utterances"),
        ((["a", "b"], ["x", "y"], [0, 0]), "finite, not negative and not all zero"),
        ((["a", "b"], ["x", "y"], [2, -1]), "finite, not negative and not all zero"),
        ((["a", "b"], ["x", "y"], [2, float("nan")]), "finite, not negative and not all zero"),
    ],
)
def test_bad_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        score_conversation(*arguments)
