"""What every command shares: Kaldi's option syntax (ParseOptions), and errors as one line on stderr with status 1."""

import argparse
import atexit
import errno
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from speechlib.io.stop_signals import STATUSES

_TRUE, _FALSE = ("true", "t", "1", ""), ("false", "f", "0")
_OF_EVERY_PROGRAM = ("--verbose", "--print-args")  # ParseOptions: about logging alone


class BadOptionValue(argparse.ArgumentTypeError, ValueError):
    """A value that does not fit its option; argparse shows its message, other callers catch a ValueError."""


def kaldi_bool(text: str) -> bool:
    """Convert the value of a boolean option as Kaldi's ParseOptions does: true, t, 1 or empty; false, f, 0.

    Raises:
        BadOptionValue: anything else.
    """
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise BadOptionValue(f"invalid boolean {text!r}: expected true or false")


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ' (did you mean X?)' for the known name that is nearest, or '' if none is near."""
    import difflib  # only messages of errors need it

    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" (did you mean {found[0]}?)" if found else ""


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keep the line breaks of the description, and show the default of each option."""


class KaldiArgumentParser(argparse.ArgumentParser):
    """An ArgumentParser with Kaldi's habits.

    `--a-b=x` and `--a-b x` are both read; an option of type `kaldi_bool` may stand alone for true; abbreviations are
    not options; an unknown option is an error that names the nearest known one; usage errors exit with status 1.
    --verbose and --print-args, which Kaldi's scripts give to any program, are read and change nothing.
    """

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("formatter_class", _Formatter)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def parse_known_args(self, args=None, namespace=None):
        """Check the options' names before anything else, so that a misspelt one is reported as such."""
        args = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(self._check_options(args), namespace)

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit with status 1."""
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: error: {message}\n")

    def _check_options(self, args: list[str]) -> list[str]:
        known = self._option_string_actions
        checked, index = [], 0
        while index < len(args):
            arg = args[index]
            index += 1
            if arg == "--":
                return [*checked, arg, *args[index:]]
            name, equals, _ = arg.partition("=")
            if not arg.startswith("--"):
                checked.append(arg)
                continue
            if name in _OF_EVERY_PROGRAM and name not in known:
                index += not equals
                continue
            if name not in known:
                self.error(f"unknown option {name}{nearest(name, [o for o in known if o.startswith('--')])}")
            action = known[name]
            takes_value = action.nargs is None and not equals
            if takes_value and action.type is kaldi_bool:
                follows = args[index].lower() if index < len(args) else None
                if follows and follows in _TRUE + _FALSE:
                    checked.append(f"{name}={args[index]}")
                    index += 1
                else:
                    checked.append(f"{name}=true")
            elif takes_value and index < len(args):
                checked.append(f"{name}={args[index]}")  # joined, so that a value may begin with a dash
                index += 1
            else:
                checked.append(arg)
        return checked


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a command's main function and leave the process with its status.

    ValueError, OSError, EOFError, ImportError and a want of memory become `name: error: message` on stderr and status
    1; a closed pipe ends quietly with 141, an interrupt with 130 and a termination with 143, the statuses that a shell
    reports for these signals, and the warning before a time limit, SIGUSR1, with 75: run again. A command that was told
    to end still removes its unfinished files.
    """
    if threading.current_thread() is threading.main_thread():
        for number in STATUSES:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, lambda number, frame: sys.exit(STATUSES[signal.Signals(number)]))
    # The garbage collector need not look at what was imported, nor, when the process ends, at what main leaves behind:
    # 20 ms of the CPU time of every command.
    gc.freeze()
    try:
        status = main()
        gc.freeze()
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
    except (ValueError, OSError, EOFError, ImportError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _is_out_of_memory(error):
            raise
        sys.stderr.write(f"{_program_name()}: error: {_describe(error)}\n")
        _drop_stdout()
        sys.exit(1)
    _leave(status or 0, main.__module__ == "__main__")


def _leave(status: int, is_program: bool) -> NoReturn:
    """Exit with a status.

    A program that is done need not be taken apart: with NumPy loaded that is 10 ms of CPU time and more. PyTorch, other
    threads and profilers may have something to do yet.
    """
    if is_program and "torch" not in sys.modules and threading.active_count() == 1 and sys.getprofile() is None:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed by who reads it, or by the program
                stream.flush()
        os._exit(status)
    sys.exit(status)


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return f"{error.filename}: {error.strerror}{'; make room there and run this again' if is_full else ''}"
    if _is_out_of_memory(error):
        reason = str(error).partition("\n")[0] or type(error).__name__
        return f"out of memory ({reason}); run fewer jobs at a time: --nj, or --mem of the dispatcher"
    return str(error) or type(error).__name__


def _is_out_of_memory(error: BaseException) -> bool:
    # PyTorch raises RuntimeErrors: one of its own kind for a GPU, a plain one for the host's memory.
    is_torchs = type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and is_torchs)


def _program_name() -> str:
    name = os.path.basename(sys.argv[0])
    return name[:-3] if name.endswith(".py") else name


def _drop_stdout() -> None:
    # What is still buffered must not fail a second time when the interpreter flushes it at exit.
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
