#!/usr/bin/env python3
"""Compare two runs of a recipe: archives, lists, scores and models must be the same, byte for byte.

Usage: tests/cluster/compare_runs.py <run-dir> <other-run-dir>

Logs are not compared, nor stamps of jobs, which go by the dates of archives, pictures and pages, nor what tells of
time, place and machine in JSON files. Prints each difference and the number of files of each kind that were equal; the
exit status is 1 if there are differences.
"""

import collections
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

_PARTS = ("data", "exp", "results")
_NOT_COMPARED = re.compile(
    r"(^|/)(log|q|\.backup|\.stages|runs|tensorboard)(/|$)|\.log$|\.done(\.json)?$|(^|/)\.|events\.out|\.html$|\.tex$|\.png$|\.pdf$"
)
_OF_THE_RUN = re.compile(
    r"seconds|time|date|commit|host|memory|wait_share|speed|per_second|threads|version|command|digest|machine|platform"
)


def files(run: Path) -> dict[str, Path]:
    """Files to compare, by their names in the run."""
    return {
        name: path
        for part in _PARTS
        for path in sorted((run / part).rglob("*"))
        if path.is_file() and not _NOT_COMPARED.search(name := str(path.relative_to(run)))
    }


def content(path: Path) -> Any:
    """What must be equal: JSON without what tells of the run, else the bytes."""
    if path.suffix == ".json":
        return _lasting(json.loads(path.read_text(encoding="utf-8")))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(item) for key, item in value.items() if not _OF_THE_RUN.search(key)}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def main(first: Path, second: Path) -> int:
    """Print the differences; returns 1 if there are any."""
    ours, theirs = files(first), files(second)
    differences = [f"only in {first}: {name}" for name in sorted(ours.keys() - theirs.keys())]
    differences += [f"only in {second}: {name}" for name in sorted(theirs.keys() - ours.keys())]
    equal: collections.Counter[str] = collections.Counter()
    for name in sorted(ours.keys() & theirs.keys()):
        if content(ours[name]) == content(theirs[name]):
            equal[ours[name].suffix or ours[name].name] += 1
        else:
            differences.append(f"differs: {name}")
    print("\n".join(differences) or "no differences", file=sys.stderr if differences else sys.stdout)
    print(f"equal: {sum(equal.values())} files: " + ", ".join(f"{n} {kind}" for kind, n in equal.most_common(12)))
    return 1 if differences or not equal else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, end="", file=sys.stderr)
        sys.exit(1)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
