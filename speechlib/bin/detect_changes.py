"""Cut stretches of speech where the speaker changes, by BIC on their features."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.clustering.change_detection import ChangeOptions, find_changes
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.feature_table import FeatureTable
from speechlib.io.segment_files import Segment, read_timed_segments, write_segments

_MAX_OVERSHOOT = 0.5  # seconds beyond the last frame, as Kaldi's extract-segments has it


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; stretches of recordings without features are left to other jobs."""
    parser = KaldiArgumentParser(
        prog="detect_changes",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.detect_changes --penalty 1.5 speech.segments scp:feats.scp segments",
    )
    add = parser.add_argument
    add("--frame-shift", type=float, default=0.01, help="seconds from one frame to the next")
    add("--context", type=float, default=2.0, help="seconds that are compared on each side of a candidate")
    add("--step", type=float, default=0.1, help="seconds from one candidate to the next")
    add("--penalty", type=float, default=1.0, help="weight of BIC's penalty: more gives fewer changes")
    add("--variance-floor", type=float, default=0.01, help="share of the variance that is added to each variance")
    add("--min-segment", type=float, default=0.5, help="seconds between two changes; shorter stretches are left out")
    add("--max-segment", type=float, default=10.0, help="seconds; longer pieces are cut into equal parts")
    add("speech", help="segments file of stretches of speech")
    add("features", help="rspecifier of (frames, dim) features of whole recordings")
    add("segments", help="segments file to write")
    args = parser.parse_args(argv)
    if not args.frame_shift > 0:
        raise ValueError(f"--frame-shift {args.frame_shift}: expected a positive number of seconds")
    if args.max_segment < 2 * args.min_segment:
        raise ValueError(f"--max-segment {args.max_segment}: expected at least twice --min-segment {args.min_segment}")
    frames = {name: round(getattr(args, name) / args.frame_shift) for name in ("context", "step", "min_segment")}
    options = ChangeOptions(frames["context"], frames["step"], frames["min_segment"], args.penalty, args.variance_floor)

    stretches: dict[str, list[Segment]] = {}
    for segment in read_timed_segments(args.speech).values():
        stretches.setdefault(segment.recording, []).append(segment)
    segments: list[Segment] = []
    num_stretches = num_short = num_changes = 0
    for recording, features in FeatureTable(args.features, parser.prog):
        for stretch in stretches.get(recording, ()):
            num_stretches += 1
            if stretch.end - stretch.start < args.min_segment - 1e-4:
                num_short += 1
                continue
            if stretch.end > len(features) * args.frame_shift + _MAX_OVERSHOOT:
                raise ValueError(
                    f"{args.speech}: recording {recording}, {stretch.start:g} s to {stretch.end:g} s: beyond the end "
                    f"of its {len(features)} frames at {len(features) * args.frame_shift:g} s: is --frame-shift right?"
                )
            first, past = (round(time / args.frame_shift) for time in (stretch.start, stretch.end))
            try:
                changes = find_changes(features[first:past], options)
            except ValueError as error:
                raise ValueError(f"recording {recording}, {stretch.start:g} s to {stretch.end:g} s: {error}") from error
            num_changes += len(changes)
            bounds = [stretch.start, *(stretch.start + changes * args.frame_shift).tolist(), stretch.end]
            for start, end in zip(bounds, bounds[1:], strict=False):
                segments += equal_parts(stretch._replace(start=start, end=end), args.max_segment)
    count = write_segments(args.segments, segments)
    sys.stderr.write(
        f"detect_changes: {num_changes} changes in {num_stretches} stretches of speech give {count} segments; "
        f"{num_short} were shorter than {args.min_segment:g} s and are left out\n"
    )
    return 0


def equal_parts(segment: Segment, longest: float) -> list[Segment]:
    """Cut a segment into equal parts no longer than that."""
    count = max(1, -int(-(segment.end - segment.start - 1e-6) // longest))
    length = (segment.end - segment.start) / count
    bounds = [segment.start + index * length for index in range(count)] + [segment.end]
    return [segment._replace(start=start, end=end) for start, end in zip(bounds, bounds[1:], strict=False)]


if __name__ == "__main__":
    run(main)
