"""Write the stretches of speech that voicing decisions mean (Kaldi's diarization/vad_to_segments.sh)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from speechlib.features.speech_regions import speech_regions
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.segment_files import Segment, write_segments
from speechlib.io.tables import read_table


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; recordings without speech give a warning and no line."""
    parser = KaldiArgumentParser(
        prog="vad_to_segments",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.vad_to_segments --min-silence 0.3 scp:data/raw/vad.scp speech.segments",
    )
    parser.add_argument("--frame-shift", type=float, default=0.01, help="seconds from one decision to the next")
    parser.add_argument("--min-silence", type=float, default=0.3, help="seconds; shorter pauses count as speech")
    parser.add_argument("--min-speech", type=float, default=0.2, help="seconds; what is shorter then is no speech")
    parser.add_argument("--margin", type=float, default=0.0, help="seconds that each stretch grows by, on both sides")
    parser.add_argument("vad", help="rspecifier of (frames,) decisions, by recording")
    parser.add_argument("segments", help="file to write")
    args = parser.parse_args(argv)
    if not args.frame_shift > 0:
        raise ValueError(f"--frame-shift {args.frame_shift}: expected a positive number of seconds")
    limits = {}
    for name in ("min_silence", "min_speech", "margin"):
        if getattr(args, name) < 0:
            raise ValueError(f"--{name.replace('_', '-')} {getattr(args, name)}: expected 0 or more seconds")
        limits[name] = round(getattr(args, name) / args.frame_shift)

    segments: list[Segment] = []
    num_recordings = num_silent = 0
    for recording, voiced in read_table(args.vad, kind="vector"):
        wrong = np.flatnonzero((voiced != 0) & (voiced != 1))
        if len(wrong):
            raise ValueError(
                f"{args.vad}: recording {recording}: {voiced[wrong[0]]:g} in frame {wrong[0]} (counted from 0): "
                "expected decisions, 0 or 1"
            )
        regions = speech_regions(voiced, **limits) * args.frame_shift
        num_recordings += 1
        if not len(regions):
            sys.stderr.write(f"vad_to_segments: warning: recording {recording} has no speech\n")
            num_silent += 1
        segments += [Segment(recording, start, end) for start, end in regions.tolist()]
    write_segments(args.segments, segments)
    seconds = sum(segment.end - segment.start for segment in segments)
    sys.stderr.write(
        f"vad_to_segments: {len(segments)} stretches of speech, {seconds:.1f} s, in {num_recordings} recordings, "
        f"{num_silent} of them without speech\n"
    )
    return 0


if __name__ == "__main__":
    run(main)
