"""Give readers damaged files for a while: `python tests/fuzz/run_fuzz.py --minutes 10` prints what came of it.

A reader passes an input if it returns, or raises what commands turn into a line (ValueError, OSError, EOFError,
ImportError) with the name of the file in it. It fails if it raises anything else, takes longer than --seconds, wants
more memory than --megabytes beyond what the process had, starts a program, or ends the interpreter. Each reader works
in a process of its own, whose memory the kernel limits (RLIMIT_AS). Inputs that failed are kept in --keep.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from mutations import mutate  # noqa: E402
from targets import GROUPS, NUM_READERS, Target, make_targets  # noqa: E402

from speechlib.io.cli import _describe  # noqa: E402

_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")
GOOD = ("read", "refused")


class Hang(BaseException):
    """The time of one input is over."""


class Program(BaseException):
    """A reader was about to run something."""


class Watch:
    """Tells when code is about to be run; a hook cannot be removed, but be off."""

    def __init__(self) -> None:
        self.mode = "off"
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if self.mode == "off" or event not in _PROGRAMS:
            return
        if self.mode == "commands" and event == "subprocess.Popen":
            raise OSError(f"{arguments}: commands are not run here: hostile")
        raise Program(f"{event} {str(arguments)[:300]}")


def try_one(target: Target, path: Path, data: bytes, watch: Watch, seconds: float, megabytes: int) -> tuple[str, str]:
    """Give one input to a reader; the outcome in a word, and what was said."""
    path.write_bytes(data)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _address_space() + (megabytes << 20)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    watch.mode = "commands" if target.runs_commands else "on"
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.read(str(path))
        return "read", ""
    except (ValueError, OSError, EOFError, ImportError) as error:
        said = _describe(error)
        named = _names(said, path) or (isinstance(error, OSError) and error.filename is not None)
        return ("refused" if named else "unnamed"), f"{type(error).__name__}: {said}"
    except Hang:
        return "hang", traceback.format_exc()
    except Program as error:
        return "program", str(error)
    except MemoryError:
        return "memory", traceback.format_exc()
    except Exception:
        return "crash", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        watch.mode = "off"
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _names(said: str, path: Path) -> bool:
    """Whether a message names the file, or what it names: a file beside it, or a command."""
    known = ("hostile", "ran_code", str(path.parent), *os.listdir(path.parent))
    return any(name in said for name in known)


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    except OSError:  # no /proc: what was in use at most
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def fuzz(target: Target, place: Path, options: argparse.Namespace) -> Counter:
    """Try one reader until its number of inputs or its time is used up; every failure is printed as a line of JSON."""
    faulthandler.enable()
    signal.signal(signal.SIGALRM, _raise_hang)
    outcomes: Counter = Counter()
    place.mkdir()
    target.prepare(place)
    watch, path = Watch(), place / target.file
    for seed in target.seeds:  # imports what is imported late, and shows that the seeds are good
        outcome, said = try_one(target, path, seed, watch, 60, 8192)
        if outcome != "read":
            show_failure(target.name, f"seed {outcome}", said, seed, options)
    chance = random.Random(f"{options.seed} {target.name}")
    pool, end = list(target.seeds), time.monotonic() + options.seconds_each
    seen: set[str] = set()
    while outcomes.total() < options.inputs and time.monotonic() < end:
        faulthandler.dump_traceback_later(20 * options.seconds, exit=True)  # where no signal is looked at
        data = mutate(chance.choice(pool), target.seeds, chance)
        outcome, said = try_one(target, path, data, watch, options.seconds, options.megabytes)
        outcomes[outcome] += 1
        if outcome not in GOOD:
            show_failure(target.name, outcome, said, data, options)
        kind = f"{outcome}{''.join(c for c in said[-60:] if not c.isdigit())}"
        if kind not in seen and len(pool) < 300 and len(data) < 1 << 14:  # a new way to go: damage it further
            seen.add(kind)
            pool.append(data)
    faulthandler.cancel_dump_traceback_later()
    return outcomes


def fuzz_group(group: str, options: argparse.Namespace) -> None:
    """Fuzz the readers of a group, each in a child process; prints a line of JSON for each and for each failure."""
    with tempfile.TemporaryDirectory(prefix="hostile") as scratch, contextlib.chdir(scratch):
        for target in make_targets(group, Path(scratch)):
            if options.only and not any(part in target.name for part in options.only):
                continue
            place = Path(scratch) / f"place-{hashlib.sha256(target.name.encode()).hexdigest()[:8]}"
            sys.stdout.flush()
            child = os.fork()
            if not child:
                _in_child(target, place, options)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if status:
                last = place / target.file
                data = last.read_bytes() if last.exists() else b""
                show_failure(target.name, "end of the interpreter", f"status {status}", data, options)
                print(json.dumps({"reader": target.name, "outcomes": {}}), flush=True)


def _in_child(target: Target, place: Path, options: argparse.Namespace) -> NoReturn:
    """Fuzz, and end the process whatever happens: the folders are the parent's to remove."""
    status = 1
    try:
        print(json.dumps({"reader": target.name, "outcomes": fuzz(target, place, options)}), flush=True)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def show_failure(name: str, outcome: str, said: str, data: bytes, options: argparse.Namespace) -> None:
    """Print a failure and keep its input."""
    kept = Path(options.keep) / hashlib.sha256(data).hexdigest()[:16]
    kept.write_bytes(data)
    print(json.dumps({"failure": outcome, "reader": name, "said": said[-1500:], "input": str(kept)}), flush=True)


def _raise_hang(number, frame) -> None:
    raise Hang


def run_all(options: argparse.Namespace) -> list[str]:
    """Fuzz all groups of readers one after the other; prints a table, returns the failures."""
    print(f"{'reader':34} {'inputs':>9} {'read':>9} {'refused':>9} {'failed':>7}")
    total: Counter = Counter()
    failures: list[str] = []
    for group in GROUPS:
        words = [f"--{name.replace('_', '-')}={value}" for name, value in vars(options).items()
                 if name not in ("only", "minutes", "group", "groups")]  # fmt: skip
        words += [f"--only={part}" for part in options.only]
        command = [sys.executable, __file__, "--group", group, *words]
        # A pool of threads does not survive a fork.
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        bad = [line for line in lines if "failure" in line]
        if done.returncode:
            failures.append(f"{group}: status {done.returncode}: {done.stderr[-3000:]}")
        for line in lines:
            if "outcomes" in line:
                outcomes, name = Counter(line["outcomes"]), line["reader"]
                total += outcomes
                failed = sum(other["reader"] == name for other in bad)
                row = f"{name:34} {outcomes.total():9} {outcomes['read']:9} {outcomes['refused']:9} {failed:7}"
                print(row, flush=True)
        failures += [json.dumps(line) for line in bad]
        if any(line["failure"] == "end of the interpreter" for line in bad):
            failures.append(done.stderr[-3000:])
    print(f"{'all':34} {total.total():9} {total['read']:9} {total['refused']:9} {len(failures):7}")
    return failures


def main() -> int:
    """Parse the command line and fuzz."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--minutes", type=float, help="of all readers together, roughly; without it, --inputs decides")
    add("--inputs", type=int, default=200, help="of each reader")
    add("--seed", type=int, default=0)
    add("--only", action="append", default=[], help="readers whose name contains this; may be repeated")
    add("--seconds", type=float, default=5.0, help="an input may take")
    add("--megabytes", type=int, default=160, help="an input of at most 256 KiB may take")
    add("--keep", help="folder of inputs that failed (default: a new one)")
    add("--seconds-each", type=float, default=1e9, help=argparse.SUPPRESS)
    add("--group", choices=GROUPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.keep = os.path.abspath(options.keep or tempfile.mkdtemp(prefix="fuzz-"))
    os.makedirs(options.keep, exist_ok=True)
    if options.group:
        fuzz_group(options.group, options)
        return 0
    if options.minutes:
        options.inputs, options.seconds_each = 1 << 60, 60 * options.minutes / NUM_READERS
    failures = run_all(options)
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
