"""Keep the voiced frames of features (Kaldi's select-voiced-frames)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from speechlib.features.vad import select_voiced
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.tables import RandomAccessTable, open_table, read_table


def main(argv: Sequence[str] | None = None) -> int:
    """Write the frames whose decision is 1; return 1 if no utterance has any."""
    parser = KaldiArgumentParser(
        prog="select_voiced_frames",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.select_voiced_frames scp:feats.scp scp:vad.scp ark:voiced.ark",
    )
    parser.add_argument("features", help="rspecifier of (frames, dim) features")
    parser.add_argument("vad", help="rspecifier of (frames,) decisions, ones and zeros")
    parser.add_argument("voiced", help="wspecifier of (voiced frames, dim) features")
    args = parser.parse_args(argv)

    num_done = num_left_out = 0
    with RandomAccessTable(args.vad, kind="vector") as decisions, open_table(args.voiced) as writer:
        for utterance, features in read_table(args.features, kind="matrix"):
            problem = None
            if not len(features):
                problem = "has no frames"
            elif utterance not in decisions:
                problem = f"is not in {args.vad}"
            else:
                voiced = decisions[utterance]
                if len(voiced) != len(features):
                    problem = f"has {len(features)} frames of features but {len(voiced)} voicing decisions"
                elif not voiced.any():
                    problem = "has no voiced frame"
            if problem:
                sys.stderr.write(f"select_voiced_frames: warning: utterance {utterance} {problem}: left out\n")
                num_left_out += 1
                continue
            try:
                writer.write(utterance, select_voiced(features, voiced))
            except ValueError as error:
                raise ValueError(f"{args.vad}: utterance {utterance}: {error}") from error
            num_done += 1
    sys.stderr.write(f"select_voiced_frames: {num_done} utterances, {num_left_out} left out\n")
    return 0 if num_done else 1


if __name__ == "__main__":
    run(main)
