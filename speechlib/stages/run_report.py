"""Where the time of a recipe's runs went, from the records of its stages and what trainings say of themselves."""

import json
import os
import re
from typing import Any

from speechlib.stages.file_states import read_json
from speechlib.stages.memory import as_text as size_text
from speechlib.stages.run_lock import is_alive

Summary = dict[str, Any]
_RECORD = re.compile(r"(.+)\.(\d+)\.json")
_SLOWEST = 10
_UNEVEN = 5
_UNEVEN_SECONDS = 0.2  # less is not worth a line


class NoRecords(ValueError):
    """There is nothing to report on; the message says where it was looked for."""


def summarise(folder: str) -> Summary:
    """All that the records below a folder say.

    Args:
        folder: of experiments, exp/ or exp/NAME.

    Returns:
        `runs`: by script and folder, its `stages` and their sums; `steps`: arrays of jobs, the longest first;
        `trainings`: what their training.json says. Times in seconds, memory in bytes.

    Raises:
        NoRecords: there is no such folder, or there are no records in it.
    """
    if not os.path.isdir(folder):
        raise NoRecords(f"there is no folder {folder}")
    runs: list[Summary] = []
    trainings: list[Summary] = []
    for here, folders, names in sorted(os.walk(folder)):
        folders[:] = [name for name in folders if name == ".stages" or not name.startswith(".")]
        if os.path.basename(here) == ".stages":
            runs += _runs(here, names)
        elif "training.json" in names:
            trainings.append(_training(here))
    if not runs:
        raise NoRecords(f"no records below {folder}: the stages of a recipe leave them in exp/NAME/.stages")
    return {"runs": runs, "steps": _steps(runs), "trainings": trainings}


def _runs(folder: str, names: list[str]) -> list[Summary]:
    scripts: dict[str, dict[int, Summary]] = {}
    for name in names:
        record = read_json(os.path.join(folder, name)) if (match := _RECORD.fullmatch(name)) else {}
        if match and "state" in record:
            scripts.setdefault(match[1], {})[int(match[2])] = record
    runs = []
    for script, records in sorted(scripts.items()):
        stages = [_stage(number, record) for number, record in sorted(records.items())]
        runs.append(
            {
                "folder": os.path.dirname(folder),
                "script": script,
                "stages": stages,
                "wall": sum(stage["wall"] for stage in stages),
                "cpu": sum(stage["cpu"] for stage in stages),
            }
        )
        for stage in stages:
            stage["share"] = stage["wall"] / max(runs[-1]["wall"], 1e-9)
    return runs


def _stage(number: int, record: Summary) -> Summary:
    state = record["state"]
    if state == "running" and not is_alive(record.get("process", "")):
        state = "interrupted"
    jobs = record.get("jobs", [])
    return {
        "stage": number,
        "title": record.get("title", ""),
        "state": state,
        "wall": record.get("wall", 0.0),
        "cpu": record.get("cpu", 0.0),
        "peak": record.get("peak", 0),
        "hosts": record.get("hosts", []),
        "jobs": jobs,
        "failed_jobs": sum(job[2] != 0 for job in jobs),
        "runs": record.get("runs", 1),
        "failures": record.get("failures", 0) + (state == "interrupted"),
        "began": record.get("began", ""),
        "commit": record.get("commit", ""),
        "dirty": record.get("dirty", False),
        "command": record.get("command", []),
    }


def _steps(runs: list[Summary]) -> list[Summary]:
    """The stages' jobs by their logs without numbers, the longest together first."""
    groups: dict[tuple[str, int, str], list[list]] = {}
    for run in runs:
        for stage in run["stages"]:
            for job in stage["jobs"]:
                log = re.sub(r"(?<=[./])\d+(?=[./])", "*", job[0])
                groups.setdefault((run["script"], stage["stage"], log), []).append(job)
    steps = []
    for (_, stage, log), jobs in groups.items():
        walls = [job[3] for job in jobs]
        steps.append(
            {
                "stage": stage,
                "log": log,
                "jobs": len(jobs),
                "wall": sum(walls),
                "longest": max(walls),
                "mean": sum(walls) / len(walls),
                "cpu": sum(job[4] for job in jobs),
                "peak": max(job[5] for job in jobs),
                "failed": sum(job[2] != 0 for job in jobs),
            }
        )
    return sorted(steps, key=lambda step: -step["wall"])


def _training(folder: str) -> Summary:
    said = read_json(os.path.join(folder, "training.json"))
    keys = ("device", "seconds", "samples_per_second", "gpu_memory_bytes", "data_wait_share", "processes")
    return {"folder": folder, **{key: said[key] for key in keys if key in said}}


def as_json(summary: Summary) -> str:
    """The summary as a JSON text."""
    return json.dumps(summary, indent=2) + "\n"


def as_text(summary: Summary) -> str:
    """The summary as tables to read."""
    blocks = [_run_text(run) for run in summary["runs"]]
    steps = summary["steps"]
    if steps:
        rows = [("stage", "together", "longest", "cpu", "memory", "jobs", "log")]
        rows += [
            (str(step["stage"]), _time(step["wall"]), _time(step["longest"]), _time(step["cpu"]),
             size_text(step["peak"]), f"{step['jobs']}{_failed(step['failed'])}", step["log"])
            for step in steps[:_SLOWEST]
        ]  # fmt: skip
        blocks.append(f"Jobs, the {min(len(steps), _SLOWEST)} longest of {len(steps)} kinds\n{_table(rows, '>>>>>><')}")
    uneven = sorted(
        (step for step in steps if step["jobs"] > 1 and step["longest"] - step["mean"] >= _UNEVEN_SECONDS),
        key=lambda step: step["mean"] - step["longest"],
    )
    if uneven:
        rows = [("longest", "mean", "longest / mean", "jobs", "log")]
        rows += [
            (_time(step["longest"]), _time(step["mean"]), f"{step['longest'] / step['mean']:.1f}", str(step["jobs"]),
             step["log"])
            for step in uneven[:_UNEVEN]
        ]  # fmt: skip
        blocks.append(f"Where all waited for one job\n{_table(rows, '>>>><')}")
    if summary["trainings"]:
        rows = [("time", "GPU memory", "waits for data", "device", "training")]
        rows += [
            (_time(one["seconds"]) if "seconds" in one else "-",
             size_text(one["gpu_memory_bytes"]) if "gpu_memory_bytes" in one else "-",
             f"{one['data_wait_share']:.1%}" if "data_wait_share" in one else "-",
             str(one.get("device", "-")), one["folder"])
            for one in summary["trainings"]
        ]  # fmt: skip
        blocks.append(f"Trainings\n{_table(rows, '>>><<')}")
    return "\n".join(blocks)


def _run_text(run: Summary) -> str:
    rows = [("stage", "wall", "share", "cpu", "memory", "jobs", "runs", "began", "commit", "hosts", "title")]
    for stage in run["stages"]:
        state = {"done": "", "running": " (runs now)"}.get(stage["state"], f" ({stage['state']})")
        hosts = stage["hosts"]
        rows.append(
            (str(stage["stage"]), _time(stage["wall"]), f"{stage['share']:.0%}", _time(stage["cpu"]),
             size_text(stage["peak"]), f"{len(stage['jobs'])}{_failed(stage['failed_jobs'])}",
             f"{stage['runs']}{_failed(stage['failures'])}", stage["began"][:16],
             stage["commit"][:8] + "+" * stage["dirty"], hosts[0] if len(hosts) == 1 else f"{len(hosts)} hosts",
             stage["title"] + state)
        )  # fmt: skip
    head = f"{run['folder']}, {run['script']}: {_time(run['wall'])}, {_time(run['cpu'])} of processor time"
    return f"{head}\n{_table(rows, '>>>>>>><<<<')}"


def _failed(count: int) -> str:
    return f", {count} failed" if count else ""


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def _table(rows: list[tuple[str, ...]], sides: str) -> str:
    """Rows in columns; `sides` has a > for each column of numbers, a < for one of words."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)]
        lines.append("  " + "  ".join(cells).rstrip() + "\n")
    return "".join(lines)
