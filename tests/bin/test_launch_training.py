"""launch_training: the place of a node, the process that failed first, processes that do not outlive it."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from speechlib.bin import launch_training
from speechlib.bin.launch_training import Place, find_place, first_failure, first_host

TOLD = {"SPEECHLIB_NUM_NODES": "2", "SPEECHLIB_NODE_RANK": "1", "SPEECHLIB_MASTER": "n1:29500"}
SLURM = {"SLURM_STEP_NUM_NODES": "2", "SLURM_NODEID": "1", "SLURM_STEP_NODELIST": "gpu[07,09]", "SLURM_JOB_ID": "30017"}


def test_the_place_of_a_node():
    assert find_place(2, None, None, {**SLURM, **TOLD}) == Place(1, "n1:29500")
    assert find_place(2, None, None, SLURM) == Place(1, "gpu07:20017")
    assert find_place(3, 2, "[::1]:500", {**SLURM, **TOLD}) == Place(2, "[::1]:500")


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ((2, None, None), {}, "nothing says which of them this is: use a dispatcher that takes --num-nodes"),
        ((2, 1, None), TOLD, "go together"),
        ((3, None, None), TOLD, r"--num-nodes 3, but \$SPEECHLIB_NUM_NODES is '2'"),
        ((4, None, None), SLURM, r"--num-nodes 4, but \$SLURM_STEP_NUM_NODES is '2'"),
        ((2, None, None), {**TOLD, "SPEECHLIB_MASTER": "n1"}, "said to be 'n1': expected HOST:PORT"),
        ((2, 2, "n1:5"), {}, "said to be node 2: expected a number from 0 to 1"),
    ],
)
def test_a_place_that_cannot_be(options, environment, message):
    with pytest.raises(ValueError, match=message):
        find_place(*options, environment)


def test_bad_numbers():
    with pytest.raises(ValueError, match="--processes 0 --num-nodes 1: expected at least 1"):
        launch_training.main(["--processes", "0", "--", "speechlib.bin.train_nnet"])


def test_first_host_of_slurms_lists():
    lists = ("a", "a,b", "n[03-05,07],login", "rack[1-2]n[08,11]-ib,x", "n[5]")
    assert [first_host(hosts) for hosts in lists] == ["a", "a", "n03", "rack1n08-ib", "n5"]


def test_the_failure_that_was_the_cause():
    def first(*failures):
        return first_failure({rank: SimpleNamespace(exitcode=code, timestamp=time) for rank, code, time in failures})[0]

    assert first((0, 1, 10), (1, -9, 10), (2, 143, 10)) == 1  # the others lost a process to talk to
    assert first((0, 1, 10), (3, -9, 40)) == 0  # had to be killed after its half minute
    assert first((0, 143, 10), (1, 75, 11), (2, 1, 11)) == 1
    assert first((1, 3, 10), (0, 2, 10)) == 1


def test_processes_do_not_outlive_their_launcher(root):
    """It is killed for good; what it started notices, and its end of the pipe is closed."""
    child = "import os, time, speechlib.nnet.distributed as d; d.join('cpu'); os.write(1, b'+'); time.sleep(60)"
    parent = ("import os, subprocess, sys; os.environ['SPEECHLIB_LAUNCHER'] = str(os.getpid()); "
              f'subprocess.run([sys.executable, "-c", "{child}"])')  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(root)}
    launcher = subprocess.Popen([sys.executable, "-c", parent], env=environment, stdout=subprocess.PIPE)
    assert launcher.stdout.read(1) == b"+"
    launcher.send_signal(signal.SIGKILL)
    assert launcher.communicate(timeout=20)[0] == b""
