"""DER and JER: worked examples, an independent library on random cases, and what must not change them."""

import numpy as np
import pytest

from speechlib.metrics.diarization import add_up, score_recording

# A speaks 0-10, B 8-14; the hypothesis has x 0-6, y 6-13 and z 20-21.
REFERENCE = [(0, 10, "A"), (8, 6, "B")]
HYPOTHESIS = [(0, 6, "x"), (6, 7, "y"), (20, 1, "z")]


def test_worked_example():
    errors = score_recording(REFERENCE, HYPOTHESIS)
    # 8-10 has two speakers and one found: 2 s missed, and 13-14 is missed. 6-8 is y for A. 20-21 is false alarm.
    assert (errors.scored_time, errors.scored_speech) == (21, 16)
    assert (errors.missed, errors.false_alarm, errors.confusion) == (3, 1, 2)
    assert errors.der == 6 / 16
    assert errors.mapping == {"A": "x", "B": "y"}
    # A and x share 6 of 10 s; B and y 5 of 8 s.
    assert errors.jer == pytest.approx((0.4 + 3 / 8) / 2)


def test_worked_example_with_collar():
    errors = score_recording(REFERENCE, HYPOTHESIS, collar=0.5)
    # Taken out: 0-0.5, 7.5-8.5, 9.5-10.5, 13.5-14.5.
    assert (errors.scored_time, errors.scored_speech) == (17.5, 12)
    assert (errors.missed, errors.false_alarm, errors.confusion) == (1.5, 1, 1.5)
    assert errors.jer == score_recording(REFERENCE, HYPOTHESIS).jer


def test_worked_example_without_overlap():
    errors = score_recording(REFERENCE, HYPOTHESIS, skip_overlap=True)
    assert (errors.scored_time, errors.scored_speech) == (19, 12)
    assert (errors.missed, errors.false_alarm, errors.confusion) == (1, 1, 2)


def test_regions_may_overlap_and_leave_the_rest_out():
    errors = score_recording(REFERENCE, HYPOTHESIS, regions=[(7, 9), (8.5, 12), (30, 31)])
    # y, the only one found there, is matched to B, who has more of the time: 7-8 is confused, 8-10 half missed.
    assert (errors.scored_time, errors.scored_speech) == (6, 7)
    assert (errors.missed, errors.false_alarm, errors.confusion) == (2, 0, 1)
    assert (errors.num_reference_speakers, errors.num_hypothesis_speakers) == (2, 1)
    assert errors.jer == pytest.approx((1 + 1 / 5) / 2)


def test_lines_of_one_speaker_that_overlap_count_once():
    twice = [(0, 5, "A"), (2, 3, "A"), (4, 6, "A")]
    for collar in (0, 0.25):
        assert score_recording(twice, HYPOTHESIS, collar=collar) == score_recording([(0, 10, "A")], HYPOTHESIS,
                                                                                   collar=collar)  # fmt: skip
    assert score_recording([(0, 10, "A")], twice).der == 0


def test_turns_that_touch_keep_their_boundary():
    """Whether two times are the same must not hang on the last bit: 0.1 + 0.2 is more than 0.3."""
    errors = score_recording([(0.1, 0.2, "A"), (0.3, 0.7, "A")], [(0.1, 0.9, "x")], collar=0.05)
    assert errors.scored_speech == pytest.approx(0.9 - 0.05 - 0.1 - 0.05, abs=1e-12)
    assert errors.der == 0


@pytest.mark.parametrize(
    ("reference", "hypothesis", "der", "jer"),
    [([], [], 0, 0), ([], [(0, 1, "x")], 1, 1), ([(0, 1, "A")], [], 1, 1), ([(0, 0, "A")], [(1, 0, "x")], 0, 0)],
)
def test_silence(reference, hypothesis, der, jer):
    errors = score_recording(reference, hypothesis)
    assert (errors.der, errors.jer) == (der, jer)


def test_collar_wider_than_every_turn_leaves_nothing_to_score():
    errors = score_recording([(5, 1, "A")], [(5, 1, "x")], collar=2)
    assert (errors.scored_speech, errors.der, errors.jer) == (0, 0, 0)


def random_turns(generator, num_turns, num_speakers, length):
    starts = generator.uniform(0, length, num_turns).round(2)
    durations = generator.exponential(2, num_turns).round(2) + 0.01
    speakers = generator.integers(num_speakers, size=num_turns)
    return [(float(s), float(d), f"s{k}") for s, d, k in zip(starts, durations, speakers, strict=True)]


def annotation(turns):
    """Pyannote's form of turns, with the overlapping ones of a speaker joined."""
    core = pytest.importorskip("pyannote.core")
    joined: list[list] = []
    for start, duration, speaker in sorted(turns, key=lambda turn: (turn[2], turn[0])):
        end = round(start + duration, 6)
        if joined and joined[-1][2] == speaker and start < joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end, speaker])
    result = core.Annotation()
    for track, (start, end, speaker) in enumerate(joined):
        result[core.Segment(start, end), track] = speaker
    return result


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("collar", [0.0, 0.1, 0.25])
@pytest.mark.parametrize("skip_overlap", [False, True])
@pytest.mark.parametrize("regions", [None, [(2.0, 9.0), (12.0, 25.0)]])
def test_agrees_with_pyannote_metrics(collar, skip_overlap, regions):
    pytest.importorskip("pyannote.metrics", reason="pyannote.metrics is not installed: tests/run.sh sets it up")
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    theirs = DiarizationErrorRate(collar=2 * collar, skip_overlap=skip_overlap)  # their collar is the whole width
    ours = []
    for seed in range(12):
        generator = np.random.default_rng(seed)
        reference = random_turns(generator, generator.integers(1, 25), generator.integers(1, 6), 30)
        hypothesis = random_turns(generator, generator.integers(0, 25), generator.integers(1, 6), 30)
        errors = score_recording(reference, hypothesis, regions, collar, skip_overlap)
        uem = None if regions is None else Timeline([Segment(*region) for region in regions])
        parts = theirs(annotation(reference), annotation(hypothesis), uem=uem, detailed=True)
        expected = [parts[name] for name in ("total", "missed detection", "false alarm", "confusion")]
        found = [errors.scored_speech, errors.missed, errors.false_alarm, errors.confusion]
        assert found == pytest.approx(expected, abs=1e-8), seed
        assert errors.der == pytest.approx(parts["diarization error rate"], abs=1e-8)
        ours.append(errors)
    assert add_up(ours).der == pytest.approx(abs(theirs), abs=1e-8)


@pytest.mark.filterwarnings("ignore")
def test_jaccard_error_agrees_with_pyannote_metrics():
    """Where two assignments differ, theirs follows shared time and ours, as dscore's, the Jaccard errors themselves."""
    pytest.importorskip("pyannote.metrics", reason="pyannote.metrics is not installed: tests/run.sh sets it up")
    from pyannote.metrics.diarization import JaccardErrorRate

    same = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        reference = random_turns(generator, 12, 3, 40)
        hypothesis = [(max(0.0, s + 0.3), d, f"h{k}" if generator.random() < 0.8 else "h") for s, d, k in reference]
        theirs = JaccardErrorRate()(annotation(reference), annotation(hypothesis))
        ours = score_recording(reference, hypothesis).jer
        assert ours <= theirs + 1e-9
        same += ours == pytest.approx(theirs, abs=1e-9)
    assert same >= 30


def test_jaccard_error_follows_its_own_best_assignment():
    # Shared time alone would match A with the speaker who never stops (10 s of 100), B with nobody.
    reference = [(0, 10, "A"), (20, 9, "B")]
    hypothesis = [(0, 100, "x"), (0, 9, "y")]
    assert score_recording(reference, hypothesis).jer == pytest.approx((1 - 9 / 10 + 1 - 9 / 100) / 2)


def test_against_a_count_of_frames():
    """Times that are multiples of 0.1 s can be counted frame by frame, with overlaps of any depth."""
    for seed in range(20):
        generator = np.random.default_rng(seed)

        def turns(count, names, generator=generator):
            return [(s / 10, d / 10, str(generator.choice(names))) for s, d in generator.integers(1, 60, (count, 2))]

        reference, hypothesis = turns(8, ["a", "b", "c"]), turns(8, ["x", "y"])

        def frames(rows):
            active = {}
            for start, duration, name in rows:
                active.setdefault(name, np.zeros(200, bool))[round(start * 10) : round((start + duration) * 10)] = True
            return np.array(list(active.values()))

        ref, hyp = frames(reference), frames(hypothesis)
        num_ref, num_hyp = ref.sum(axis=0), hyp.sum(axis=0)
        shared = ref.astype(int) @ hyp.T.astype(int)
        from itertools import permutations

        padded = np.zeros((3, 3), int)
        padded[: len(shared), : shared.shape[1]] = shared
        best = max(padded[np.arange(3), order].sum() for order in permutations(range(3)))
        errors = score_recording(reference, hypothesis)
        assert errors.missed == pytest.approx(np.maximum(num_ref - num_hyp, 0).sum() / 10)
        assert errors.false_alarm == pytest.approx(np.maximum(num_hyp - num_ref, 0).sum() / 10)
        assert errors.confusion == pytest.approx((np.minimum(num_ref, num_hyp).sum() - best) / 10)


def test_order_names_and_origin_do_not_matter():
    generator = np.random.default_rng(7)
    reference, hypothesis = random_turns(generator, 30, 4, 60), random_turns(generator, 30, 5, 60)
    errors = score_recording(reference, hypothesis, collar=0.2)
    order = generator.permutation(30)
    changed = score_recording(
        [(reference[i][0] + 3600, reference[i][1], f"発{reference[i][2]}") for i in order],
        [(hypothesis[i][0] + 3600, hypothesis[i][1], hypothesis[i][2][::-1]) for i in order],
        collar=0.2,
    )
    assert changed.der == pytest.approx(errors.der, abs=1e-12)
    assert sorted(changed.jaccard) == pytest.approx(sorted(errors.jaccard), abs=1e-12)


def test_a_long_recording_of_many_turns_and_clusters_is_quick():
    import time

    generator = np.random.default_rng(0)
    reference = random_turns(generator, 10_000, 8, 36_000)
    hypothesis = [(s, d, f"{k}-{i}") for i, (s, d, k) in enumerate(random_turns(generator, 2_000, 3, 36_000))]
    started = time.process_time()
    errors = score_recording(reference, hypothesis, collar=0.25)
    assert time.process_time() - started < 2  # about 0.1 s; a loop over pairs of turns takes a minute
    assert errors.num_hypothesis_speakers == 2_000


def test_adding_up():
    one = score_recording([(0, 10, "A")], [(0, 9, "x")])
    two = score_recording([(0, 30, "A"), (0, 30, "B")], [])
    both = add_up([one, two])
    assert (both.scored_speech, both.missed, both.der) == (70, 61, 61 / 70)
    assert both.jer == pytest.approx((0.1 + 1 + 1) / 3)
    assert add_up([]).der == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"collar": -0.1}, "the collar is -0.1 s: expected a number of seconds, not negative"),
        ({"collar": float("nan")}, "the collar is nan s"),
        ({"reference": [(0, -1, "A")]}, "a turn of the reference has the start 0 and the duration -1: negative"),
        ({"hypothesis": [(0, float("inf"), "A")]}, "a turn of the hypothesis has a time that is no finite number"),
        ({"regions": [(3, 3)]}, "a region to score ends where it starts or before"),
    ],
)
def test_bad_values(changes, message):
    with pytest.raises(ValueError, match=message):
        score_recording(**{"reference": REFERENCE, "hypothesis": HYPOTHESIS} | changes)
