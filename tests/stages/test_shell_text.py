"""Tests of speechlib.stages.shell_text: bash's variables, and the stages, names and paths in a recipe's text."""

import os
import subprocess

import pytest

from speechlib.stages.shell_text import StageText, read_functions, read_stages, read_variables, with_functions


def shell(text: str) -> str:
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_variables_are_read_back_whatever_is_in_them(locale):
    values = {
        "plain": "a b",
        "quotes": "it's \"so\" $HOME `x` \\ $(date)",
        "lines": 'one\ndeclare -- fake="1"\n)',
        "control": "tab\tbell\a esc\033 end\x01'\\",
        "letters": "Größe \u65e5",
        "empty": "",
    }
    assignments = "".join(f"IFS= read -r -d '' {name}\n" for name in values)
    dump = subprocess.run(
        ["bash", "-c", f"{assignments}a=('x y' \"\" $'q\\n\"' '[1]=(z)'); declare -A m=([k e]='v ]'); declare b\n"
         "declare -p"],
        input="".join(f"{value}\0" for value in values.values()), capture_output=True, text=True,
        env={**os.environ, "LC_ALL": locale}, encoding="utf-8", errors="surrogateescape",
    ).stdout  # fmt: skip
    found = read_variables(dump)
    assert {name: found[name] for name in values} == {name: [value] for name, value in values.items()}
    assert found["a"] == ["x y", "", 'q\n"', "[1]=(z)"] and found["m"] == ["v ]"]
    assert "b" not in found and "fake" not in found


def test_stages_with_the_functions_that_they_call():
    text = "if stage 1 \"A: b; c\"; then\n  # words\n  if x; then f; fi\n  y # z\nfi\nz\nif stage 20 'D'; then q; fi\n"
    stages = read_stages(text)
    assert list(stages) == [1, 20] and stages[1][0] == "A: b; c" and stages[20][0] == "D"
    assert "if x; then f; fi" in stages[1][1] and "words" not in stages[1][1] and "q" not in stages[1][1]
    functions = read_functions(shell("f() { g 1; }; g() { if a; then f; fi; }; h() { f; }; declare -f"))
    assert functions.keys() == {"f", "g", "h"}
    whole = with_functions(stages[1][1], functions)
    assert "g 1" in whole and "if a" in whole and "h ()" not in whole
    assert with_functions("nothing", functions) == "nothing"


VARIABLES = {
    "data": ["data/x"], "exp": ["exp/x"], "seeds": ["1 2"], "seed": ["1"], "nj": ["4"], "corpus": [""], "rate": [""],
    "common": ["--nj", "4", "--cmd", "run.py --mem 2G", "--dim", "3"], "tags": ["dim=3"], "set": ["leaked"], "i": ["0"],
}  # fmt: skip


@pytest.mark.parametrize(
    "text, options",
    [
        ('steps/a.sh "${common[@]}" --seed $seed', {"common": "--dim 3", "seed": "1"}),
        ("for set in a b; do x $set ${data}/$set; done", {"data": "data/x"}),
        ('while read -r set i; do x "$set" $i "$tags"; done', {"tags": "dim=3"}),
        ('tags="a $seed"\nx --tags "$tags"', {"seed": "1"}),
        ('x --tags "seed=$seed tags=$tags"', {"seed": "1", "tags": "dim=3"}),
        ("((seed + 1 < 2)); x ${corpus:+--corpus $corpus} $nj", {"seed": "1", "corpus": ""}),
        ('f() {\n    local set=$1 seed;\n    x "$set" "$seed" ${#tags}\n}', {"tags": "dim=3"}),
    ],
)
def test_options_are_what_the_text_names_and_does_not_set(text, options):
    assert StageText(text, VARIABLES).options(["nj"]) == options


@pytest.mark.parametrize(
    "text, patterns",
    [
        ('x "${corpus:-$data/corpus}" "$exp/$name/y"', {"data/x/corpus", "exp/x/*/y"}),
        ('for set in a b; do x "$data/${set}_raw" d/$set; done', {"data/x/a_raw", "data/x/b_raw", "d/a", "d/b"}),
        ('x SEED="$seed:${seeds##* }" "$exp/seedSEED/log" JOB=1:4 a/JOB/x', {"exp/x/seed*/log", "a/*/x"}),
        ('x "$data"/{train,dev} ark,scp:$exp/a,$exp/b', {"data/x/train", "data/x/dev", "exp/x/a", "exp/x/b"}),
        ('y=$exp/n$seed\nx "$y/out" --o=$data/q >results/r', {"exp/x/n1", "exp/x/n1/out", "data/x/q", "results/r"}),
        ("x conf/mfcc_${rate:-$(($(<\"$data/rate\") / 1000))}k.conf", {"conf/mfcc_*k.conf", "data/x/rate"}),
        ('x "$1" "$data/$1" "$(basename "$seed")/z" -l a=b', {"data/x/*"}),
    ],
)  # fmt: skip
def test_paths_are_what_words_may_stand_for(text, patterns):
    found = {one for one in StageText(text, VARIABLES).patterns() if "/" in one and ":" not in one and "=" not in one}
    assert {one for one in found if "," not in one} == patterns


def test_a_comment_says_what_is_not_read():
    text = 'if stage 1 "A"; then\n  # does not read: "$data"/q $exp/{a,b}*\n  # other\n  x $exp\nfi\n'
    body = read_stages(text)[1][1]
    stage = StageText(body, VARIABLES)
    assert stage.not_read() == ["data/x/q", "exp/x/a*", "exp/x/b*"] and "other" not in body
    assert [path for path in stage.patterns() if "/" in path] == ["exp/x"]
    assert StageText("x", VARIABLES).not_read() == []
