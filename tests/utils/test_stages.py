"""Tests of utils/stages.sh and utils/dry_run.sh: a small recipe, run in parts, listed, dry, failing and killed."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

RECIPE = """#!/usr/bin/env bash
# A recipe for tests.
set -euo pipefail
cd "$(dirname "$0")"
stage=0 stop_stage=99 nj=2 corpus= bad=false
. {utils}/stages.sh; . {utils}/parse_options.sh
cmd="{utils}/run.py"
corpus=${{corpus:-demo}}
seeds=$(seq -s ' ' 1 3) count=$(wc -l <nothing)
parts=("a b" c)
each() {{ $cmd JOB=1:$nj "$1/x.JOB.log" echo "${{@:2}}" JOB; }}

if stage 1 "Data directories"; then
  mkdir -p exp
  for part in train test; do
    echo "$part of ${{corpus##*/}}" '$part' >"exp/$part"
  done
fi
if stage 2 'Work: "much"'; then
  [[ -s exp/train ]] || exit 7
  each exp one "two  words" "${{parts[@]}}"
  if $bad; then $cmd exp/bad.log bash -c 'echo oh no; exit 3'; fi
fi
if stage 10 "Last"; then
  echo $seeds "$count" >exp/last
fi
"""


@pytest.fixture
def recipe(root, tmp_path):
    script = tmp_path / "egs" / "run.sh"
    script.parent.mkdir()
    script.write_text(RECIPE.format(utils=root / "utils").replace("count=$(wc -l <nothing)", "count=5"))
    script.chmod(0o755)

    def run(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run([script, *words], capture_output=True, text=True, timeout=60, cwd=tmp_path)

    run.folder = script.parent
    run.script = script
    return run


def test_all_stages_and_their_lines(recipe):
    done = recipe()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if "done" not in line] == [
        "stage 1: Data directories",
        'stage 2: Work: "much"',
        "stage 10: Last",
    ]
    ends = [line for line in lines if "done in" in line]
    assert all(re.fullmatch(r"stage \d+: .*: done in [\d.]+ s, peak memory \d+ MiB", line) for line in ends[:3]), ends
    assert re.fullmatch(r"run.sh: stages 1 2 10 done in [\d.]+ s", ends[3])
    assert (recipe.folder / "exp/test").read_text() == "test of demo $part\n"
    assert (recipe.folder / "exp/x.2.log").read_text().splitlines()[4] == "one two  words a b c 2"
    assert (recipe.folder / "exp/last").read_text() == "1 2 3 5\n"


def test_a_part_of_the_stages(recipe):
    assert recipe("--stop-stage", "1").stdout.count("stage ") == 2
    done = recipe("--stage", "2", "--stop-stage=2")
    assert done.returncode == 0 and "stage 1:" not in done.stdout and "stages 2 done" in done.stdout
    assert not (recipe.folder / "exp/last").exists()


def test_list_runs_nothing(recipe):
    done = recipe("--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [" 1  Data directories", ' 2  Work: "much"', "10  Last"]
    assert not (recipe.folder / "exp").exists()


def test_a_dry_run_prints_commands_with_their_values_and_runs_nothing(recipe, root):
    recipe.script.write_text(RECIPE.format(utils=root / "utils"))
    done = recipe("--dry-run", "--corpus", "/some/corpora/TIMIT", "--bad", "true")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "  seeds=$(seq -s ' ' 1 3) count=$(wc -l < nothing)",
        "stage 1: Data directories",
        "  mkdir -p exp",
        "  echo \"train of TIMIT\" '$part' > \"exp/train\"",
        "  echo \"test of TIMIT\" '$part' > \"exp/test\"",
        'stage 2: Work: "much"',
        f'  {root}/utils/run.py JOB=1:2 "exp/x.JOB.log" echo one \'two  words\' \'a b\' c JOB',
        f"  {root}/utils/run.py exp/bad.log bash -c 'echo oh no; exit 3'",
        "stage 10: Last",
        '  echo $seeds "$count" > exp/last',
    ]
    assert not (recipe.folder / "exp").exists()


def test_a_dry_run_computes_what_is_harmless_and_keeps_to_its_stages(recipe):
    lines = recipe("--dry-run", "--stage", "10").stdout.splitlines()
    assert lines == ["stage 10: Last", '  echo 1 2 3 "5" > exp/last']


def test_a_dry_run_takes_paths_from_where_it_was_called(recipe, root, tmp_path):
    text = RECIPE.format(utils=root / "utils").replace("count=$(wc -l <nothing)", "count=5")
    text = text.replace("set -euo pipefail\n", "set -euo pipefail\n_from=$PWD\n", 1)
    whole = """for _name in corpus; do
  printf -v "$_name" %s "$(cd "$_from" && realpath -m "${!_name}")"
  [[ -d ${!_name} ]] || usage "there is no folder ${!_name}"
done
seeds="""
    recipe.script.write_text(text.replace("seeds=", whole, 1))
    (tmp_path / "my corpora").mkdir()
    done = recipe("--dry-run", "--corpus", "my corpora")
    assert done.returncode == 0 and done.stdout.startswith("stage 1:"), done.stderr
    assert "train of my corpora" in done.stdout and not (recipe.folder / "exp").exists()


def test_a_dry_run_reads_settings_from_files(recipe, tmp_path):
    (recipe.folder / "sizes.sh").write_text("size=7\ntouch exp\n")
    text = recipe.script.read_text()
    recipe.script.write_text(text.replace("parts=(", "((nj > 0))\n. ./sizes.sh\nparts=(").replace("$seeds", "$size"))
    lines = recipe("--dry-run", "--stage", "10").stdout.splitlines()
    assert lines == ["  touch exp", "stage 10: Last", '  echo 7 "5" > exp/last']
    assert not (recipe.folder / "exp").exists()


def test_a_failing_command_stops_the_recipe_and_says_how_to_go_on(recipe):
    done = recipe("--bad", "true", "--corpus", "my corpus", "--stage", "1")
    assert done.returncode == 1 and "stage 10" not in done.stdout and "done in" in done.stdout
    assert "run.py: the job ended with code 3; its log is exp/bad.log\n    oh no\n" in done.stderr
    assert 'stage 2 (Work: "much") failed with status 1' in done.stderr
    again = f"{recipe.script} --stage 2 --bad true --corpus my\\ corpus"
    assert done.stderr.rstrip().endswith(f"start again from there: {again}")


@pytest.mark.parametrize(
    "words, message",
    [
        (["--stage", "11"], "--stage 11: the last stage is 10"),
        (["--stage", "3", "--stop-stage", "2"], "no stage lies between"),
        (["--stop-stage", "0"], "no stage lies between"),
        (["--stage", "3", "--stop-stage", "9"], "no stage lies between"),
        (["--stage", "two"], "--stage two: expected a whole number"),
        (["--lst"], "unknown option --lst; did you mean --list?"),
    ],
)
def test_wrong_stages_are_errors(recipe, words, message):
    done = recipe(*words)
    assert done.returncode == 1 and message in done.stderr and done.stdout == ""


def test_a_stray_word_is_an_error_and_runs_nothing(recipe):
    done = recipe("extra", "--list")
    assert (done.returncode, done.stdout) == (1, "") and "unexpected argument extra" in done.stderr
    assert not (recipe.folder / "exp").exists()


def test_peak_memory_is_that_of_the_processes_below(recipe, root):
    work = 'python3 -c "x = bytearray(300_000_000); import time; time.sleep(1)"'
    recipe.script.write_text(recipe.script.read_text().replace("mkdir -p exp", f"mkdir -p exp; {work}"))
    peak = re.search(r"Data directories: done in .*, peak memory (\d+) MiB", recipe("--stop-stage", "1").stdout)
    assert 280 < int(peak[1]) < 400


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_recipe_leaves_nothing_running(recipe, tmp_path, number):
    mark = f"35{os.getpid()}"
    work = f"$cmd JOB=1:2 exp/JOB.log sleep {mark}"
    recipe.script.write_text(recipe.script.read_text().replace("mkdir -p exp", work))
    run = subprocess.Popen(
        [recipe.script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
    )

    def sleeping() -> int:
        count = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                count += (process / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode()
            except OSError:
                pass
        return count

    def wait_for(condition, seconds=15.0):
        deadline = time.monotonic() + seconds
        while not (found := condition()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    assert wait_for(lambda: sleeping() == 2)
    time.sleep(0.7)  # the memory sampler looks twice a second
    if number == signal.SIGINT:  # Ctrl-C reaches the whole group
        os.killpg(run.pid, number)
    else:
        run.send_signal(number)
    assert run.wait(15) in (-number, 128 + number)
    assert wait_for(lambda: sleeping() == 0)
    if number != signal.SIGKILL:
        assert f"stage 1 (Data directories) failed with status {128 + number}" in run.stderr.read()


def test_a_step_that_sources_it_has_no_stages(root, tmp_path):
    script = tmp_path / "step.sh"
    head = "#!/usr/bin/env bash\nset -euo pipefail\nnj=1\n"
    script.write_text(f"{head}. {root}/utils/stages.sh; . {root}/utils/parse_options.sh\necho $nj\n")
    done = subprocess.run(["bash", script, "--nj", "3"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
    assert "unknown option --list" in subprocess.run(["bash", script, "--list"], capture_output=True, text=True).stderr
