"""Write utt2dur, the seconds of each utterance, into a data directory (Kaldi's get_utt2dur.sh)."""

import sys

from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir
from speechlib.io.datadir_durations import utterance_durations
from speechlib.io.maps import write_map


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns 1 if too much audio is bad."""
    parser = KaldiArgumentParser(
        prog="get_utt2dur.sh",
        description=__doc__,
        epilog="Durations come from segments, from utt2num_frames where the frame shift is given (here or in the file "
        "frame_shift), from audio headers, or from features. Example: utils/data/get_utt2dur.sh data/train",
    )
    parser.add_argument("--frame-shift", type=float, default=None, help="seconds; 0.01 where only features are there")
    parser.add_argument("--max-bad", type=int, default=0, help="how many recordings may be bad; these are left out")
    parser.add_argument("data_dir", metavar="<data-dir>")
    args = parser.parse_args(argv)
    data = DataDir(args.data_dir)
    target = data.path / "utt2dur"
    if data.has("utt2dur") and data.utt2dur.keys() == data.utt2spk.keys():
        print(f"get_utt2dur.sh: {target} is there already and complete; delete it to make it anew")
        return 0
    durations = utterance_durations(args.data_dir, args.frame_shift)
    for key, reason, message in durations.bad:
        print(f"get_utt2dur.sh: {key}: {reason}: {message}", file=sys.stderr)
    if len(durations.bad) > args.max_bad:
        print(
            f"get_utt2dur.sh: error: {len(durations.bad)} recordings are bad, more than --max-bad {args.max_bad}; "
            f"{target} is not written",
            file=sys.stderr,
        )
        return 1
    seconds = {utterance: durations.seconds[utterance] for utterance in data.utt2spk if utterance in durations.seconds}
    if len(seconds) != len(data.utt2spk):
        print(
            f"get_utt2dur.sh: warning: {len(data.utt2spk) - len(seconds)} utterances have no duration; mend with: "
            f"utils/fix_data_dir.sh {args.data_dir}",
            file=sys.stderr,
        )
    write_map(target, {utterance: f"{value:.7f}".rstrip("0").rstrip(".") for utterance, value in seconds.items()})
    print(f"get_utt2dur.sh: computed {target} from {durations.source}")
    return 0


if __name__ == "__main__":
    run(main)
