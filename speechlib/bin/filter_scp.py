"""Print the lines whose first (or n-th) field is in a list of ids (Kaldi's filter_scp.pl)."""

import sys
from typing import BinaryIO

from speechlib.io import datadir_files as files
from speechlib.io.cli import KaldiArgumentParser, run

_CHUNK_BYTES = 1 << 24  # bounds the memory, whatever the length of the input


def main(argv: list[str] | None = None) -> None:
    """Run the command."""
    parser = KaldiArgumentParser(prog="filter_scp.pl", description=__doc__)
    parser.add_argument("--exclude", action="store_true", help="print the lines that are not in the list instead")
    parser.add_argument("-f", dest="field", type=int, default=1, help="field to look at, counted from 1")
    parser.add_argument("id_list", metavar="<id-list>", help="file whose first column counts")
    parser.add_argument("scp", metavar="<in.scp>", nargs="?", default="-", help="file; - is standard input")
    args = parser.parse_args(argv)
    if args.field < 1:
        parser.error(f"-f {args.field}: fields are counted from 1")
    wanted = set(files.keys_of(files.read_lines(args.id_list), args.id_list))
    if args.scp == "-":
        _filter(sys.stdin.buffer, "standard input", wanted, args.field - 1, args.exclude)
    else:
        with open(args.scp, "rb") as file:
            _filter(file, args.scp, wanted, args.field - 1, args.exclude)


def _filter(file: BinaryIO, source: str, wanted: set[bytes], field: int, exclude: bool) -> None:
    num_lines = 0
    while lines := file.readlines(_CHUNK_BYTES):
        keys = files.keys_of(lines, source, field, first_line=num_lines + 1)
        num_lines += len(lines)
        sys.stdout.buffer.write(
            b"".join([line for line, key in zip(lines, keys, strict=True) if (key in wanted) != exclude])
        )


if __name__ == "__main__":
    run(main)
