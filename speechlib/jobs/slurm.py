"""Slurm's commands: sbatch, squeue, scontrol, sacct and scancel (Slurm 20.11 or newer)."""

import os
import re
import shlex
from collections.abc import Iterable

from speechlib.jobs import on_node
from speechlib.jobs.call import Call
from speechlib.jobs.cluster import Found
from speechlib.jobs.commands import run_command, submit
from speechlib.jobs.site_conf import option_values, read_site_conf

STANDARD_CONF = """\
command sbatch
option mem=* --mem $0
option mem=0
option num_threads=* --cpus-per-task $0
option gpu=* --gres gpu:$0
option gpu=0
option time=* --time $0
option num_nodes=* --nodes $0 --ntasks-per-node 1
option num_nodes=1
"""
_DEFAULT_MAX_ARRAY = 1000  # of a Slurm that is not told otherwise
_ENDED = {
    "COMPLETED": ("", 0, False),
    "FAILED": ("", None, False),
    "TIMEOUT": ("ran out of its time", 143, False),
    "DEADLINE": ("was not done at its deadline", 143, False),
    "OUT_OF_MEMORY": ("ran out of its memory", 137, False),
    "CANCELLED": ("was cancelled", 143, False),
    "REVOKED": ("was revoked by another cluster", 143, True),
    "NODE_FAIL": ("lost its node", 1, True),
    "BOOT_FAIL": ("lost its node, which did not start", 1, True),
    "PREEMPTED": ("was preempted by other jobs", 143, True),
    "LAUNCH_FAILED": ("could not be launched on its node", 1, True),
    "RECONFIG_FAIL": ("lost its node, which was reconfigured", 1, True),
}
# What will not go away by waiting.
_HOPELESS = {"BadConstraints", "DependencyNeverSatisfied", "InvalidAccount", "InvalidQOS"}
_JOB_ID = re.compile(r"^(\d+)(?:;|$)", re.MULTILINE)  # 12, or 12;cluster
_BUSY = re.compile(
    r"timed out|Unable to contact|Connection (refused|reset)|temporarily|try again|MaxSubmitJob|MaxJobs?Per|"
    r"Slurm controller not responding|Zero Bytes|backup controller",
    re.IGNORECASE,
)


class Slurm:
    """A call's view of a Slurm cluster."""

    def __init__(self, call: Call) -> None:
        """Read conf/slurm.conf and the cluster's limits.

        Raises:
            CallError: an option or a line of the configuration cannot be understood.
        """
        conf = read_site_conf(call.config, "conf/slurm.conf", STANDARD_CONF)
        values = option_values(call)
        if call.num_nodes > 1:
            values["num_nodes"] = str(call.num_nodes)
        self._words = [*conf.words(values), *call.scheduler_words]
        # SLURM_... of a job that this runs in would be taken for options.
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name == "SLURM_CONF" or not name.startswith(("SLURM_", "SLURMD_", "BASH_FUNC_"))
        }
        self._user = str(os.getuid())
        self.max_array = self._max_array() if call.num_tasks > 1 else 1

    def _max_array(self) -> int:
        """How many tasks an array may have: indices from 1 on must stay below MaxArraySize."""
        _, output, _ = self._run(["scontrol", "show", "config"])
        match = re.search(r"^MaxArraySize\s*=\s*(\d+)", output, re.MULTILINE)
        return max(int(match[1]) - 1, 1) if match else _DEFAULT_MAX_ARRAY

    def script(self, call: Call, spec: str, statuses: str) -> str:
        """The batch script; on several nodes srun starts on_node.py on each of them."""
        if call.num_nodes == 1:
            return on_node.script(spec)
        warning = shlex.quote(os.path.join(statuses, "warning."))
        return f"""{on_node.SCRIPT_HEAD}master=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export SPEECHLIB_MASTER=$master:$((20000 + SLURM_JOB_ID % 10000))
trap ': >{warning}"$SLURM_JOB_ID"' USR1
srun --kill-on-bad-exit=1 --nodes={call.num_nodes} --ntasks-per-node=1 --cpus-per-task="${{SLURM_CPUS_PER_TASK:-1}}" \\
  {on_node.START} <<'END_OF_CALL' &
{spec}
END_OF_CALL
while kill -0 $! 2>/dev/null; do wait $!; done
wait $!
"""

    def submit(self, call: Call, script: str, name: str, num_tasks: int, is_array: bool) -> str:
        """Submit with sbatch, again and again while the scheduler is busy.

        Raises:
            Refused: sbatch says no.
        """
        words = [*self._words, "--parsable", "--job-name", name, "--output", "/dev/null", "--error", "/dev/null"]
        words += ["--no-requeue"]  # a task that is lost is submitted anew, where that is wanted
        if is_array:
            limit = f"%{call.max_jobs_run}" if call.max_jobs_run else ""
            words += ["--array", f"1-{num_tasks}{limit}"]
        if call.requeue:
            words += ["--signal", f"B:USR1@{call.requeue}"]
        return submit(words, script, self._environment, call.log, _JOB_ID, _BUSY, lambda: self.poll([name]) or ())

    def poll(self, names: Iterable[str]) -> dict[str, dict[int, Found]] | None:
        """One squeue for all jobs; what ended is listed for a while (MinJobAge)."""
        words = ["squeue", "-h", "-t", "all", "-u", self._user, "-n", ",".join(names), "-o", "%i|%T|%r"]
        code, output, _ = self._run(words)
        if code:
            return None
        return parse_squeue(output)

    def explain(self, job: str) -> dict[int, Found]:
        """From scontrol, while it remembers, else from the accounting if there is one."""
        _, output, _ = self._run(["scontrol", "-o", "show", "job", job])
        found = parse_records(output)
        if not found:
            _, output, _ = self._run(["sacct", "-n", "-P", "-X", "-j", job, "-o", "JobID,State,ExitCode"])
            found = parse_sacct(output)
        return found

    def cancel(self, names: Iterable[str]) -> None:
        """scancel by name, of this user's jobs alone."""
        for name in names:
            self._run(["scancel", "-u", self._user, "-n", name])

    def _run(self, words: list[str]) -> tuple[int, str, str]:
        # Long arrays are listed in full, not cut with dots.
        return run_command(words, "", {**self._environment, "SLURM_BITSTR_LEN": "0"})


def parse_squeue(text: str) -> dict[str, dict[int, Found]]:
    """Tasks by job and index from lines such as 12_[3-5,8%2]|PENDING|Resources; a job without an array has index 1."""
    jobs: dict[str, dict[int, Found]] = {}
    for line in text.splitlines():
        where, _, rest = line.partition("|")
        state, _, reason = rest.partition("|")
        job, _, indices = where.partition("_")
        found = _found(state, reason)
        for index in _expand(indices):
            jobs.setdefault(job, {})[index] = found
    return jobs


def _expand(indices: str) -> Iterable[int]:
    """The numbers of 7, of [1-3,7%2], and of nothing: 1."""
    numbers: list[int] = []
    for part in indices.strip("[]").partition("%")[0].split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            numbers += range(int(first), int(last or first) + 1)
    return numbers or [1]


def _found(state: str, reason: str = "", code: int | None = None) -> Found:
    state = state.split()[0] if state else ""  # "CANCELLED by 0"
    reason = "" if reason in ("None", "") else reason
    if state in _ENDED:
        why, usual, is_cluster_fault = _ENDED[state]
        return Found("ended", why, code or usual, is_cluster_fault)
    if state == "PENDING" and reason in _HOPELESS:
        return Found("ended", f"will never start ({reason})", 1)
    return Found("waits" if state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT") else "runs", reason)


def parse_records(text: str) -> dict[int, Found]:
    """Tasks by index from the lines of scontrol -o show job."""
    found = {}
    for line in text.splitlines():
        fields = dict(re.findall(r"(?:^|\s)(JobState|Reason|ExitCode|ArrayTaskId)=(\S*)", line))
        if "JobState" in fields:
            code = _exit_code(fields.get("ExitCode", ""))
            for index in _expand(fields.get("ArrayTaskId", "")):
                found[index] = _found(fields["JobState"], fields.get("Reason", ""), code)
    return found


def parse_sacct(text: str) -> dict[int, Found]:
    """Tasks by index from sacct's lines JobID|State|ExitCode."""
    found = {}
    for line in text.splitlines():
        where, state, code = (line.split("|") + ["", ""])[:3]
        for index in _expand(where.partition("_")[2]):
            found[index] = _found(state, "", _exit_code(code))
    return found


def _exit_code(text: str) -> int:
    """Slurm's code:signal as bash would say it."""
    code, _, number = text.partition(":")
    if number.isdigit() and int(number):
        return 128 + int(number)
    return int(code) if code.isdigit() else 0
