"""Tests of speechlib.stages.memory: the peak memory of a process tree, and what becomes of it without its root."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")


def start_sampler(root: Path, process: int) -> subprocess.Popen:
    script = root / "speechlib/stages/memory.py"
    return subprocess.Popen(
        [sys.executable, "-I", "-S", script, str(process)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ask(sampler: subprocess.Popen, word: str) -> str:
    sampler.stdin.write(word + "\n")
    sampler.stdin.flush()
    return sampler.stdout.readline().strip()


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def test_the_peak_of_a_tree_of_processes(root):
    code = "x = bytearray(150_000_000); print(flush=True); import time; time.sleep(60)"
    tree = subprocess.Popen(
        ["bash", "-c", '"$1" -c "$2" & "$1" -c "$2" & wait', "-", sys.executable, code],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        sampler = start_sampler(root, tree.pid)
        assert tree.stdout.readline() and tree.stdout.readline()
        assert ask(sampler, "children") == "2"
        size, unit = ask(sampler, "peak").split()
        assert unit == "MiB" and 280 < int(size) < 380
        os.killpg(tree.pid, signal.SIGKILL)
        tree.wait()
        sampler.stdin.write("bye\n")
        sampler.stdin.close()
        assert sampler.wait(10) == 0
    finally:
        os.killpg(tree.pid, signal.SIGKILL) if tree.poll() is None else None


def test_the_end_of_input_without_farewell_ends_what_is_left(root):
    tree = subprocess.Popen(
        ["bash", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    child = int(tree.stdout.readline())
    sampler = start_sampler(root, tree.pid)
    assert ask(sampler, "children") == "1"
    tree.kill()
    tree.wait()
    sampler.stdin.close()
    sampler.wait(10)

    def gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    assert wait_for(gone)
