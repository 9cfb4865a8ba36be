"""A Slurm cluster for tests, without systemd: on this host, or on several hosts in network namespaces."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun")
_CONF = """\
ClusterName=test
SlurmctldHost={host}({address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout={node_timeout}
KillWait=2
MinJobAge=60
MaxArraySize={max_array_size}
"""


def missing() -> str:
    """Why no cluster can be started here; empty if one can."""
    absent = [name for name in PROGRAMS if not _find(name)]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm munge"
    return "" if os.getuid() == 0 else "Slurm's daemons are started by root"


def missing_namespaces() -> str:
    """Why there can be no several hosts; empty if there can."""
    if not all(map(_find, ("ip", "nsenter", "unshare"))):
        return "ip, nsenter or unshare not installed: apt-get install iproute2 util-linux"
    probe = f"speechlib-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    return f"no network namespaces here: {made.stderr.strip()}" if made.returncode else ""


def _find(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


class SlurmCluster:
    """Daemons of a cluster of one host (this one) or of several, in a folder of their own."""

    def __init__(self, folder: Path, num_hosts: int = 1, cpus: int = 4, max_array_size: int = 1001) -> None:
        """Start the daemons and wait until all nodes are idle.

        Raises:
            RuntimeError: they do not come up; the message has the ends of their logs.
        """
        self.folder = folder
        self.conf = folder / "slurm.conf"
        self.names = [socket.gethostname().split(".")[0]] if num_hosts == 1 else [f"host{i}" for i in range(num_hosts)]
        for name in ("munge", "state"):
            (folder / name).mkdir(parents=True)
        self._network = _Network(self.names, folder / "hosts") if num_hosts > 1 else None
        self._daemons: dict[str, subprocess.Popen] = {}
        for name in self.names:
            (folder / f"spool.{name}").mkdir()
        (folder / "munge").chmod(0o755)
        address = self._network.address(0) if self._network else "127.0.0.1"
        text = _CONF.format(
            folder=folder, host=socket.gethostname().split(".")[0], address=address, port=_free_port(),
            node_port=_free_port(), max_array_size=max_array_size, node_timeout=10 if num_hosts > 1 else 300,
        )  # fmt: skip
        for index, name in enumerate(self.names, 1):
            address = self._network.address(index) if self._network else "127.0.0.1"
            text += f"NodeName={name} NodeAddr={address} CPUs={cpus} RealMemory=4000 State=UNKNOWN\n"
        text += "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=500\n"
        self.conf.write_text(text)
        self._start_munge()
        self._start("slurmctld", [_find("slurmctld"), "-D", "-i", "-c", "-f", str(self.conf)])
        for name in self.names:
            self.start_node(name)
        self.wait_for_state("idle")

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which the commands find this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def command(self, *words: str) -> str:
        """The output of one of Slurm's commands."""
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60).stdout

    def start_node(self, name: str) -> None:
        """Start a node's daemon."""
        words = [_find("slurmd"), "-D", "-f", str(self.conf), "-N", name]
        self._start(name, self._network.inside(name, words) if self._network else words)

    def lose_node(self, name: str) -> None:
        """Cut a node off: its network goes, and all its processes are killed."""
        assert self._network
        self._network.cut(name)
        os.killpg(self._daemons.pop(name).pid, signal.SIGKILL)
        self._network.kill_processes(name)

    def regain_node(self, name: str) -> None:
        """Join a lost node again."""
        assert self._network
        self._network.join(name)
        self.start_node(name)
        self.wait_for_state("idle")

    def wait_for_state(self, state: str, name: str | None = None, seconds: float = 60.0) -> None:
        """Wait until a node, or each of them, is in a state."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self.command("sinfo", "-h", "-N", "-o", "%N %t").split("\n")
            states = dict(line.split() for line in lines if line)
            wanted = [name] if name else self.names
            if all(states.get(node, "").rstrip("*") == state for node in wanted):
                return
            time.sleep(0.2)
        logs = "\n".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
        self.stop()
        raise RuntimeError(f"nodes are {states}, not {state}\n{logs}")

    def stop(self) -> None:
        """Stop all daemons; the folder stays."""
        for daemon in reversed(list(self._daemons.values())):
            daemon.terminate()
        for daemon in self._daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait()
        self._daemons.clear()
        if self._network:
            self._network.remove()

    def _start(self, name: str, words: list[str]) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                words, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        key = folder / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = [f"--{name}={folder / name}" for name in ("socket", "pid-file", "log-file", "seed-file")]
        self._start("munged", [_find("munged"), "--foreground", "--force", f"--key-file={key}", *files])
        deadline = time.monotonic() + 20
        while not (folder / "socket").exists() and time.monotonic() < deadline:
            time.sleep(0.05)


class _Network:
    """Hosts as network namespaces, joined by a bridge; this host has the first address."""

    def __init__(self, names: list[str], hosts: Path) -> None:
        self._tag = f"sl{os.getpid() % 100000}"
        self._subnet = f"10.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}"
        self._names = names
        bridge = self._tag
        self._ip("link", "add", bridge, "type", "bridge")
        self._ip("addr", "add", f"{self.address(0)}/24", "dev", bridge)
        self._ip("link", "set", bridge, "up")
        self._hosts = hosts
        lines = [f"{self.address(index)} {name}\n" for index, name in enumerate([socket.gethostname(), *names])]
        hosts.write_text("127.0.0.1 localhost\n" + "".join(lines))
        for index, name in enumerate(names, 1):
            space = self._space(name)
            self._ip("netns", "add", space)
            self._ip("link", "add", f"{space}o", "type", "veth", "peer", "name", f"{space}i")
            self._ip("link", "set", f"{space}i", "netns", space)
            self._ip("link", "set", f"{space}o", "master", bridge, "up")
            for words in (
                ("link", "set", "lo", "up"),
                ("addr", "add", f"{self.address(index)}/24", "dev", f"{space}i"),
                ("link", "set", f"{space}i", "up"),
            ):
                self._ip("-n", space, *words)

    def address(self, index: int) -> str:
        return f"{self._subnet}.{index + 1}"

    def inside(self, name: str, words: list[str]) -> list[str]:
        """The command line that runs words on a host, under that host's name."""
        return [
            "nsenter", f"--net=/run/netns/{self._space(name)}", "unshare", "--uts", "--mount", "--", "sh", "-c",
            'mount --bind "$1" /etc/hosts && hostname "$2" && shift 2 && exec "$@"', "sh", self._hosts, name, *words,
        ]  # fmt: skip

    def cut(self, name: str) -> None:
        self._ip("link", "set", f"{self._space(name)}o", "down")

    def join(self, name: str) -> None:
        self._ip("link", "set", f"{self._space(name)}o", "up")

    def kill_processes(self, name: str) -> None:
        done = subprocess.run(["ip", "netns", "pids", self._space(name)], capture_output=True, text=True)
        for process in done.stdout.split():
            try:
                os.kill(int(process), signal.SIGKILL)
            except ProcessLookupError:
                pass

    def remove(self) -> None:
        for name in self._names:
            self.kill_processes(name)
            subprocess.run(["ip", "netns", "del", self._space(name)], capture_output=True)
        subprocess.run(["ip", "link", "del", self._tag], capture_output=True)

    def _space(self, name: str) -> str:
        return f"{self._tag}h{self._names.index(name)}"

    def _ip(self, *words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
