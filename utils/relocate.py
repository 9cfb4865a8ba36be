#!/usr/bin/env python3
"""Rewrite the lists in folders after these were moved or copied: an old absolute path in them becomes a new one.

Usage: utils/relocate.py <old-place> <new-place> <folder> ...
 e.g.: utils/relocate.py /disk1/egs/timit /disk2/egs/timit data exp
Only lists of files (*.scp and the like) are looked at; the files that they name stay where they are. A recipe does
this itself when its folder has a new place.
"""

import os
import sys

# Instead of this folder, whose modules may have names of the standard library's (queue.py).
sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

from speechlib.stages.relocate import relocate  # noqa: E402


def main(argv: list[str]) -> int:
    """Run the command; returns its exit status."""
    if argv[1:] in (["--help"], ["-h"]):
        print(__doc__, end="")
        return 0
    prog = os.path.basename(argv[0])
    if len(argv) < 4:
        print(__doc__, end="", file=sys.stderr)
        return 1
    old, new, *folders = argv[1:]
    wrong = next((folder for folder in folders if not os.path.isdir(folder)), None)
    if wrong:
        print(f"{prog}: error: there is no folder {wrong}", file=sys.stderr)
        return 1
    if not (os.path.isabs(old) and os.path.isabs(new)):
        print(f"{prog}: error: expected two absolute paths, got {old} and {new}", file=sys.stderr)
        return 1
    try:
        count = relocate(folders, old, new)
    except OSError as error:
        print(f"{prog}: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{prog}: {count} lists now name {new} in place of {old}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
