"""Start a training as several processes of this node, or with --num-nodes of several nodes, through torchrun.

The command is a Python module with its options; each process gets torchrun's environment (RANK, WORLD_SIZE, ...). One
of them that fails or is killed ends them all. A signal that this process gets, they get, and have ten minutes for a
checkpoint. The exit status is that of the process that failed first, 128 + signal if it was killed: 75 after SIGUSR1,
the warning before a time limit.

Several nodes: each starts this command. A dispatcher that was given --num-nodes tells each node its place in
$SPEECHLIB_NUM_NODES, $SPEECHLIB_NODE_RANK and $SPEECHLIB_MASTER; under Slurm's srun, the place is found without; by
hand, --node-rank and --master say it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.stop_signals import STATUSES

LAUNCHER = "SPEECHLIB_LAUNCHER"  # as speechlib.nnet.distributed reads it: the processes end when this one is gone
STOP_SECONDS = 600  # for a checkpoint; a scheduler kills earlier, if it has to
MEET_SECONDS = 900  # for the nodes to find each other
TOLD = ("NUM_NODES", "NODE_RANK", "MASTER")  # by a dispatcher, with SPEECHLIB_ before it
HANDLED = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"  # torchrun hands them on


class Place(NamedTuple):
    """Where this node stands among those that train together."""

    node_rank: int
    master: str  # host:port, of the first node


def main(argv: Sequence[str] | None = None) -> int:
    """Start the processes, wait for them, and return the exit status."""
    parser = KaldiArgumentParser(
        prog="launch_training",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.launch_training --processes 4 -- speechlib.bin.train_nnet --config "
        "conf/xvector.yaml data/train exp/xvector",
    )
    add = parser.add_argument
    add("--processes", type=int, default=1, metavar="N", help="on this node")
    add("--num-nodes", type=int, default=1, metavar="N", help="nodes that train together")
    add("--node-rank", type=int, metavar="N", help="of this node, from 0 on; without it as the environment says")
    add("--master", metavar="HOST:PORT", help="of the first node; without it as the environment says")
    add("command", metavar="<module> [<argument> ...]", nargs="+", help="after --")
    args = parser.parse_args(argv)
    if args.processes < 1 or args.num_nodes < 1:
        raise ValueError(f"--processes {args.processes} --num-nodes {args.num_nodes}: expected at least 1 of each")
    place = None
    if args.num_nodes > 1:
        place = find_place(args.num_nodes, args.node_rank, args.master, os.environ)
    return launch(args.command, args.processes, args.num_nodes, place)


def find_place(num_nodes: int, node_rank: int | None, master: str | None, environment: Mapping[str, str]) -> Place:
    """The place of this node: what the options say, else a dispatcher's variables, else Slurm's.

    Raises:
        ValueError: nobody says it, or what is said does not go together.
    """
    nodes = num_nodes
    if node_rank is not None or master is not None:
        if node_rank is None or master is None:
            raise ValueError("--node-rank N and --master HOST:PORT go together: under a scheduler, give neither")
    elif "SPEECHLIB_NUM_NODES" in environment:
        source = "SPEECHLIB_NUM_NODES"
        nodes, node_rank, master = (environment.get(f"SPEECHLIB_{name}", "") for name in TOLD)
    elif "SLURM_NODEID" in environment:
        source = "SLURM_STEP_NUM_NODES"
        nodes, node_rank = environment.get(source, ""), environment["SLURM_NODEID"]
        hosts = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST", "")
        master = f"{first_host(hosts)}:{20000 + int(environment.get('SLURM_JOB_ID', '0')) % 10000}"
    else:
        raise ValueError(
            f"--num-nodes {num_nodes}: nothing says which of them this is: use a dispatcher that takes --num-nodes "
            "(utils/slurm.py) or srun, or give --node-rank N and --master HOST:PORT on each"
        )
    if str(nodes) != str(num_nodes):
        raise ValueError(f"--num-nodes {num_nodes}, but ${source} is {nodes!r}: start it on as many nodes")
    host, _, port = master.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"the first node is said to be {master!r}: expected HOST:PORT, such as node01:29500")
    if not str(node_rank).isdigit() or int(node_rank) >= num_nodes:
        raise ValueError(f"this is said to be node {node_rank}: expected a number from 0 to {num_nodes - 1}")
    return Place(int(node_rank), master)


def first_host(hosts: str) -> str:
    """The first of Slurm's list of hosts: node03 of 'node[03-05,07],login'."""
    first = re.match(r"(?:\[[^\]]*\]|[^,\[])*", hosts)[0]
    return re.sub(r"\[(\w+)[^\]]*\]", r"\1", first)


def launch(command: Sequence[str], processes: int, num_nodes: int, place: Place | None) -> int:
    """Run `python -m command` as several processes until all have ended.

    Args:
        command: a module and its arguments.
        processes: of this node.
        num_nodes: that train together.
        place: of this node among several.

    Returns:
        The exit status.
    """
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ[LAUNCHER] = str(os.getpid())
    rendezvous = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    if place is not None:
        rendezvous = {"rdzv_backend": "static", "rdzv_endpoint": place.master,
                      "rdzv_configs": {"rank": place.node_rank, "timeout": MEET_SECONDS}}  # fmt: skip
    config = LaunchConfig(
        min_nodes=num_nodes, max_nodes=num_nodes, nproc_per_node=processes, run_id="training", max_restarts=0,
        signals_to_handle=HANDLED, shutdown_timeout=STOP_SECONDS, logs_specs=DefaultLogsSpecs(os.devnull), **rendezvous,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", *command)
    except SignalException as error:
        return STATUSES.get(error.sigval, 128 + error.sigval)
    except ChildFailedError as error:
        rank, failure = first_failure(error.failures)
        if failure.exitcode in STATUSES.values():
            return failure.exitcode
        how = f"ended with status {failure.exitcode}"
        if failure.exitcode < 0:
            how = f"was killed by {failure.signal_name()} (signal {-failure.exitcode})"
        sys.stderr.write(f"launch_training: error: process {rank} of {processes * num_nodes} (id {failure.pid} on "
                         f"{os.uname().nodename}) {how}: the others were ended; what it wrote is above\n")  # fmt: skip
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    return 0


def first_failure(failures: Mapping[int, Any]) -> tuple[int, Any]:
    """Rank and failure of the process whose end was the cause: the others fail as it is gone, or are then ended.

    Args:
        failures: torchrun's ProcessFailure by rank, in the order in which they were seen.
    """
    first = min(failure.timestamp for failure in failures.values())
    early = [(rank, failure) for rank, failure in failures.items() if failure.timestamp <= first + 5]  # whole seconds
    ended = (-signal.SIGTERM, 128 + signal.SIGTERM)

    def order(item: tuple[int, Any]) -> int:
        code = item[1].exitcode
        return 3 if code in ended else 0 if code < 0 else 1 if code in STATUSES.values() else 2

    return min(early, key=order)  # the first of several


if __name__ == "__main__":
    run(main)
