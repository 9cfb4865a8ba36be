"""utils/queue.py on a real Grid Engine of one node."""

import re
import subprocess
import time

import pytest

from tests.cluster import kaldi_dispatchers
from tests.cluster.behaviour import Behaviour, Cluster
from tests.cluster.grid_engine_cluster import GridEngineCluster, missing
from tests.cluster.same_steps import check_steps_give_the_same


class _GridEngine(Cluster):
    status_command = "qstat"
    impossible = ("-l", "mem_free=900G,hostname=nowhere")
    cancelled = "was killed"

    def queued(self) -> str:
        return self.cluster.command("qstat")

    def cancel_all(self) -> None:
        self.cluster.command("qdel", "-u", "root")


@pytest.fixture(scope="module")
def cluster(root):
    if missing():
        pytest.skip(missing())
    cluster = GridEngineCluster(slots=8)
    yield _GridEngine(root / "utils/queue.py", cluster)
    cluster.stop()


class TestGridEngine(Behaviour):
    """What all dispatchers do."""


def test_out_of_time(cluster, tmp_path):
    began = time.monotonic()
    code, said = cluster.call(tmp_path, "--time", "0:00:03", "x.log", "bash", "-c", "echo on; exec sleep 300")
    assert code == 1 and "ran out of its time" in said and "    on\n" in said and time.monotonic() - began < 60


def test_a_job_that_cannot_be_started_is_told_and_removed(cluster, tmp_path):
    code, said = cluster.call(tmp_path, "-wd", str(tmp_path / "nowhere"), "x.log", "true")
    # In its list of jobs or, by then, in its accounts.
    why = "could not be started by Grid Engine: .*nowhere|failed in Grid Engine: changing into working directory"
    assert code == 1 and re.search(why, said)
    assert not cluster.queued()


def test_threads_are_slots(cluster, tmp_path):
    done = cluster.call(tmp_path, "--num-threads", 3, "--mem", "100M", "x.log", "bash", "-c", "echo slots $NSLOTS")
    assert done == (0, "") and "\nslots 3\n" in (tmp_path / "x.log").read_text()


def test_print_config_is_a_configuration(cluster, tmp_path):
    done = subprocess.run([cluster.dispatcher, "--print-config"], capture_output=True, text=True, check=True)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/queue.conf").write_text(done.stdout + "option qname=* -q $0\n")
    assert cluster.call(tmp_path, "--qname", "all.q", "x.log", "true") == (0, "")
    code, said = cluster.call(tmp_path, "--qname", "none.q", "x.log", "true")
    assert code == 1 and "refused" in said


def test_steps_give_the_same_as_on_one_machine(root, cluster, tmp_path):
    check_steps_give_the_same(root, tmp_path, "utils/queue.py", cluster.environment)


@kaldi_dispatchers.needs_kaldi
def test_kaldi_s_queue_pl_gives_the_same(root, cluster, tmp_path):
    check_steps_give_the_same(root, tmp_path, str(kaldi_dispatchers.find("queue.pl")), cluster.environment)
