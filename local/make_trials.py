"""Draw trials among the utterances of a data directory, with a seed."""

from pathlib import Path

from local.trial_lists import describe, draw_trials, write_trials
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.datadir import DataDir


def main(argv: list[str] | None = None) -> int:
    parser = KaldiArgumentParser(prog="make_trials.py", description=__doc__)
    parser.add_argument("--num-target", type=int, default=10000, help="fewer where there are not so many pairs")
    parser.add_argument("--num-nontarget", type=int, help="likewise (default: as many as target trials)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--same-gender-share", type=float, default=0.75, help="of the non-target trials")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("trials", type=Path)
    args = parser.parse_args(argv)
    data = DataDir(args.data_dir)
    try:
        trials = draw_trials(
            data.utt2spk,
            args.num_target,
            args.num_nontarget,
            args.seed,
            data.spk2gender,
            args.same_gender_share,
            data.map("utt2session"),
        )
    except ValueError as error:
        raise ValueError(f"{args.data_dir}: {error}") from None
    write_trials(args.trials, trials)
    print(f"make_trials: {args.trials}: {describe(trials)}")
    return 0


if __name__ == "__main__":
    run(main)
