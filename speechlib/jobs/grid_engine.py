"""Grid Engine's commands: qsub, qstat, qacct, qconf and qdel (Son of, Univa or Altair Grid Engine)."""

import os
import pwd
import re
from collections.abc import Iterable

from speechlib.jobs import on_node
from speechlib.jobs.call import Call, CallError
from speechlib.jobs.cluster import Found
from speechlib.jobs.commands import clock, run_command, submit
from speechlib.jobs.site_conf import option_values, read_site_conf

STANDARD_CONF = """\
command qsub
option mem=* -l mem_free=$0
option mem=0
option num_threads=* -pe smp $0
option num_threads=1
option gpu=* -l gpu=$0
option gpu=0
option time=* -l h_rt=$0
option requeue=* -l s_rt=$0
"""
_DEFAULT_MAX_ARRAY = 75000
_JOB_ID = re.compile(r"^(\d+)(?:\.|$)", re.MULTILINE)  # 12, or 12.1-4:1
_BUSY = re.compile(
    r"unable to (contact|send)|got send timeout|commlib error|timeout|try (again )?later|"
    r"only \d+ jobs? (are|is) allowed|limit .*exceeded",
    re.IGNORECASE,
)
# The numbers of qacct's line "failed": what befell the host, not the job.
_HOST_FAILURES = {*range(1, 12), 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 30, 35}


class GridEngine:
    """A call's view of a Grid Engine cluster."""

    def __init__(self, call: Call) -> None:
        """Read conf/queue.conf and the cluster's limits.

        Raises:
            CallError: an option or a line of the configuration cannot be understood, or cannot be had here.
        """
        if call.num_nodes > 1:
            raise CallError(
                f"--num-nodes {call.num_nodes}: Grid Engine's jobs run on one host here; start the step on each host "
                "(see the step's options), or use utils/slurm.py"
            )
        conf = read_site_conf(call.config, "conf/queue.conf", STANDARD_CONF)
        warning = {"requeue": clock(call.time - call.requeue)} if call.requeue else {}
        values = option_values(call, **warning)
        # qsub -sync y of Kaldi's recipes would wait in our stead.
        words = re.sub(r"(^|\0)-sync\0[^\0]*", "", "\0".join(call.scheduler_words)).split("\0")
        self._words = [*conf.words(values), *filter(None, words)]
        # qsub -V of a site's command must not meet bash's functions, which it cannot carry.
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("BASH_FUNC_")}
        self._user = pwd.getpwuid(os.getuid()).pw_name
        self.max_array = self._max_array() if call.num_tasks > 1 else 1

    def _max_array(self) -> int:
        _, output, _ = self._run(["qconf", "-sconf"])
        match = re.search(r"^max_aj_tasks\s+(\d+)", output, re.MULTILINE)
        return int(match[1]) or _DEFAULT_MAX_ARRAY if match else _DEFAULT_MAX_ARRAY

    def script(self, call: Call, spec: str, statuses: str) -> str:
        """The job's script."""
        return on_node.script(spec)

    def submit(self, call: Call, script: str, name: str, num_tasks: int, is_array: bool) -> str:
        """Submit with qsub, again and again while the scheduler is busy.

        Raises:
            Refused: qsub says no.
        """
        words = [*self._words, "-terse", "-S", "/bin/bash", "-N", name, "-o", "/dev/null", "-j", "y", "-r", "n"]
        if not call.mem:  # refuse what no host has; free memory, a load that varies, would always be refused
            words += ["-w", "e"]
        if is_array:
            words += ["-t", f"1-{num_tasks}"]
            if call.max_jobs_run:
                words += ["-tc", str(call.max_jobs_run)]
        return submit(words, script, self._environment, call.log, _JOB_ID, _BUSY, lambda: self.poll([name]) or ())

    def poll(self, names: Iterable[str]) -> dict[str, dict[int, Found]] | None:
        """One qstat for all jobs; what ended is not listed."""
        code, output, _ = self._run(["qstat", "-u", self._user, "-xml"])
        if code:
            return None
        jobs = parse_qstat(output, set(names))
        for job, tasks in jobs.items():
            for index, found in tasks.items():
                if found.state == "ended":  # an error: it would stand there for ever
                    tasks[index] = found._replace(why=f"{found.why}{self._error_reason(job)}")
                    self._run(["qdel", job])
        return jobs

    def _error_reason(self, job: str) -> str:
        _, output, _ = self._run(["qstat", "-j", job])
        match = re.search(r"error reason\s+\d+:\s*(.*)", output)
        return f": {match[1].strip()}" if match else ""

    def explain(self, job: str) -> dict[int, Found]:
        """From the accounting file, which lags behind by some seconds and is not there on every host."""
        _, output, _ = self._run(["qacct", "-j", job])
        return parse_qacct(output)

    def cancel(self, names: Iterable[str]) -> None:
        """qdel by name; jobs of others are out of its reach."""
        self._run(["qdel", *names])

    def _run(self, words: list[str]) -> tuple[int, str, str]:
        return run_command(words, "", self._environment)


def parse_qstat(text: str, names: set[str]) -> dict[str, dict[int, Found]]:
    """Tasks by job and index from qstat -xml; a job without an array has index 1."""
    jobs: dict[str, dict[int, Found]] = {}
    for entry in re.findall(r"<job_list.*?</job_list>", text, re.DOTALL):
        fields = dict(re.findall(r"<(JB_job_number|JB_name|state|tasks)>([^<]*)<", entry))
        if fields.get("JB_name") not in names:
            continue
        state = fields.get("state", "")
        if "E" in state:
            found = Found("ended", "could not be started by Grid Engine", 1)
        elif "w" in state or "h" in state:
            found = Found("waits", "held" if "h" in state else "")
        else:
            found = Found("runs")
        for index in _expand(fields.get("tasks", "")):
            jobs.setdefault(fields["JB_job_number"], {})[index] = found
    return jobs


def _expand(tasks: str) -> Iterable[int]:
    """The numbers of 3, of 1-9:2, of 1,4-6:1, and of nothing: 1."""
    numbers: list[int] = []
    for part in tasks.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part.strip())
        if match:
            numbers += range(int(match[1]), int(match[2] or match[1]) + 1, int(match[3] or 1))
    return numbers or [1]


def parse_qacct(text: str) -> dict[int, Found]:
    """Tasks by index from qacct -j: why they failed, and their exit status."""
    tasks = {}
    for record in re.split(r"^=+$", text, flags=re.MULTILINE):
        fields = dict(re.findall(r"^(taskid|failed|exit_status)\s+(.*?)\s*$", record, re.MULTILINE))
        if "exit_status" not in fields:
            continue
        index = int(fields["taskid"]) if fields.get("taskid", "").isdigit() else 1
        status = re.match(r"\d+", fields["exit_status"])
        failed, _, words = fields.get("failed", "0").partition(":")
        tasks[index] = _found(int(status[0]) if status else 1, failed.strip(), words.strip())
    return tasks


def _found(code: int, failed: str, words: str) -> Found:
    if failed in ("", "0"):
        return Found("ended", "", code)
    if failed == "37":
        why = "ran out of its time, or of another limit of the queue (h_rt, h_cpu, h_vmem)"
        return Found("ended", why, code or 137)
    if failed == "100":
        why = "ran out of its time" if code in (128 + 10, 128 + 24) else "was killed"
        return Found("ended", why, code or 137)
    is_cluster_fault = failed.isdigit() and int(failed) in _HOST_FAILURES
    return Found("ended", f"failed in Grid Engine: {words or f'code {failed}'}", code or 1, is_cluster_fault)
