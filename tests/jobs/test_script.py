"""Tests of speechlib.jobs.script: arguments that reach a command through bash unchanged, and the frame of a log."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from speechlib.jobs.script import job_script, log_footer, log_header, shell_line


def run(*arguments: str, cwd=None) -> str:
    script = job_script(shell_line(arguments))
    return subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True, cwd=cwd).stdout


# Operators and glued redirections are syntax by agreement; everything else must arrive as it was.
WORDS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).filter(
        lambda word: word.strip("0123456789&><|;(){}![]=") == word and "$((" not in word and "$[" not in word
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_any_words_arrive_unchanged(words):
    script = job_script(shell_line(("printf", "%s\\0", *words)))
    run = subprocess.run(["bash"], input=script.encode(), capture_output=True, check=True)
    assert run.stdout == b"".join(word.encode() + b"\0" for word in words)


def test_words_that_shells_like_to_change():
    words = ["a b", "it's", 'say "hi"', "a|b", "a;b", "$HOME", "`id`", "$(id)", "*", "~", "ü", "", "\\", "a>b", "#x"]
    words += ["ark:gunzip -c x.gz |", "<unk>", "a\nb", "&"]
    assert run("printf", "%s,", *words) == "".join(f"{word}," for word in words)


def test_operators_act_as_they_do_for_run_pl(tmp_path):
    assert run("echo", "b", ";", "echo", "a", "|", "cat", "-n").split() == ["b", "1", "a"]
    assert run("(", "echo", "b", ";", "echo", "a", ")", "|", "sort").split() == ["a", "b"]
    assert run("false", "||", "echo", "no", "&&", "echo", "yes").split() == ["no", "yes"]
    assert run("ls", "missing", ">", "all.txt", "2>&1", "||", "true", cwd=tmp_path) == ""
    assert "missing" in (tmp_path / "all.txt").read_text()
    assert run("ls", "missing", "2>/dev/null", "||", "true", cwd=tmp_path) == ""
    assert run("echo", "x y", ">out file.txt", cwd=tmp_path) == "x y >out file.txt\n"
    assert run("echo", "1", ">two.txt", ";", "echo", "2", ">>two.txt", ";", "cat", "<two.txt", cwd=tmp_path) == "1\n2\n"
    assert run("if", "true", ";", "then", "echo", "ok", ";", "fi") == "ok\n"
    assert run("NAME=3", "printenv", "NAME") == "3\n"


def test_arithmetic_on_a_number_is_done():
    assert run("echo", "--srand=$[3+4]", "$((2*5))-x y", "$((2*5))-x") == "--srand=7 $((2*5))-x y 10-x\n"


def test_standard_input_is_empty():
    assert run("cat") == ""


def test_the_log_frame():
    header = log_header("cmd 'a\nb'", "node7").splitlines()
    assert header[:2] == ["# cmd 'a", "# b'"] and header[2] == "# Running on node7" and header[-1] == "#"
    footer = log_footer(137, 61.4, 50.0, 3 << 20, 2).splitlines()
    assert footer[0] == "# Accounting: time=61 threads=2 wall=61.40 cpu=50.00 memory=3.0MiB"
    assert footer[1].startswith("# Ended (code 137; signal 9) at ") and footer[1].endswith("elapsed time 61 seconds")
