"""A task's command as bash text, and the lines that frame its log (Kaldi's run.pl and queue.pl)."""

import re
import shlex
import time

# Words that act as shell syntax when they are a whole argument, as with run.pl: cmd a \| cmd b \> file.
_SYNTAX = frozenset("| |& || && ; ( ) { } ! [[ ]] < > >> >| &> &>> 2> 2>> 2>&1 1>&2 >&2".split())
# ... and a redirection written in one word with its file: 2>/dev/null. "<unk>" is no redirection.
_REDIRECTION = re.compile(r"(\d?>{1,2}|&>{1,2}|<)([^\s<>()&|][^\s<>()|]*)")
# Arithmetic on the task's number, as in --srand=$[JOB+1] of Kaldi's steps: digits and operators alone.
_ARITHMETIC = re.compile(r"\$\[([-+*/%()\d]+)\]|\$\(\(([-+*/%()\d]+)\)\)")


def shell_line(arguments: tuple[str, ...], is_kaldi: bool = False) -> str:
    """Join arguments into a line of bash that passes each of them on unchanged.

    As with run.pl, an argument that is just an operator (|, >, 2>&1, &&, ;, ...) is shell syntax, and so is a
    redirection glued to its file. Everything else is literal: spaces, quotes, $ and * inside a word survive (run.pl
    lets bash expand them). $[JOB+1] is computed once JOB is a number.

    With is_kaldi the rule is run.pl's own: an argument without blanks goes to bash as it is, one with blanks in double
    quotes, or in single ones where it has double quotes itself.
    """
    return " ".join(map(_quote_as_kaldi if is_kaldi else _quote, arguments))


def _quote_as_kaldi(argument: str) -> str:
    if re.match(r"\S+$", argument, re.ASCII):
        return argument
    return f"'{argument}'" if '"' in argument else f'"{argument}"'


def _quote(argument: str) -> str:
    if argument in _SYNTAX:
        return argument
    redirection = _REDIRECTION.fullmatch(argument)
    if redirection:
        return redirection[1] + shlex.quote(redirection[2])
    if "$" not in argument or any(character.isspace() for character in argument):
        return shlex.quote(argument)
    pieces, end = [], 0
    for match in _ARITHMETIC.finditer(argument):
        if match.start() > end:
            pieces.append(shlex.quote(argument[end : match.start()]))
        pieces.append(f"$(({match[1] or match[2]}))")
        end = match.end()
    if end < len(argument):
        pieces.append(shlex.quote(argument[end:]))
    return "".join(pieces)


def job_script(line: str, is_warned: bool = False) -> str:
    """The bash script of one task; its standard input is empty, so that no task can eat the caller's.

    The shells outlive SIGUSR1 where a task is warned by it, for the command to act on.
    """
    trap = "trap : USR1\n" if is_warned else ""
    return f"{trap}( {trap}{line}\n) </dev/null\n"


def log_header(line: str, host: str) -> str:
    """The first lines of a log: the command and when and where it started."""
    command = line.replace("\n", "\n# ")
    return f"# {command}\n# Running on {host}\n# Started at {_date()}\n#\n"


def log_footer(code: int, wall: float, cpu: float, peak_bytes: int, threads: int) -> str:
    """The last lines of a log; Kaldi's tools read time=, threads= and 'Ended (code N)'."""
    killed = f"; signal {signal_number(code)}" if signal_number(code) else ""
    return (
        f"# Accounting: time={round(wall)} threads={threads} wall={wall:.2f} cpu={cpu:.2f} "
        f"memory={peak_bytes / (1 << 20):.1f}MiB\n"
        f"# Ended (code {code}{killed}) at {_date()}, elapsed time {round(wall)} seconds\n"
    )


def log_interrupted(signal_name: str) -> str:
    """The last line of the log of a task that was stopped with its dispatcher."""
    return f"# Interrupted by {signal_name} at {_date()}\n"


def signal_number(code: int) -> int:
    """The signal behind an exit code in bash's convention (128 + signal), or 0."""
    return code - 128 if 128 < code <= 128 + 64 else 0


def _date() -> str:
    return time.strftime("%a %b %d %H:%M:%S %Z %Y")
