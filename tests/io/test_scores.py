"""Score files: order, digits, and errors that name the pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlib.io import text_columns
from speechlib.io.scores import read_score_table, read_scores, write_scores
from speechlib.io.text_columns import Block
from speechlib.io.trials import read_trials

TRIALS = "a x target\na y nontarget\nb x nontarget\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "trials").write_text(TRIALS)
    return tmp_path / "scores", read_trials(tmp_path / "trials")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
def test_scores_follow_the_trials(files, order):
    path, trials = files
    lines = ["a x 1.5\n", "a y -2e-3\n", "b x 3\n"]
    path.write_text("".join(lines[index] for index in order))
    scores = read_scores(path, trials)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, np.float32([1.5, -0.002, 3]))


def test_long_files_in_other_orders(tmp_path, monkeypatch):
    monkeypatch.setattr(text_columns, "BLOCK_BYTES", 1 << 12)
    pairs = [(f"m{i}", f"u{j}") for i in range(40) for j in range(50)]
    (tmp_path / "trials").write_text("".join(f"{a} {b}\n" for a, b in pairs))
    trials = read_trials(tmp_path / "trials")
    values = np.random.default_rng(0).standard_normal(len(pairs)).astype(np.float32)
    order = np.arange(len(pairs))
    order[1200:] = np.random.default_rng(1).permutation(order[1200:])  # the first blocks in order, the others not
    (tmp_path / "scores").write_text("".join(f"{pairs[i][0]} {pairs[i][1]} {values[i]:.9g}\n" for i in order))
    np.testing.assert_array_equal(read_scores(tmp_path / "scores", trials), values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x 1\na y 2\n", r"scores: no score of trial 'b x' \(.*trials:3\); every trial needs one"),
        ("b x 1\n", r"no score of trial 'a x' \(.*trials:1\) and 1 others"),
        ("a x 1\na y 2\nb x 3\nb y 4\n", "scores:4: 'b y' is not among the trials of .*trials"),
        ("a x 1\na z 2\nb x 3\n", "scores:2: 'a z' is not among the trials"),
        ("a x 1\na y 2\nb x 3\na y 2\n", "scores:4: trial 'a y' has a score already in line 2"),
        ("a x 1\na y nan\nb x 3\n", "scores:2: the score is nan; expected a finite number"),
        ("a x 1\na y -inf\nb x 3\n", "scores:2: the score is -inf"),
        ("a x 1\na y 1.2.3\nb x 3\n", "scores:2: '1.2.3' is no number; expected a score"),
        ("a x 1\na y 1_0\nb x 3\n", "scores:2: '1_0' is no number"),
        ("a x 1\na y\nb x 3\n", "scores:2: 'a y' has 2 words; expected 3"),
        ("", "scores: the file is empty"),
        ("a x\n", "scores:1: 'a x': expected '<enrol> <test> <score>'"),
    ],
)
def test_bad_scores(files, text, message):
    path, trials = files
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_scores(path, trials)


def test_what_is_written_is_read(files):
    path, trials = files
    scores = np.float32([0.1234567, -1234567.0, 1e-12])
    write_scores(path, trials, scores)
    assert path.read_text() == "a x 0.1234567\na y -1234567\nb x 1e-12\n"
    np.testing.assert_array_equal(read_scores(path, trials), scores)


def test_percent_signs_in_names(tmp_path):
    (tmp_path / "trials").write_text("50% a%s\n")
    write_scores(tmp_path / "scores", read_trials(tmp_path / "trials"), [2.0])
    assert (tmp_path / "scores").read_text() == "50% a%s 2\n"


def test_bad_scores_are_not_written(files):
    path, trials = files
    path.write_text("old")
    with pytest.raises(ValueError, match="the score of trial 'a y' is nan, one of 2 that are not finite"):
        write_scores(path, trials, [1.0, np.nan, np.inf])
    with pytest.raises(ValueError, match=r"scores of shape \(2,\) for 3 trials"):
        write_scores(path, trials, [1.0, 2.0])
    assert path.read_text() == "old" and [entry.name for entry in path.parent.iterdir()].count("scores") == 1


def test_a_table_of_its_own(tmp_path):
    path = tmp_path / "scores"
    path.write_text("a x 1\nb x 2\n")
    table = read_score_table(path)
    assert [table.trials.pair(i) for i in range(2)] == ["a x", "b x"] and table.scores.tolist() == [1, 2]
    path.write_text("a x 1\nb x 2\na x 1\n")
    with pytest.raises(ValueError, match="scores:3: trial 'a x' was there already in line 1"):
        read_score_table(path)


@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.floats(-1e6, 1e6).map(lambda value: f"{value:.7g}"),
            st.from_regex(r"-?[0-9]{1,9}\.?[0-9]{0,9}", fullmatch=True),
            st.sampled_from(["+1", "-.5", "5.", "00012", "-0", "1e5", "0.00000001", "12345678", "123456789"]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_numbers_are_those_of_python(words):
    block = Block("file", 1, "".join(f"{word} x\n" for word in words).encode(), 2)
    np.testing.assert_array_equal(block.numbers(0), [float(word) for word in words])
