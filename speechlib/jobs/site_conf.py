"""A site's options for its scheduler, in the format of Kaldi's conf/queue.conf and conf/slurm.conf.

    command sbatch --account speech     # how jobs are submitted
    default qname=all.q                 # the value of an option that was not given
    option qname=* -q $0                # what --qname X becomes; $0 is X
    option num_threads=1                # ... and for one value of it: here nothing
"""

import re
import shlex
from collections.abc import Mapping
from typing import NamedTuple

from speechlib.jobs.call import Call, CallError, nearest_option
from speechlib.jobs.commands import clock

_COMMAND = re.compile(r"command\s+(\S.*)")
_DEFAULT = re.compile(r"default\s+([^\s=]+)=(\S+)")
_OPTION = re.compile(r"option\s+([^\s=]+)=(\S+)(?:\s+(.*))?")


class SiteConf(NamedTuple):
    """The command that submits, what each option's value becomes, and the values of options that are not given.

    Attributes:
        command: its words.
        options: words by (option, value), the value "*" standing for any; `$0` in them is the value.
        defaults: values by option.
    """

    command: tuple[str, ...]
    options: dict[tuple[str, str], tuple[str, ...]]
    defaults: dict[str, str]

    def words(self, values: Mapping[str, str]) -> list[str]:
        """The submitting command with the words for these options (names with underscores) and the defaults.

        Raises:
            CallError: an option is unknown; the message names the nearest one.
        """
        words = list(self.command)
        for name, value in ({**self.defaults, **values}).items():
            found = self.options.get((name, value), self.options.get((name, "*")))
            if found is None:
                raise CallError(self._unknown(name, value))
            words += [word.replace("$0", value) for word in found]
        return words

    def _unknown(self, name: str, value: str) -> str:
        known = sorted({option for option, _ in self.options})
        if name in known:
            allowed = ", ".join(given for option, given in self.options if option == name)
            return f"--{name.replace('_', '-')} {value}: expected one of {allowed}, or a line `option {name}=* ...`"
        near = nearest_option(name, known)
        hint = f"; did you mean {near}?" if near else ""
        return f"unknown option --{name.replace('_', '-')}{hint} (or a line `option {name}=* ...` is missing)"


def option_values(call: Call, **more: str) -> dict[str, str]:
    """What a call asks of a scheduler, as values of options, and `more`; what it leaves open is not among them."""
    values = {name.replace("-", "_"): value for name, value in call.site_options}
    if call.mem is not None:
        values["mem"] = f"{-(-call.mem >> 20)}M" if call.mem else "0"
    if call.time:
        values["time"] = clock(call.time)
    values |= more
    for name in ("num_threads", "gpu"):
        if getattr(call, name) is not None:
            values[name] = str(getattr(call, name))
    return values


def parse_site_conf(text: str, path: str, standard: SiteConf | None = None) -> SiteConf:
    """Read a configuration; options that it does not name are those of `standard`.

    Raises:
        CallError: a line is none of the three kinds; the message names path and line.
    """
    command: tuple[str, ...] = standard.command if standard else ()
    options: dict[tuple[str, str], tuple[str, ...]] = {}
    defaults: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if not line:
            continue
        try:
            if match := _COMMAND.fullmatch(line):
                command = tuple(shlex.split(match[1]))
            elif match := _DEFAULT.fullmatch(line):
                defaults[match[1]] = match[2]
            elif match := _OPTION.fullmatch(line):
                options[match[1], match[2]] = tuple(shlex.split(match[3] or ""))
            else:
                raise ValueError("expected `command ...`, `option name=value ...` or `default name=value`")
        except ValueError as error:
            raise CallError(f"{path}:{number}: {line}: {error}") from None
    named = {name for name, _ in options}
    if standard:
        options = {key: words for key, words in standard.options.items() if key[0] not in named} | options
    return SiteConf(command, options, defaults)


def read_site_conf(path: str | None, usual: str, standard_text: str) -> SiteConf:
    """The site's configuration: path, else the file `usual` if there is one, else the text standard_text alone.

    Raises:
        CallError: the file cannot be read or understood.
    """
    standard = parse_site_conf(standard_text, "built-in options")
    try:
        with open(path or usual, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError as error:
        if path:
            raise CallError(f"--config {path}: {error.strerror}") from None
        return standard
    except (OSError, UnicodeDecodeError) as error:
        raise CallError(f"{path or usual}: {getattr(error, 'strerror', None) or error}") from None
    return parse_site_conf(text, path or usual, standard)
