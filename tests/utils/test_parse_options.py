"""Tests of utils/parse_options.sh: a small script that sources it, called in every way."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = """#!/usr/bin/env bash
# Usage: step.sh [options] <data-dir>
#  e.g.: step.sh --nj 8 data/train
# Options:
#   --nj N    parallel jobs (default: 4)
# shellcheck disable=SC2034
set -euo pipefail
nj=4 compress=true stage=0 stop_stage=99 cmd=utils/run.py lr=0.1 name= value=1.5 texts=(a b) Upper=3 {more}
. {parse_options}
[[ $# -le 1 ]] || usage "expected one argument, got $#"
echo "$nj|$compress|$stage|$stop_stage|$cmd|$lr|$name|$value|$*"
"""


@pytest.fixture
def step(root, tmp_path):
    def run(*words: str, more: str = "", **variables: str) -> subprocess.CompletedProcess:
        script = tmp_path / "step.sh"
        script.write_text(SCRIPT.format(parse_options=root / "utils/parse_options.sh", more=more))
        environment = os.environ | variables
        return subprocess.run(["bash", script, *words], capture_output=True, text=True, env=environment, cwd=tmp_path)

    return run


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], "4|true|0|99|utils/run.py|0.1||1.5|"),
        (["data"], "4|true|0|99|utils/run.py|0.1||1.5|data"),
        (["--nj", "8", "--stop-stage=5", "data"], "8|true|0|5|utils/run.py|0.1||1.5|data"),
        (["--stop_stage", "5"], "4|true|0|5|utils/run.py|0.1||1.5|"),
        (["--compress", "false", "--nj=08"], "8|false|0|99|utils/run.py|0.1||1.5|"),
        (["--cmd", "run.pl --mem 4G"], "4|true|0|99|run.pl --mem 4G|0.1||1.5|"),
        (["--name", "a=b c", "--value=x=y"], "4|true|0|99|utils/run.py|0.1|a=b c|x=y|"),
        (["--name=", "--lr", ""], "4|true|0|99|utils/run.py|||1.5|"),
        (["--stage", "-1", "--lr", "1e-3"], "4|true|-1|99|utils/run.py|1e-3||1.5|"),
        (["--name", "$(touch x) `id` \"q\" 'é'"], "4|true|0|99|utils/run.py|0.1|$(touch x) `id` \"q\" 'é'|1.5|"),
        (["--", "--nj"], "4|true|0|99|utils/run.py|0.1||1.5|--nj"),
    ],
)
def test_options_set_variables(step, tmp_path, words, expected):
    done = step(*words)
    assert (done.returncode, done.stdout.rstrip("\n"), done.stderr) == (0, expected, "")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--njj", "4"], "unknown option --njj; did you mean --nj? (--help lists all)"),
        (["--stop-stge=4"], "unknown option --stop-stge; did you mean --stop-stage?"),
        (["--compres", "true"], "did you mean --compress?"),
        (["--frobnicate", "4"], "unknown option --frobnicate (--help lists all)"),
        (["--upper", "4"], "unknown option --upper"),
        (["--texts", "4"], "unknown option --texts"),
        (["--path", "4"], "unknown option --path"),
        (["--nj", "four"], "--nj four: expected a whole number, such as 4"),
        (["--nj", "0"], "--nj 0: expected at least 1"),
        (["--nj", "-2"], "--nj -2: expected at least 1"),
        (["--stage", "1.5"], "--stage 1.5: expected a whole number"),
        (["--nj="], "--nj : expected a whole number"),
        (["--compress", "yes"], "--compress yes: expected true or false"),
        (["--compress"], "option --compress needs a value"),
        (["--nj"], "option --nj needs a value"),
        (["--cmd", ""], "empty argument to --cmd"),
        (["--config", "missing.conf"], "--config missing.conf: cannot read this file"),
        (["a", "b"], "expected one argument, got 2\nUsage: step.sh [options] <data-dir>\n"),
    ],
)
def test_errors_are_kind_and_final(step, words, message):
    done = step(*words)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("step.sh: ") and message in done.stderr


def test_help_is_the_leading_comment_and_the_options_that_it_does_not_name(step):
    done = step("--help")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[:4] == [
        "Usage: step.sh [options] <data-dir>",
        " e.g.: step.sh --nj 8 data/train",
        "Options:",
        "  --nj N    parallel jobs (default: 4)",
    ]
    listed = [line.split()[0] for line in lines[5:]]
    assert listed == ["--cmd", "--compress", "--lr", "--name", "--stage", "--stop-stage", "--value"]
    assert "shellcheck" not in done.stdout


def test_a_help_message_takes_the_comments_place(step):
    assert step("-h", more="help_message='Call me --so'").stdout.startswith("Call me --so\n")


def test_the_environment_is_no_option_unless_the_script_sets_it(step):
    assert "unknown option --colour" in step("--colour", "red", colour="blue").stderr
    assert step("--nj", "8", nj="3").stdout.startswith("8|")
    assert step("--colour", "red", more="colour=green", colour="blue").returncode == 0


def test_what_a_sourced_file_exports_is_an_option(step, tmp_path):
    (tmp_path / "cmd.sh").write_text('export train_cmd="utils/run.py"\n')
    assert step("--train-cmd", "utils/slurm.py", more="; . ./cmd.sh").returncode == 0


def test_kaldis_config_file_comes_before_the_other_options(step, tmp_path):
    Path(tmp_path / "site.conf").write_text("nj=16\nlr=0.5\n")
    assert step("--nj", "2", "--config", "site.conf").stdout == "2|true|0|99|utils/run.py|0.5||1.5|\n"
    assert step("--config=site.conf", "d").stdout == "16|true|0|99|utils/run.py|0.5||1.5|d\n"


def test_a_script_with_a_config_of_its_own_keeps_it(step):
    assert step("--config", "conf/mfcc.conf", more="config=").stdout.startswith("4|true")


def test_a_script_may_change_its_directory_first(root, tmp_path):
    (tmp_path / "sub").mkdir()
    script = tmp_path / "sub" / "run.sh"
    head = '#!/usr/bin/env bash\n# A recipe.\nset -euo pipefail\ncd "$(dirname "$0")"\nnj=1\n'
    script.write_text(f"{head}. {root}/utils/parse_options.sh\n")
    done = subprocess.run(["bash", "sub/run.sh", "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith("A recipe.\n") and "--nj 1" in done.stdout
