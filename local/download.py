"""Fetch a file over http, https or file; it is there, complete and checked, or not at all."""

from pathlib import Path

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.download import download


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="download.py", description=__doc__)
    parser.add_argument("--sha256", default="", help="of the file, in hex")
    parser.add_argument("--size", type=int, default=0, help="of the file in bytes; 0: what the server says")
    parser.add_argument("--retries", type=int, default=3, help="further tries after a broken connection")
    parser.add_argument("url", help="http, https or file")
    parser.add_argument("out", type=Path, help="nothing is done where it is already")
    args = parser.parse_args(argv)
    download(args.url, args.out, args.sha256, args.size, args.retries)
    print(f"download: {args.out}: {args.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    run(main)
