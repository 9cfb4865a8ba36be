#!/usr/bin/env python3
"""The packages that pyproject.toml asks for: is this Python complete? (setup_env.sh's helper.)

Usage: utils/env_packages.py check [<extra> ...]
    prints this Python's path, and on a second line its folder of packages, if it is recent enough and has every package
    of the project and of the extras; else says on standard error what is missing and exits 1
   or: utils/env_packages.py list <group> ...
    prints the requirements of the groups (dependencies, or an extra's name), one a line, as pip reads them

It has to run on any Python 3.6 or newer without packages, to say that it is too old or what it lacks.
"""

import os
import re
import sys

del sys.path[0]  # this folder, whose modules may have names of the standard library's

PYPROJECT = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "pyproject.toml")
OLDEST = (3, 10)
NOT_NEEDED = {"kaldiio"}  # its licence keeps some from installing it, and everything works without


def requirements(groups):
    """The requirements of lists in pyproject.toml; tomllib, the real parser, came with Python 3.11 only."""
    with open(PYPROJECT, encoding="utf-8") as stream:
        text = stream.read()
    found = []
    for key in groups:
        block = re.search(rf"^{re.escape(key)}\s*=\s*\[(.*?)\]\s*$", text, re.MULTILINE | re.DOTALL)
        if block is None:
            sys.exit(f"env_packages.py: pyproject.toml has no list {key}")
        found += re.findall(r'"([^"]+)"', block.group(1))
    return found


def version_numbers(text):
    """2.13.0+cpu -> (2, 13, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", text.split("+")[0].split("rc")[0]))


def problems(extras):
    """What keeps this Python from serving, as a list of phrases."""
    if sys.version_info < OLDEST:
        return [f"Python {sys.version_info[0]}.{sys.version_info[1]} is older than 3.10"]
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for requirement in requirements(["dependencies"] + extras):
        name, _, least = requirement.partition(">=")
        try:
            installed = version(name)
        except PackageNotFoundError:
            if name not in NOT_NEEDED:
                found.append(f"{name} is missing")
            continue
        if version_numbers(installed or "0") < version_numbers(least):
            found.append(f"{name} {installed} is older than {least}")
    return found


def main(argv):
    if len(argv) < 2 or argv[1] not in ("check", "list"):
        sys.exit(__doc__)
    if argv[1] == "list":
        print("\n".join(requirements(argv[2:])))
        return 0
    found = problems(argv[2:])
    if found:
        sys.stderr.write(f"{sys.executable}: {', '.join(found)}\n")
        return 1
    import sysconfig

    print(sys.executable, sysconfig.get_path("purelib"), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
