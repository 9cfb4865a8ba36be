"""Tests of what the stage runner skips and why: a small recipe, run again after every kind of change."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

FILES = {
    "run.sh": """#!/usr/bin/env bash
# A recipe for tests.
set -euo pipefail
cd "$(dirname "$0")"
stage=0 stop_stage=99 nj=2 seed=1 size=3 name=demo corpus=../corpus
. ./cmd.sh; . utils/stages.sh; . utils/parse_options.sh
data=data/$name exp=exp/$name common=(--nj "$nj" --cmd "$train_cmd")
_text="seed $seed"
train() { local/train.sh --text "$_text" "$@"; }

if stage 1 "Data"; then
  local/prepare.sh "$corpus" "$data/all"
fi
if stage 2 "Features"; then
  local/feats.sh "${common[@]}" --size "$size" "$data/all"
fi
if stage 3 "Model"; then
  for set in all; do train "$data/$set" "$exp/model"; done
fi
if stage 4 "Scores"; then
  python3 local/score.py conf/score.yaml "$exp/model/model" "$exp/score"
fi
""",
    "cmd.sh": 'export train_cmd="utils/run.py"\n',
    "local/prepare.sh": """#!/usr/bin/env bash
set -euo pipefail
mkdir -p "$2"
for wav in $(cd "$1" && ls); do echo "$wav $(cd "$1" && pwd)/$wav"; done >"$2/wav.scp"
""",
    "local/feats.sh": """#!/usr/bin/env bash
set -euo pipefail
nj=1 cmd= size=0
. utils/parse_options.sh
if [[ -f fail ]]; then echo half >"$1/half"; exit 3; fi
if [[ -f sleep ]]; then echo half >"$1/half"; sleep 61; fi
sort -r -o "$1/wav.scp" "$1/wav.scp"
mkdir -p "$1/data"
$cmd JOB=1:$nj "$1/log/feats.JOB.log" true
while read -r wav file; do head -c "$size" "$file"; done <"$1/wav.scp" >"$1/data/feats.ark"
echo "all $PWD/$1/data/feats.ark:0" >"$1/feats.scp"
echo "spk all" >>"$1/spk2utt"
sort -u -o "$1/spk2utt" "$1/spk2utt"
""",
    "local/train.sh": """#!/usr/bin/env bash
set -euo pipefail
text=
. utils/parse_options.sh
mkdir -p "$2"
{ echo "$text"; while read -r utt ark; do cat "${ark%:*}"; done <"$1/feats.scp"; } >"$2/model"
""",
    "local/score.py": "import sys\n\nimport helper\n\nhelper.copy(*sys.argv[1:])\n",
    "local/helper.py": "def copy(*paths):\n"
    "    with open(paths[-1], 'w') as out:\n        out.write(''.join(open(path).read() for path in paths[:-1]))\n",
    "conf/score.yaml": "a: 1\n",
}


class Recipe:
    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder / "egs"
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        (self.folder / "utils").symlink_to(root / "utils")
        (folder / "corpus").mkdir()
        for name in "ab":
            (folder / "corpus" / name).write_text(f"{name}1234\n")

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([self.folder / "run.sh", *words], capture_output=True, text=True, timeout=200)
        assert done.returncode == code, done.stderr
        return done

    def ran(self, *words: str) -> list[int]:
        """Runs the recipe; the stages that ran, after a check that the others were skipped."""
        done = self(*words)
        assert done.stderr == ""
        ran = [int(number) for number in re.findall(r"^stage (\d): .*: done in", done.stdout, re.MULTILINE)]
        skipped = re.findall(
            r"^stage (\d): .*: unchanged since \d{4}-\d\d-\d\d \d\d:\d\d, skipped \(--force runs it\)$",
            done.stdout, re.MULTILINE,
        )  # fmt: skip
        if "--stage" not in words:
            assert sorted([*ran, *map(int, skipped)]) == [1, 2, 3, 4]
        return ran

    def why(self, *words: str) -> dict[int, list[str]]:
        """The answer to --why: the reasons by stage, none where it is unchanged."""
        def times() -> dict[Path, int]:
            return {path: path.stat().st_mtime_ns for path in self.folder.rglob("*") if path.is_file()}

        before = times()
        answer: dict[int, list[str]] = {}
        for line in self("--why", *words).stdout.splitlines():
            if match := re.match(r"stage (\d): .*: (would run|unchanged since .*)$", line):
                answer[int(match[1])] = []
                assert match[2] != "would run" or (number := int(match[1]))
            else:
                answer[number].append(line.strip())
        assert times() == before
        return answer

    def record(self, number: int, name: str = "demo") -> dict:
        return json.loads((self.folder / f"exp/{name}/.stages/run.sh.{number}.json").read_text())


@pytest.fixture
def recipe(root, tmp_path):
    return Recipe(tmp_path, root)


def rewrite(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_what_depends_on_a_change_runs_again_and_nothing_else(recipe, tmp_path):
    folder = recipe.folder
    assert recipe.why() == {number: ["never ran"] for number in (1, 2, 3, 4)}
    assert recipe.ran() == [1, 2, 3, 4]
    assert recipe.ran("--nj", "1") == []
    assert recipe.ran("--stage", "3", "--stop-stage", "3", "--force") == [3]

    # An option, by a variable computed from it, in a function.
    after = ["stage 3 runs before it and writes exp/demo/model/model"]
    assert recipe.why("--seed", "2") == {1: [], 2: [], 3: ["option _text: was seed 1, is seed 2"], 4: after}
    assert recipe.ran("--seed", "2") == [3, 4]
    assert (folder / "exp/demo/score").read_text() == "a: 1\nseed 2\nb12a12"
    # What ends in the same files goes no further: 9 bytes are as many as 6, the whole recording.
    assert recipe.ran("--seed", "2", "--size", "6") == [2, 3, 4]
    assert recipe.ran("--seed", "2", "--size", "9") == [2]

    # Code: the recipe itself, a script, a configuration, an imported module.
    rewrite(folder / "run.sh", 'train "$data', 'true; train "$data')
    rewrite(folder / "local/train.sh", "mkdir", "true; mkdir")
    rewrite(folder / "conf/score.yaml", "1", "2")
    rewrite(folder / "local/helper.py", "''.join", "'+'.join")
    why = recipe.why("--seed", "2", "--size", "9")
    assert why[3] == ["code: local/train.sh changed, and 1 more"]
    assert why[4] == ["configuration: conf/score.yaml changed", "code: local/helper.py changed"]
    assert recipe.ran("--seed", "2", "--size", "9") == [3, 4]

    # Outputs.
    (folder / "exp/demo/score").unlink()
    (folder / "data/demo/all/data/feats.ark").write_text("broken")
    why = recipe.why("--seed", "2", "--size", "9")
    assert why[2] == ["output data/demo/all/data/feats.ark has changed since"]
    assert why[4] == ["output exp/demo/score is missing"]
    assert recipe.ran("--seed", "2", "--size", "9") == [2, 4]

    # The corpus: a recording.
    (tmp_path / "corpus/a").write_text("c1234\n")
    why = recipe.why("--seed", "2", "--size", "9")
    assert why[1] == ["input ../corpus changed"] and why[2][0] == "what is named in data/demo/all/wav.scp changed"
    assert recipe.ran("--seed", "2", "--size", "9") == [1, 2, 3, 4]
    assert (folder / "exp/demo/score").read_text() == "a: 2\n+seed 2\nb1234\nc1234\n"
    # An input that was edited by hand is another stage's output as well, which is made again.
    (folder / "data/demo/all/wav.scp").write_text("")
    assert recipe.why("--seed", "2", "--size", "9")[1] == ["output data/demo/all/wav.scp has changed since"]
    assert recipe.ran("--seed", "2", "--size", "9") == [1, 2]
    assert recipe.why("--force", "--stage", "3") == {3: ["--force"], 4: ["--force"]}


def test_where_jobs_run_is_no_change(recipe):
    """Another dispatcher, one of ours or of somebody else's, with a site's file."""
    assert recipe.ran() == [1, 2, 3, 4]
    (recipe.folder / "local/site_run.sh").write_text('#!/bin/sh\nexec utils/run.py "$@"\n')
    (recipe.folder / "local/site_run.sh").chmod(0o755)
    (recipe.folder / "conf/site.conf").write_text("command sbatch\n")
    for cmd in ("utils/run.pl --mem 1G", "local/site_run.sh --config conf/site.conf"):
        (recipe.folder / "cmd.sh").write_text(f'export train_cmd="{cmd}"\n')
        assert recipe.ran() == []
    assert recipe.ran("--stage", "2", "--stop-stage", "2", "--force") == [2]
    (recipe.folder / "conf/site.conf").write_text("command sbatch -A speech\n")
    (recipe.folder / "local/site_run.sh").unlink()
    (recipe.folder / "cmd.sh").write_text('export train_cmd="utils/run.py"\n')
    assert recipe.ran() == []


def test_a_record_says_what_ran_and_what_it_took(recipe):
    (recipe.folder / "local/train.sh").write_text(
        FILES["local/train.sh"] + "python3 -c 'x = bytearray(200_000_000); sum(range(10_000_000)); "
        "import time; time.sleep(0.8)'\n"
    )
    recipe("--seed", "4", "--name", "a b", "--stop-stage", "3")
    record = recipe.record(3, "a b")
    assert record["state"] == "done" and record["title"] == "Model" and record["stage"] == 3
    assert record["command"][1:] == ["--seed", "4", "--name", "a b", "--stop-stage", "3"]
    assert record["options"] == {"_text": "seed 4", "data": "data/a b", "exp": "exp/a b"}
    assert set(record["code"]) == {"local/train.sh", "utils/parse_options.sh", "stage 3 of run.sh"}
    names = ("wav.scp", "feats.scp", "spk2utt", "data/feats.ark")
    assert set(record["inputs"]) == {f"data/a b/all/{name}" for name in names}
    assert [before for before, _ in record["outputs"].values()] == [None]
    assert re.fullmatch(r"[0-9a-f]{64}", record["outputs"]["exp/a b/model/model"][1])
    assert record["hosts"] == [os.uname().nodename] and re.fullmatch(r"[0-9a-f]{40}", record["commit"])
    assert 0.8 < record["wall"] < 20 and 0.1 < record["cpu"] < record["wall"] + 1 and record["peak"] > 190_000_000
    jobs = recipe.record(2, "a b")["jobs"]
    assert [(job[0], job[2]) for job in jobs] == [(f"data/a b/all/log/feats.{number}.log", 0) for number in (1, 2)]


def test_a_report_says_where_the_time_went(recipe, root):
    rewrite(recipe.folder / "local/feats.sh", ".JOB.log\" true", '.JOB.log\" bash -c "sleep \\$((JOB - 1)).1"')
    (recipe.folder / "fail").touch()
    recipe(code=3)
    (recipe.folder / "fail").unlink()
    recipe("--stop-stage", "3")
    training = {"device": "cuda", "seconds": 61, "gpu_memory_bytes": 1000 << 20, "data_wait_share": 0.25}
    (recipe.folder / "exp/demo/model/training.json").write_text(json.dumps(training))

    def report(*words: str) -> subprocess.CompletedProcess:
        command = [root / "utils/report_run.py", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=recipe.folder)

    summary = json.loads(report("--json", "exp").stdout)
    (run,) = summary["runs"]
    assert [stage["stage"] for stage in run["stages"]] == [1, 2, 3] and run["folder"] == "exp/demo"
    assert sum(stage["share"] for stage in run["stages"]) == pytest.approx(1)
    assert run["stages"][1]["failures"] == 1 and run["stages"][1]["runs"] == 2 and 1 < run["stages"][1]["wall"] < 30
    (step,) = summary["steps"]
    assert (step["jobs"], step["log"]) == (2, "data/demo/all/log/feats.*.log") and 1.1 < step["longest"] < 10
    lines = report("exp/demo").stdout.splitlines()
    assert re.match(r"exp/demo, run.sh: \d.* s, \d.* s of processor time$", lines[0])
    assert re.match(r" +2 .* 2, 1 failed .*  Features$", lines[3])
    text = "\n".join(lines)
    assert "Where all waited for one job" in text
    assert re.search(r"1 min 01 s +1000 MiB +25.0% +cuda +exp/demo/model$", text)
    for words, message in ((["nowhere"], "no folder nowhere"), (["local"], "no records below local"), ([], "Usage")):
        done = report(*words)
        assert done.returncode == 1 and message in done.stderr and done.stdout == ""


def test_a_failed_stage_runs_again_and_the_earlier_ones_do_not(recipe):
    (recipe.folder / "fail").touch()
    assert "stage 2 (Features) failed with status 3" in recipe(code=3).stderr
    assert recipe.why() == {1: [], 2: ["the last run failed"], 3: ["never ran"], 4: ["never ran"]}
    (recipe.folder / "fail").unlink()
    assert recipe.ran() == [2, 3, 4]
    assert recipe.record(2)["runs"] == 2 and recipe.record(2)["failures"] == 1
    assert recipe.why() == {1: [], 2: [], 3: [], 4: []}


def wait_for(condition, seconds=15.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.03)
    return found


def start(recipe: Recipe, *words: str) -> subprocess.Popen:
    """The recipe, asleep in its stage 2."""
    (recipe.folder / "sleep").touch()
    run = subprocess.Popen(
        [recipe.folder / "run.sh", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    name = words[words.index("--name") + 1] if "--name" in words else "demo"
    assert wait_for((recipe.folder / f"data/{name}/all/half").exists)
    return run


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_stage_runs_again_at_once_and_the_earlier_ones_do_not(recipe, number):
    run = start(recipe)
    time.sleep(0.7)  # what runs below it is looked at twice a second
    os.kill(run.pid, number)
    run.wait(10)
    (recipe.folder / "sleep").unlink()
    assert recipe.why() == {1: [], 2: ["the last run was interrupted"], 3: ["never ran"], 4: ["never ran"]}
    assert recipe.ran() == [2, 3, 4]
    assert recipe.record(2)["outputs"].keys() >= {"data/demo/all/half", "data/demo/all/feats.scp"}
    assert recipe.why() == {1: [], 2: [], 3: [], 4: []}


def test_a_second_run_in_one_folder_is_refused(recipe):
    run = start(recipe)
    try:
        refused = recipe("--seed", "2", code=1)
        holder = f"process {run.pid} on {os.uname().nodename}"
        message = rf"run.sh: another run works in exp/demo: {holder}, since 20.* run.sh\."
        assert refused.stdout == "" and re.match(message, refused.stderr)
        assert recipe("--list").stdout.startswith(" 1  Data") and len(recipe("--dry-run").stdout) > 50
        assert recipe.why()[2] == ["it runs now"] and recipe.why()[1] == []
        assert "stage 1: Data: done" in recipe("--name", "other", "--stop-stage", "1").stdout
    finally:
        os.killpg(run.pid, signal.SIGKILL)  # its children, too
    run.wait(10)
    recipe("--stop-stage", "1")


def test_a_recipe_may_call_another_one_in_its_folder(recipe):
    inner = recipe.folder / "inner.sh"
    inner.write_text((recipe.folder / "run.sh").read_text())
    inner.chmod(0o755)
    rewrite(recipe.folder / "run.sh", "  local/prepare.sh", "  ./inner.sh --stop-stage 1\n  local/prepare.sh")
    assert recipe("--stop-stage", "1").stdout.count("stage 1: Data: done in") == 2


def test_a_moved_folder_is_what_it_was(recipe, tmp_path):
    shutil.copytree(tmp_path / "corpus", recipe.folder / "data/corpus")
    recipe("--corpus", "data/corpus")
    old = recipe.folder
    recipe.folder = tmp_path / "egs2"
    old.rename(recipe.folder)
    assert recipe.why("--corpus", "data/corpus") == {1: [], 2: [], 3: [], 4: []}
    said = recipe("--corpus", "data/corpus").stdout.splitlines()
    assert said[0] == f"run.sh: this folder was {old}: 2 lists of files below data/demo and exp/demo mended"
    assert len(said) == 5 and all("skipped" in line for line in said[1:])
    lists = [(recipe.folder / f"data/demo/all/{name}.scp").read_text() for name in ("wav", "feats")]
    assert lists[0].startswith(f"b {recipe.folder}/data/corpus/b\n")
    assert lists[1] == f"all {recipe.folder}/data/demo/all/data/feats.ark:0\n"
    assert recipe.why("--corpus", "data/corpus", "--seed", "2")[2] == []


def test_a_copied_folder_reads_its_own_files(recipe, tmp_path):
    corpus = str(tmp_path / "corpus")
    recipe("--corpus", corpus)
    original = recipe.folder
    recipe.folder = tmp_path / "copies/egs"
    shutil.copytree(original, recipe.folder, symlinks=True, copy_function=shutil.copyfile)
    for path in [recipe.folder / "run.sh", *(recipe.folder / "local").iterdir()]:
        path.chmod(0o755)
    (original / "data/demo/all/data/feats.ark").write_text("the original's")
    assert recipe.ran("--corpus", corpus, "--seed", "5", "--stage", "3") == [3, 4]
    assert (recipe.folder / "exp/demo/model/model").read_text() == "seed 5\nb12a12"
    assert recipe.ran("--corpus", corpus, "--seed", "5") == []


def test_records_that_cannot_be_kept_are_told(recipe):
    (recipe.folder / "exp").write_text("")
    assert "cannot write to exp/demo" in recipe(code=1).stderr
    (recipe.folder / "exp").unlink()
    recipe()
    (recipe.folder / "exp/demo/.stages/run.sh.3.json").write_text('{"state": "do')
    assert recipe.ran() == [3]
