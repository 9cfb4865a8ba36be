"""Write the true speaker of each segment, that of the reference who speaks most in it, so that cuts can be tuned."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import write_map
from speechlib.io.rttm import Turn, read_rttm
from speechlib.io.segment_files import Segment, read_timed_segments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = KaldiArgumentParser(
        prog="label_segments",
        description=f"{__doc__}\n\nA segment in which nobody speaks gets the speaker of the nearest turn. Speakers are "
        "named <recording>-<speaker>,\nfor a label of one recording says nothing of another.",
        epilog="e.g.: python -m speechlib.bin.label_segments data/dev_auto/segments data/dev_raw/ref.rttm utt2spk",
    )
    parser.add_argument("segments", help="<utterance> <recording> <start> <end>")
    parser.add_argument("reference", metavar="rttm", help="who speaks when")
    parser.add_argument("utt2spk", help="file to write")
    args = parser.parse_args(argv)

    segments, turns = read_timed_segments(args.segments), read_rttm(args.reference)
    speakers, num_silent = {}, 0
    for utterance, segment in segments.items():
        if not turns.get(segment.recording):
            raise ValueError(
                f"{args.reference}: no turn of recording '{segment.recording}', which {args.segments} has segments of: "
                "add its reference, or leave the recording out"
            )
        speaker, overlap = speaker_of(segment, turns[segment.recording])
        speakers[utterance] = f"{segment.recording}-{speaker}"
        num_silent += overlap <= 0
    write_map(args.utt2spk, speakers)
    sys.stderr.write(
        f"label_segments: {len(speakers)} segments; nobody speaks in {num_silent} of them, which got the nearest "
        "speaker\n"
    )
    return 0


def speaker_of(segment: Segment, turns: Sequence[Turn]) -> tuple[str, float]:
    """The speaker with the most time in a segment, and that time; or the nearest, and minus the time between.

    Of equals, the first in the order of names.
    """
    times: dict[str, float] = {}
    for turn in turns:
        overlap = min(segment.end, turn.start + turn.duration) - max(segment.start, turn.start)
        known = times.get(turn.speaker)
        if known is None or (overlap > 0) != (known > 0):
            times[turn.speaker] = overlap if known is None else max(overlap, known)
        else:
            times[turn.speaker] = known + overlap if overlap > 0 else max(known, overlap)
    best = min(times, key=lambda speaker: (-times[speaker], speaker))
    return best, times[best]


if __name__ == "__main__":
    run(main)
