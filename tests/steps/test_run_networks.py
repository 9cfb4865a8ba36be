"""steps/run_networks.sh and run_network.sh: which jobs they start, and bad input."""

import subprocess
from pathlib import Path

import pytest

NETWORKS = """\
# name config features ...
slim  shon  mfcc  fit  test,dev  fc1,fc2  model.fc1=8

wide  shon  mfcc  fit  test  fc2  -
"""


@pytest.fixture
def recipe(root, tmp_path) -> Path:
    for name in ("steps", "utils"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "networks.tsv").write_text(NETWORKS)
    return tmp_path


def step(recipe: Path, name: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([f"steps/{name}.sh", *arguments], cwd=recipe, capture_output=True, text=True, timeout=60)


def test_one_job_for_every_network_and_seed(recipe):
    options = ("--cmd", "echo", "--seeds", "3 4", "--size", "demo", "--nj", "2", "--check-against", "data/a data/b")
    done = step(recipe, "run_networks", *options, "train", "networks.tsv", "data", "exp")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--max-jobs-run 2" in done.stdout and "JOB=1:4 exp/log/train.JOB.log steps/run_network.sh" in done.stdout
    runs = [line.split() for line in (recipe / "exp/runs.tsv").read_text().splitlines()]
    assert [run[:3] for run in runs] == [[name, seed, "shon"] for seed in "34" for name in ("slim", "wide")]
    assert all(len(run) == 8 for run in runs)


def test_networks_on_several_nodes_are_jobs_of_their_own(recipe):
    options = ("--cmd", "echo", "--num-nodes", "2", "--gpus-per-node", "4", "train")
    done = step(recipe, "run_networks", *options, "networks.tsv", "data", "exp")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert "--num-nodes 2 --gpus-per-node 4 exp/slim/seed1/log/train.log" in first and "seed1/log/train" in second
    assert "--processes 4 --num-nodes 2 --" in first and "exp/wide" in second and "JOB" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("learn", "networks.tsv", "data", "exp"), "expected train, extract or score, got learn"),
        (("train", "none.tsv", "data", "exp"), "no file none.tsv"),
        (("train", "/dev/null", "data", "exp"), "there is no network in /dev/null"),
        (("train", "data", "exp"), "Usage: steps/run_networks.sh"),
    ],
)
def test_bad_calls_are_errors(recipe, arguments, message):
    done = step(recipe, "run_networks", "--cmd", "echo", *arguments)
    assert done.returncode == 1 and message in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("part", "line", "message"),
    [
        ("score", "slim 1 shon mfcc fit test fc1 -", "no file exp/slim/seed1/training.json: train it first"),
        ("extract", "slim 1 shon mfcc fit test fc1 -", "no file data/fit_mfcc/feats.scp"),
        ("train", "slim 1 shon mfcc fit test fc1", "runs.tsv:1: expected eight columns"),
        ("train", "slim 1 shon mfcc fit test fc1 -", "conf/shon_demo.yaml"),
    ],
)
def test_a_network_that_cannot_be_worked_on_is_told(recipe, part, line, message):
    (recipe / "runs.tsv").write_text(f"{line}\n")
    done = step(recipe, "run_network", part, "runs.tsv", "1", "data", "exp")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr
