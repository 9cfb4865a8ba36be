"""Cut stretches of speech into overlapping windows of one length (Kaldi's get_uniform_subsegments.py)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.clustering.uniform_windows import uniform_windows
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.segment_files import read_timed_segments, write_segments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = KaldiArgumentParser(
        prog="uniform_segments",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.uniform_segments --window 1.5 --period 0.75 speech.segments segments",
    )
    parser.add_argument("--window", type=float, default=1.5, help="seconds of a window")
    parser.add_argument("--period", type=float, default=0.75, help="seconds from one window to the next")
    parser.add_argument("--min-segment", type=float, default=0.5, help="seconds; shorter stretches are left out")
    parser.add_argument("speech", help="segments file of stretches of speech")
    parser.add_argument("segments", help="segments file to write")
    args = parser.parse_args(argv)
    # For its complaints about the options, even where there is nothing to cut.
    uniform_windows(0.0, 0.0, args.window, args.period, args.min_segment)

    stretches = read_timed_segments(args.speech).values()
    windows, num_short = [], 0
    for stretch in stretches:
        cut = uniform_windows(stretch.start, stretch.end, args.window, args.period, args.min_segment)
        num_short += not cut
        windows += [stretch._replace(start=start, end=end) for start, end in cut]
    count = write_segments(args.segments, windows)
    sys.stderr.write(
        f"uniform_segments: {count} segments of {len(stretches)} stretches of speech; {num_short} were shorter than "
        f"{args.min_segment:g} s and are left out\n"
    )
    return 0


if __name__ == "__main__":
    run(main)
