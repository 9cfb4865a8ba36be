#!/usr/bin/env python3
"""Print where the time of a recipe's runs went.

Usage: utils/report_run.py [--json] <exp-dir>
 e.g.: utils/report_run.py exp/demo
From the records that every stage leaves in exp/NAME/.stages: wall and processor time, memory, hosts, jobs, runs and
failures, commit; the jobs that took longest, and those for which others waited; of trainings the GPU memory and the
share of their time that they waited for data. --json prints all of it for programs: seconds and bytes.
"""

import os
import sys

# Instead of this folder, whose modules may have names of the standard library's (queue.py).
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from speechlib.stages.run_report import NoRecords, as_json, as_text, summarise  # noqa: E402


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    prog = os.path.basename(argv[0])
    words = argv[1:]
    if words in (["--help"], ["-h"]):
        print(__doc__, end="")
        return 0
    is_json = "--json" in words
    folders = [word for word in words if word != "--json"]
    if len(folders) != 1 or folders[0].startswith("-"):
        print(__doc__, end="", file=sys.stderr)
        return 1
    try:
        summary = summarise(folders[0])
    except NoRecords as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 1
    try:
        sys.stdout.write(as_json(summary) if is_json else as_text(summary))
        sys.stdout.flush()
    except BrokenPipeError:  # of a pager
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
