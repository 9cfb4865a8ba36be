"""Lists of trials in either layout, of any size, and what is wrong with bad ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.io import text_columns
from speechlib.io.trial_speakers import linked_speakers, speakers_of, trial_speakers
from speechlib.io.trials import iterate_trials, read_trials, require_labels

NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=40
)  # any length around the groups of eight bytes


def written(tmp_path, text, name="trials"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def as_triples(trials):
    labels = [None] * len(trials) if trials.target is None else trials.target.tolist()
    return [(*trials.pair(index).split(" "), label) for index, label in enumerate(labels)]


@pytest.mark.parametrize(
    "text",
    [
        "a b target\na c nontarget\n",
        "a b target\na c nontarget",  # no last line end
        "1 a b\n0 a c\n",  # VoxCeleb
        "a  b\ttarget \r\n  a c   nontarget\r\n",
        "a\tb\ttarget\na\tc\tnontarget\n",
    ],
)
def test_layouts(tmp_path, text):
    trials = read_trials(written(tmp_path, text))
    assert as_triples(trials) == [("a", "b", True), ("a", "c", False)]
    assert trials.enrol.dtype == np.int32 and trials.enrol_names == ["a"]


def test_pairs_alone_have_no_labels(tmp_path):
    trials = read_trials(written(tmp_path, "a b\nb a\n"))
    assert as_triples(trials) == [("a", "b", None), ("b", "a", None)]
    with pytest.raises(ValueError, match="trials: the trials have no labels"):
        require_labels(trials)


def test_kaldi_names_that_look_like_labels(tmp_path):
    trials = read_trials(written(tmp_path, "1 0 target\n0 1 nontarget\n"))
    assert as_triples(trials) == [("1", "0", True), ("0", "1", False)]


def test_pipes_are_read(tmp_path):
    path = written(tmp_path, "a b target\na c nontarget\n")
    assert as_triples(read_trials(f"cut -d' ' -f1,2 {path} |")) == [("a", "b", None), ("a", "c", None)]
    with pytest.raises(OSError, match="failed with status 3"):
        read_trials("echo a b target; exit 3 |")


@given(st.lists(st.tuples(NAMES, NAMES, st.booleans()), min_size=1, max_size=60, unique_by=lambda t: t[:2]))
def test_any_names_come_back(tmp_path_factory, triples):
    text = "".join(f"{a} {b} {'target' if c else 'nontarget'}\n" for a, b, c in triples)
    path = written(tmp_path_factory.mktemp("t"), text)
    trials = read_trials(path)
    assert as_triples(trials) == triples
    assert len(set(trials.enrol_names)) == len(trials.enrol_names)


def test_blocks_share_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(text_columns, "BLOCK_BYTES", 1 << 12)
    lines = [(f"model-{i % 97}", f"utt-{i % 301:0{5 + i % 30}d}", i % 97 == i % 301) for i in range(3000)]
    lines = list(dict.fromkeys(lines))
    path = written(tmp_path, "".join(f"{a} {b} {'target' if c else 'nontarget'}\n" for a, b, c in lines))
    assert as_triples(read_trials(path)) == lines
    pieces = list(iterate_trials(path, block=500))
    assert len(pieces) > 3 and all(len(piece) >= 500 for piece in pieces[:-1])
    assert [triple for piece in pieces for triple in as_triples(piece)] == lines
    assert pieces[0].enrol_names is pieces[-1].enrol_names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"trials: the file is empty; expected lines of '<enrol> <test> target\|nontarget'"),
        ("a b target\na c nontarget\na b nontarget\n", "trials:3: trial 'a b' was there already in line 1; keep one"),
        ("a b target\na c imposter\n", "trials:2: label 'imposter': expected target or nontarget"),
        ("a b same\n", "trials:1: label 'same': expected target or nontarget"),
        ("1 a b\n2 a c\n", "trials:2: label '2': expected 1 or 0"),
        ("a b target\na c\n", "trials:2: 'a c' has 2 words; expected 3"),
        ("a b target\n\na c target\n", "trials:2: blank line"),
        ("a\n", "trials:1: 'a': expected '<enrol> <test>"),
        ("a b target\na \0c target\n", "trials:2: control characters"),
        (b"a b target\n\xff c target\n", r"trials: name b'\\xff' is not UTF-8"),
    ],
)
def test_bad_lists(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_trials(written(tmp_path, text))


@pytest.mark.parametrize(("label", "other"), [("target", "nontarget"), ("nontarget", "target")])
def test_one_class_is_not_enough(tmp_path, label, other):
    trials = read_trials(written(tmp_path, f"a b {label}\na c {label}\n"))
    with pytest.raises(ValueError, match=f"all 2 trials are {label} trials; error rates need {other} trials, too"):
        require_labels(trials)


def test_speakers_by_links(tmp_path):
    text = "a1 a2 target\na2 a3 target\nb1 b2 target\na1 b2 nontarget\nb1 a3 nontarget\nc1 a1 nontarget\n"
    first, second, kind = linked_speakers(read_trials(written(tmp_path, text)))
    a, b, c = first[0], first[2], first[5]
    assert len({a, b, c}) == 3 and "linked" in kind
    assert (first.tolist(), second.tolist()) == ([a, a, b, a, b, c], [a, a, b, b, a, a])


def test_labels_that_contradict_the_links(tmp_path):
    trials = read_trials(written(tmp_path, "a b target\nb c target\na c nontarget\n"))
    first, second, kind = linked_speakers(trials)
    assert kind == "enrolment names" and first.tolist() == second.tolist() == trials.enrol.tolist()


def test_speakers_by_map(tmp_path):
    trials = read_trials(written(tmp_path, "A a2 target\nA b1 nontarget\n"))
    path = written(tmp_path, "a1 A\na2 A\nb1 B\n", "utt2spk")
    first, second, kind = trial_speakers(trials, path)  # a model is named by its speaker
    assert (first.tolist(), second.tolist(), kind) == ([0, 0], [0, 1], "speakers")
    with pytest.raises(ValueError, match="trials:2: 'b1' has no speaker"):
        speakers_of(trials, {"a1": "A", "a2": "A"})
    with pytest.raises(ValueError, match="trials:1: 'A a2' is a target trial, but of two speakers by the utt2spk"):
        speakers_of(trials, {"a1": "A", "a2": "B", "b1": "B"})

