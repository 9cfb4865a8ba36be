"""The stage runner's bookkeeping, started by utils/stages.sh between stages: which runs next, and what one left behind.

Usage: stage_runner.py next <script> <exp-dir> <run> true|false <stage> ...    (true: whatever the records say)
   or: stage_runner.py why  <script> <exp-dir> <run> true|false <stage> ...
   or: stage_runner.py end  <script> <exp-dir> <run> <stage> <status> <wall> <cpu> <peak-bytes>
The script is named as bash has it open, a tab, and its name. With next and why, standard input has, separated by null
bytes: what `declare -p` and `declare -f` print, and the words of the command line. next answers, a line a stage,
`skip <stage> <since>` up to the first one that runs, then `run <stage>`, whose record it begins; why answers in words.
"""

import glob
import os
import sys
import time

# As a program it stands in speechlib/stages, and is started without the user's search path.
_TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, _TOP)

from speechlib.jobs.job_records import read_jobs  # noqa: E402
from speechlib.stages.code_closure import CodeClosure  # noqa: E402
from speechlib.stages.file_states import FileStates, read_json, write_json  # noqa: E402
from speechlib.stages.relocate import relocate  # noqa: E402
from speechlib.stages.shell_text import (  # noqa: E402
    StageText,
    read_functions,
    read_stages,
    read_variables,
    with_functions,
)
from speechlib.stages.stage_records import Needs, Records  # noqa: E402

# By contract the files of a recipe depend on none of them.
_DISPATCHERS = ("train_cmd", "cuda_cmd", "cmd")
_IGNORED = (
    *_DISPATCHERS,
    *"nj num_nodes gpus_per_node stage stop_stage list dry_run force why _called_from".split(),
    *"OLDPWD RANDOM SRANDOM SECONDS LINENO EPOCHSECONDS EPOCHREALTIME BASHPID BASH_COMMAND BASH_LINENO".split(),
    *"FUNCNAME PPID SHLVL _".split(),
)


class Bookkeeping:
    """One call of the program: a recipe's stages, their records, and its files.

    Args:
        script: `<file to read>`, a tab, `<name>`.
        exp: folder of the recipe's experiments.
        run: name of this run.
    """

    def __init__(self, script: str, exp: str, run: str) -> None:
        file, _, self._script = script.partition("\t")
        self._folder = os.path.join(exp, ".stages")
        self._here = os.getcwd()
        logical = os.environ.get("PWD", "")
        self._places = {self._here} | ({logical} if os.path.realpath(logical) == self._here else set())
        self._place_file = os.path.join(self._folder, "place.json")
        self._old_places = set(read_json(self._place_file).get("places", []))
        cache = os.path.join(self._folder, "digests.json")
        self.files = FileStates(self._here, self._places | self._old_places, cache, run)
        with open(file, encoding="utf-8", errors="surrogateescape") as stream:
            self.stages = read_stages(stream.read())
        self._exp = self.files.relative(exp) or exp
        self._holder = f"{run.partition('-')[0]} {os.uname().nodename}"
        self._records: Records | None = None

    @property
    def records(self) -> Records:
        """The stages' records, read when they are first asked for: after a move was mended."""
        if self._records is None:
            self._records = Records(self._folder, self._script, self.stages, self.files)
        return self._records

    def read_shell(self, dump: str) -> None:
        """Take in what the script's shell knows: variables, functions, the command line."""
        variables, functions, *self.command = dump.rstrip("\0").split("\0")
        self._variables = read_variables(variables)
        self._functions = read_functions(functions)
        known_file = os.path.join(self._folder, "code.json")
        self._closure = CodeClosure(self._here, _TOP, read_json(known_file))
        self._known_file = known_file
        self._needs: dict[int, Needs] = {}

    def save(self) -> None:
        """Keep what was found out about files and code for the next call."""
        self.files.save()
        if self._closure.is_changed:
            write_json(self._known_file, self._closure.known)

    def settle(self) -> str:
        """Mend the lists if the recipe's folder has moved since the last run; returns what to say of it."""
        said = ""
        old = self._old_places - self._places
        if self._old_places and old == self._old_places and not any(_is_same(place, self._here) for place in old):
            written = self._written()
            count = sum(relocate(written, place, self._here) for place in sorted(old, key=len, reverse=True))
            said = f"this folder was {min(old, key=len)}: {count} lists of files below {' and '.join(written)} mended"
        if said or not self._old_places:
            write_json(self._place_file, {"places": sorted(self._places)})
        return said

    def _written(self) -> list[str]:
        """The folders that are this run's own."""
        named = [*self._variables.get("data", []), self._exp]
        return [folder for folder in dict.fromkeys(named) if os.path.isdir(folder)]

    def needs(self, number: int) -> Needs:
        """What a stage depends on."""
        if number not in self._needs:
            text = with_functions(self.stages[number][1], self._functions)
            stage = StageText(text, self._variables)
            code_files = self._closure.files(text)
            code = {name: self._digest_of_code(path) for name, path in code_files.items()}
            code[f"stage {number} of {self._script}"] = _digest_of_text(text)
            options = {name: self._without_place(value) for name, value in stage.options(_IGNORED).items()}
            dispatchers = self._words_of_dispatchers()
            patterns = [self._relative(pattern) for pattern in stage.patterns() if pattern not in dispatchers]
            not_read = [self._relative(pattern) for pattern in stage.not_read()]
            places = [self._relative(place) for place in (*self._variables.get("data", []), self._exp) if place]
            self._needs[number] = Needs(
                options, code, frozenset(code_files.values()), patterns, not_read, [*places, *patterns]
            )
        return self._needs[number]

    def _words_of_dispatchers(self) -> set[str]:
        """The programs and the sites' options in cmd.sh, as they stand in patterns."""
        values = [value for name in _DISPATCHERS for value in self._variables.get(name, [])]
        return {glob.escape(word) for value in values for word in value.split()}

    def _relative(self, pattern: str) -> str:
        return self.files.relative(pattern) or pattern

    def _without_place(self, value: str) -> str:
        for place in self._places:
            value = value.replace(place + "/", "")
        return value

    def _digest_of_code(self, path: str) -> str:
        return self.files.digest(path) or "not there"

    def reasons(self, number: int) -> list[str]:
        """Why a stage has to run."""
        return self.records.reasons(number, self.needs(number))

    def begin(self, number: int) -> None:
        """Note that a stage begins."""
        with open(self.records.path(number, "jobs"), "w", encoding="utf-8"):
            pass
        commit = self.files.once_a_run("commit", _commit)
        facts = {
            "script": self._script,
            "stage": number,
            "title": self.stages[number][0],
            "command": self.command,
            "recipe": self._here,
            "process": self._holder,
            "commit": commit.rstrip("+"),
            "dirty": commit.endswith("+"),
            "hosts": [os.uname().nodename],
            "began": _now(),
        }
        self.records.begin(number, self.needs(number), facts)

    def end(self, number: int, status: int, wall: float, cpu: float, peak: int) -> None:
        """Complete a stage's record.

        Args:
            number: of the stage.
            status: 0 if it did its work.
            wall: seconds that it took.
            cpu: seconds of processor time of what it started here.
            peak: bytes of memory of all that ran here.
        """
        log = self.records.path(number, "jobs")
        jobs = read_jobs(log)
        record = self.records.get(number) or {}
        facts = {
            "ended": _now(),
            "wall": wall,
            "cpu": round(cpu + sum(job.cpu for job in jobs if not job.is_child), 3),
            "peak": max([peak, *(job.peak for job in jobs)]),
            "hosts": sorted({*record.get("hosts", []), *(job.host for job in jobs)}),
            "jobs": [list(job) for job in jobs],
        }
        self.records.end(number, status == 0, facts)
        if os.path.exists(log):
            os.unlink(log)


def _is_same(one: str, other: str) -> bool:
    """Whether two paths lead to one folder, as over two mounts."""
    return os.path.exists(one) and os.path.samefile(one, other)


def _digest_of_text(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _commit() -> str:
    """The repository's commit, with a + if its files differ from it; empty where there is no git."""
    import subprocess

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", _TOP, *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    return commit + "+" * (git("diff-index", "--quiet", "HEAD") is None) if commit else ""


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def _next(book: Bookkeeping, is_forced: bool, numbers: list[int]) -> None:
    said = book.settle()
    if said:
        print(f"say {said}")
    for number in numbers:
        if is_forced or book.reasons(number):
            book.begin(number)
            print(f"run {number}")
            break
        print(f"skip {number} {book.records.get(number)['ended'][:16]}")
    book.save()


def _why(book: Bookkeeping, is_forced: bool, numbers: list[int]) -> None:
    runs: list[int] = []
    for number in numbers:
        reasons = book.reasons(number) if not is_forced else ["--force"]
        if not reasons:
            for other in runs:
                path = book.records.reads_from(number, other, book.needs(other))
                if path:
                    reasons.append(f"stage {other} runs before it and writes {path}")
        print(f"stage {number}: {book.stages[number][0]}: ", end="")
        if reasons:
            runs.append(number)
            print("would run", *reasons, sep="\n    ")
        else:
            print(f"unchanged since {book.records.get(number)['ended'][:16]}")


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    mode, script, exp, run, *rest = argv
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        book = Bookkeeping(script, exp, run)
        if mode == "end":
            number, status, wall, cpu, peak = rest
            book.end(int(number), int(status), float(wall), float(cpu), int(peak))
            book.files.save()
        else:
            book.read_shell(sys.stdin.read())
            {"next": _next, "why": _why}[mode](book, rest[0] == "true", [int(number) for number in rest[1:]])
    except OSError as error:
        print(f"{os.path.basename(script)}: cannot keep records: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
