"""A dispatcher's command line, in the calling convention of Kaldi's run.pl, queue.pl and slurm.pl."""

import re
from collections.abc import Iterable
from typing import NamedTuple  # dataclasses would take a tenth of a short job's time to import

_ARRAY = re.compile(r"([A-Za-z_]\w*)=(\d+)(?::(\d+))?")
_LOOKS_LIKE_ARRAY = re.compile(r"[A-Za-z_]\w*=[^/]*")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?", re.IGNORECASE)
_TIME = re.compile(r"(\d{1,4}-)?(\d{1,6}(?::\d{1,2}){0,2})")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_RESOURCES = ("--max-jobs-run", "--num-threads", "--mem", "--gpu", "--time", "--num-nodes", "--gpus-per-node")
_FOR_CLUSTERS = ("--retries", "--requeue", "--config")
_OPTIONS = _RESOURCES + _FOR_CLUSTERS
# qsub's and sbatch's options take one word each; these do not.
_WORDS_OF_OTHER_OPTIONS = {"-V": 0, "-pe": 2}


class CallError(ValueError):
    """The dispatcher was called wrongly; the message says how and what was expected."""


class Task(NamedTuple):
    """One task of a call: its number (None without an array), its command's arguments and its log file."""

    number: int | None
    arguments: tuple[str, ...]
    log: str


class Call(NamedTuple):
    """What a dispatcher was asked to run.

    Attributes:
        name: the word that stands for the task's number (JOB), or None where no array was asked for.
        first, last: the range of the array, both included; 1 and 1 without an array.
        log: log file, with the name in it.
        arguments: the command's words, with the name in them.
        max_jobs_run: limit on tasks that run at one time, or None.
        num_threads: threads a task, or None where the caller did not say.
        mem: bytes a task, or None; gpu: GPUs a task, on each of its nodes, or None; time: limit in seconds, or None.
        num_nodes: nodes a task, on each of which the command is started.
        retries: how often a task that the cluster lost is submitted again.
        requeue: seconds before the time limit at which a task is told to write a checkpoint; 0: it is not told.
        config: file with the site's options, or None.
        site_options: options such as ("qname", "all.q"), which only that file knows.
        scheduler_words: the scheduler's own options, such as -l mem_free=4G, word by word.
        is_kaldi: bash is to expand the command's words, as it does under Kaldi's dispatchers; so a program with one of
            their names is called.
    """

    name: str | None
    first: int
    last: int
    log: str
    arguments: tuple[str, ...]
    max_jobs_run: int | None = None
    num_threads: int | None = None
    mem: int | None = None
    gpu: int | None = None
    time: int | None = None
    num_nodes: int = 1
    retries: int = 0
    requeue: int = 0
    config: str | None = None
    site_options: tuple[tuple[str, str], ...] = ()
    scheduler_words: tuple[str, ...] = ()
    is_kaldi: bool = False

    @property
    def num_tasks(self) -> int:
        """Number of tasks."""
        return self.last - self.first + 1

    def task(self, number: int) -> Task:
        """The task of one number: the array's name is replaced wherever it stands, inside words too (as run.pl)."""
        if self.name is None:
            return Task(None, self.arguments, self.log)
        value = str(number)
        return Task(
            number, tuple(word.replace(self.name, value) for word in self.arguments), self.log.replace(self.name, value)
        )


def parse_call(argv: list[str], prog: str = "run.py") -> Call:
    """Read a dispatcher's arguments: [options] [JOB=1:4] [options] <log-file> <command> [<argument> ...].

    Options that are not ours (-l, -q, -pe, --qname, ...) are kept together with their value for whoever knows them, as
    queue.pl does.

    Raises:
        CallError: the call cannot be understood; the message names the argument and the form that was expected.
    """
    words = list(argv)
    options: dict[str, str] = {}
    others: list[list[str]] = []
    array = None
    for _ in range(2):  # options may stand before and after JOB=1:4
        _take_options(words, options, others)
        if words and array is None and (array := _match_array(words[0])):
            words.pop(0)
    if len(words) < 2:
        missing = "a command" if words else "a log file and a command"
        raise CallError(f"expected {missing} at the end: {prog} [options] JOB=1:4 log/x.JOB.log command [argument ...]")
    log, *arguments = words
    name, first, last = array or (None, 1, 1)
    if last > first and name not in log:
        raise CallError(f"{last - first + 1} tasks would write one log: put {name} into the log's name, not just {log}")
    site_options = tuple((other[0][2:], other[1]) for other in others if other[0].startswith("--"))
    scheduler_words = tuple(word for other in others if not other[0].startswith("--") for word in other)
    return Call(
        name, first, last, log, tuple(arguments), **_checked(options),
        site_options=site_options, scheduler_words=scheduler_words, is_kaldi=prog.endswith(".pl"),
    )  # fmt: skip


def refuse_misspelt(call: Call) -> None:
    """Let no option through that looks like a misspelt one of ours, where there is nobody to know the others.

    Raises:
        CallError: there is one; the message names the option that was meant.
    """
    for name, _ in call.site_options:
        near = nearest_option(name)
        if near:
            raise CallError(f"unknown option --{name}; did you mean {near}?")


def nearest_option(name: str, others: Iterable[str] = ()) -> str:
    """The option, ours or one of the others, that looks like name; empty if there is none."""
    from difflib import get_close_matches  # only here: most calls never need it

    known = [*_OPTIONS, *(f"--{other.replace('_', '-')}" for other in others)]
    return "".join(get_close_matches(f"--{name.replace('_', '-')}", known, n=1, cutoff=0.75))


def _match_array(word: str) -> tuple[str, int, int] | None:
    match = _ARRAY.fullmatch(word)
    if match is None:
        if _LOOKS_LIKE_ARRAY.fullmatch(word) and not word.endswith(".log"):
            raise CallError(f"{word}: expected a range such as JOB=1:4 (is a variable, the 4 of it, empty?)")
        return None
    name, first = match[1], int(match[2])
    last = int(match[3]) if match[3] else first
    if first < 1:
        raise CallError(f"{word}: an array starts at 1 or above (Grid Engine knows no task 0)")
    if last < first:
        raise CallError(f"{word}: the last task comes before the first; nothing to run")
    return name, first, last


def _take_options(words: list[str], options: dict[str, str], others: list[list[str]]) -> None:
    """Move the options at the head of words into options; the smallest --max-jobs-run holds, else the last one.

    Those that are not ours go into others, each with its value.
    """
    while words and words[0].startswith("-"):
        word = words.pop(0)
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        option = "--max-jobs-run" if option == "-tc" else option
        if option not in _OPTIONS:
            count = _WORDS_OF_OTHER_OPTIONS.get(option, 1)
            others.append([option, value] if equals else [option, *words[:count]])
            if not equals:
                del words[:count]
                if option.startswith("--") and len(others[-1]) == 1:
                    raise CallError(f"{option} needs a value")
            continue
        if not equals:
            if not words or words[0].startswith("--"):
                raise CallError(f"{option} needs a value")
            value = words.pop(0)
        if option == "--max-jobs-run" and option in options:
            value = min(value, options[option], key=lambda text: _integer(option, text, 1))
        options[option] = value


def _checked(options: dict[str, str]) -> dict[str, int | str | None]:
    values: dict[str, int | str | None] = {}
    at_least = {"--max-jobs-run": 1, "--num-threads": 1, "--gpu": 0, "--num-nodes": 1, "--retries": 0, "--requeue": 1}
    for option, least in at_least.items():
        if option in options:
            values[option[2:].replace("-", "_")] = _integer(option, options[option], least)
    if "--gpus-per-node" in options:
        values["gpu"] = _integer("--gpus-per-node", options["--gpus-per-node"], 0)
    if "--mem" in options:
        match = _MEMORY.fullmatch(options["--mem"])
        if match is None:
            raise CallError(f"--mem {options['--mem']}: expected a size such as 500M or 4G")
        values["mem"] = int(float(match[1]) * _UNITS[match[2].lower()])
    if "--time" in options:
        values["time"] = _seconds(options["--time"])
    if "--requeue" in options and values["requeue"] >= values.get("time", 0):
        raise CallError(f"--requeue {options['--requeue']}: expected seconds before --time, and less than that")
    values["config"] = options.get("--config")
    return values


def _seconds(text: str) -> int:
    """A time limit as sbatch reads it: minutes, minutes:seconds, hours:minutes:seconds, days-hours:minutes:seconds."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise CallError(f"--time {text}: expected hours:minutes:seconds such as 1:00:00")
    numbers = [int(number) for number in match[2].split(":")]
    if match[1]:  # after days stand hours first
        hours, minutes, seconds = (numbers + [0, 0])[:3]
        hours += 24 * int(match[1][:-1])
    elif len(numbers) == 3:
        hours, minutes, seconds = numbers
    else:
        hours, (minutes, seconds) = 0, (numbers + [0])[:2]
    if not hours + minutes + seconds:
        raise CallError(f"--time {text}: expected more than nothing")
    return 3600 * hours + 60 * minutes + seconds


def _integer(option: str, text: str, least: int) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
        raise CallError(f"{option} {text}: expected a whole number of at least {least}")
    return int(text)
