"""kill -9 at random moments: what is there is whole, and the next run ends with what an undisturbed one makes."""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress

import pytest

NUM_KILLS = 10  # of each step: 50 in all
STEPS = {
    "make_mfcc": "steps/make_mfcc.sh --nj 2 --mfcc-config mfcc.conf data/train",
    "compute_vad": "steps/compute_vad.sh --nj 2 data/train",
    "train_diag_ubm": "steps/train_diag_ubm.sh --nj 2 --num-iters 1 --num-iters-init 2 --num-gselect 2 --cleanup false"
    " data/train 2 exp/ubm",
    "pool_features": "steps/pool_features.sh --nj 2 data/train exp/vectors",
    "train_plda": "steps/train_plda.sh --lda-dim 3 data/train exp/vectors exp/backend",
}


def descendants(process: int) -> list[tuple[int, str]]:
    """Process numbers and command lines of a process's children, and theirs."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    found, waiting = [], [process]
    while waiting:
        parent = waiting.pop()
        children = [(int(row[0]), row[2]) for row in rows if int(row[1]) == parent]
        found += children
        waiting += [number for number, _ in children]
    return found


def kill(numbers: list[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def wait_for(number: int) -> None:
    """Until a process is gone, or waits for nothing but its parent's look."""
    while True:
        listing = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True)
        if listing.stdout.strip()[:1] in ("", "Z"):
            return
        time.sleep(0.02)


@pytest.fixture(scope="module")
def chain(tmp_path_factory, make_recipe):
    """A recipe, and its states before and after each step of an undisturbed run, with the step's wall time."""
    recipe = make_recipe(tmp_path_factory.mktemp("kill"))
    states = {}
    for name, command in STEPS.items():
        recipe.save(f"before_{name}")
        before, began = recipe.files(), time.monotonic()
        recipe.good(command)
        states[name] = before, recipe.files(), time.monotonic() - began
    return recipe, states


@pytest.mark.parametrize("name", STEPS)
def test_killed_steps_go_on_and_end_alike(chain, name):
    recipe, states = chain
    before, expected, seconds = states[name]
    rng = random.Random(name)
    num_kills = 0
    recipe.restore(f"before_{name}")
    while num_kills < NUM_KILLS:
        process, began = recipe.start(STEPS[name]), time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, seconds))
        if process.poll() is None:
            num_kills += 1
            break_up(process, rng)
            for file, content in recipe.files().items():
                assert file not in expected or content in (expected[file], before.get(file)), f"{file} is not whole"
        else:  # what was left to do was less than the delay
            assert process.returncode == 0, process.stdout.read()
            assert not differences(recipe.files(), expected)
            recipe.restore(f"before_{name}")
            seconds = min(seconds, time.monotonic() - began)
        process.stdout.close()
    made = stamped(recipe)
    recipe.good(STEPS[name])
    assert not differences(recipe.files(), expected)
    assert made.items() <= stamped(recipe).items()


def break_up(process: subprocess.Popen, rng: random.Random) -> None:
    """Kill a step with all that it started, or its shell alone, or one of its Pythons; wait until all are gone."""
    below = descendants(process.pid)
    pythons = [number for number, line in below if "python" in line]
    target = rng.choice(["all", "shell", "python"])
    if target == "python" and pythons:
        kill([rng.choice(pythons)])
    else:
        kill([process.pid, *([number for number, _ in below] if target == "all" else [])])
    process.wait(timeout=60)
    for number, _ in below:  # where the shell alone was killed, its jobs come to their end
        wait_for(number)


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Names of files that are in one only, or not the same in both."""
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def stamped(recipe) -> dict[str, tuple[int, int]]:
    """Archives of jobs that have a stamp, by name, with what changes when they are written anew."""
    found = {}
    for stamp in [*recipe.folder.rglob("*.done"), *recipe.folder.rglob("*.done.json")]:
        number = stamp.name.split(".")[-2 if stamp.name.endswith(".done") else 0]
        for archive in stamp.parent.glob(f"*.{number}.ark"):
            found[str(archive)] = archive.stat().st_ino, archive.stat().st_mtime_ns
    return found
