"""Copy a data directory, with prefixes or suffixes for utterance and speaker ids (Kaldi's copy_data_dir.sh)."""

import os

from speechlib.io.cli import KaldiArgumentParser, nearest, run
from speechlib.io.datadir_checks import OPTIONS, validate
from speechlib.io.datadir_ops import copy_data_dir
from speechlib.io.datadir_report import print_problems


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the status of the copy's validation."""
    parser = KaldiArgumentParser(
        prog="copy_data_dir.sh",
        description=__doc__,
        epilog="Recordings keep their ids where there are segments. "
        "Example: utils/copy_data_dir.sh --spk-prefix 1- --utt-prefix 1- data/train data/train_1",
    )
    for whose, what in (("spk", "speaker"), ("utt", "utterance")):
        parser.add_argument(f"--{whose}-prefix", default="", help=f"prefix for {what} ids")
        parser.add_argument(f"--{whose}-suffix", default="", help=f"suffix for {what} ids")
    parser.add_argument("--validate-opts", default="", help="options for utils/validate_data_dir.sh")
    parser.add_argument("source", metavar="<srcdir>")
    parser.add_argument("target", metavar="<destdir>")
    args = parser.parse_args(argv)
    options = args.validate_opts.split()
    unknown = [option for option in options if option not in OPTIONS]
    if unknown:
        parser.error(f"--validate-opts: unknown option {unknown[0]}{nearest(unknown[0], list(OPTIONS))}")
    copy_data_dir(args.source, args.target, args.utt_prefix, args.utt_suffix, args.spk_prefix, args.spk_suffix)
    print(f"copy_data_dir.sh: copied data from {args.source} to {args.target}")
    for name, option in (("feats.scp", "--no-feats"), ("text", "--no-text"), ("wav.scp", "--no-wav")):
        if not os.path.exists(os.path.join(args.source, name)):
            options.append(option)
    warnings = []
    errors = validate(args.target, **{OPTIONS[option][0]: OPTIONS[option][1] for option in options}, warnings=warnings)
    print_problems(errors, warnings)
    return 1 if errors else 0


if __name__ == "__main__":
    run(main)
