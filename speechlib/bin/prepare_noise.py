"""List noises, music, speech and impulse responses below folders of audio (Kaldi's make_musan.sh for any folder)."""

import sys
from collections.abc import Sequence
from pathlib import Path

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.clip_lists import KINDS, LIST_NAME, find_clips, write_clips


def main(argv: Sequence[str] | None = None) -> int:
    """Write <out-dir>/clips.tsv."""
    parser = KaldiArgumentParser(
        prog="prepare_noise",
        description=__doc__,
        epilog="The names of folders tell what is what: MUSAN's, RIRS_NOISES', and others with the word noise, music, "
        "speech or rir. e.g.: python -m speechlib.bin.prepare_noise musan RIRS_NOISES data/noise",
    )
    parser.add_argument("--unnamed", choices=KINDS, default="noise", help="what files are that no folder's name tells")
    parser.add_argument("--max-bad", type=int, default=0, help="how many files may be unreadable; these are left out")
    parser.add_argument("folders", nargs="+", metavar="<folder>", help="searched with all below")
    parser.add_argument("out_dir", metavar="<out-dir>", help="gets clips.tsv, for --noise and --rirs")
    args = parser.parse_args(argv)
    found = [find_clips(folder, args.unnamed) for folder in args.folders]
    clips = [clip for good, _ in found for clip in good]
    bad = [error for _, errors in found for error in errors]
    for error in bad:
        sys.stderr.write(f"prepare_noise: warning: left out: {error}\n")
    if len(bad) > args.max_bad:
        raise ValueError(f"{len(bad)} files cannot be read, more than --max-bad {args.max_bad}; the first: {bad[0]}")
    Path(args.out_dir).mkdir(parents=True, exist_ok=True)
    write_clips(Path(args.out_dir) / LIST_NAME, clips)
    for kind in KINDS:
        of_kind = [clip for clip in clips if clip.kind == kind]
        if of_kind:
            hours = sum(clip.samples / clip.rate for clip in of_kind) / 3600
            print(f"prepare_noise: {len(of_kind)} x {kind}, {hours:.2f} h")
    return 0


if __name__ == "__main__":
    run(main)
