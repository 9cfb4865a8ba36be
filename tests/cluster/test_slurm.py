"""utils/slurm.py on a real Slurm of one node."""

import re
import subprocess
import time

import pytest

from tests.cluster import kaldi_dispatchers
from tests.cluster.behaviour import Behaviour, Cluster, wait_for
from tests.cluster.same_steps import check_steps_give_the_same
from tests.cluster.slurm_cluster import SlurmCluster, missing

MAX_ARRAY = 11


class _Slurm(Cluster):
    status_command = "squeue"
    impossible = ("--mem", "900G")
    cancelled = "was cancelled"

    def queued(self) -> str:
        lines = self.cluster.command("squeue", "-h", "-t", "PENDING,RUNNING,COMPLETING", "-o", "%i %j").splitlines()
        return "\n".join(line for line in lines if "overtime" not in line)

    def cancel_all(self) -> None:
        self.cluster.command("scancel", *(line.split()[0] for line in self.queued().splitlines()))


@pytest.fixture(scope="module")
def cluster(root, tmp_path_factory):
    if missing():
        pytest.skip(missing())
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm") / "s", cpus=8, max_array_size=MAX_ARRAY)
    yield _Slurm(root / "utils/slurm.py", cluster)
    cluster.stop()


@pytest.fixture(scope="module", autouse=True)
def overtime(cluster, tmp_path_factory):
    """A job whose time is up after a second; Slurm takes half a minute to look, while other tests run."""
    folder = tmp_path_factory.mktemp("overtime")
    run = cluster.start(folder, "--time", "10:00", "overtime.log", "bash", "-c", "echo on; exec sleep 300")
    assert wait_for(lambda: (folder / "overtime.log").exists())
    job = cluster.cluster.command("squeue", "-h", "-o", "%i").strip()
    cluster.cluster.command("scontrol", "update", f"JobId={job}", "EndTime=now+1")
    return run


class TestSlurm(Behaviour):
    """What all dispatchers do."""


def test_arrays_longer_than_the_cluster_s_are_split(cluster, tmp_path):
    script = "echo JOB >out.JOB; exit $((JOB == 27))"
    code, said = cluster.call(tmp_path, "JOB=5:29", "x.JOB.log", "bash", "-c", script)
    assert code == 1 and "1 of 25 jobs failed (JOB=27)" in said
    assert {int(path.read_text()) for path in tmp_path.glob("out.*")} == set(range(5, 30))


def test_out_of_memory(cluster, tmp_path):
    script = "x = bytearray(600 << 20)\nimport time\ntime.sleep(60)"
    began = time.monotonic()
    code, said = cluster.call(tmp_path, "--mem", "100M", "x.log", "python3", "-c", script)
    assert code == 1 and time.monotonic() - began < 50
    assert re.search("ran out of its memory|out of memory", said)


def test_out_of_time(overtime):
    _, said = overtime.communicate(timeout=90)
    assert overtime.returncode == 1 and "the job ran out of its time" in said and "    on\n" in said


def test_print_config_is_a_configuration(cluster, tmp_path):
    done = subprocess.run([cluster.dispatcher, "--print-config"], capture_output=True, text=True, check=True)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/slurm.conf").write_text(done.stdout + "option queue=* -p $0\n")
    assert cluster.call(tmp_path, "--mem", "10M", "--queue", "main", "x.log", "true") == (0, "")
    code, said = cluster.call(tmp_path, "--queue", "none", "x.log", "true")
    assert code == 1 and "invalid partition" in said


def test_steps_give_the_same_as_on_one_machine(root, cluster, tmp_path):
    check_steps_give_the_same(root, tmp_path, "utils/slurm.py", cluster.environment)


@kaldi_dispatchers.needs_kaldi
def test_kaldi_s_slurm_pl_gives_the_same(root, cluster, tmp_path):
    (tmp_path / "conf").mkdir()
    # Kaldi's standard but for the names of its authors' partitions.
    (tmp_path / "conf/slurm.conf").write_text(
        "command sbatch --export=PATH --ntasks-per-node=1\noption num_threads=* --cpus-per-task $0\n"
        "option num_threads=1 --cpus-per-task 1\noption mem=* --mem-per-cpu $0\ndefault gpu=0\noption gpu=0\n"
    )
    check_steps_give_the_same(root, tmp_path, f"{kaldi_dispatchers.find('slurm.pl')} --mem 400M", cluster.environment)
