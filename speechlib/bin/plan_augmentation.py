"""Plan augmented copies of a data directory, and check everything that jobs need (for steps/augment_data_dir.sh)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from speechlib.augment.mixing import SPEECH, Sounds
from speechlib.augment.options import BABBLE, AugmentOptions
from speechlib.io.atomic import write_json
from speechlib.io.augmented_dirs import SPEED_PREFIX, plan_copies, split_plan, write_plan
from speechlib.io.cli import KaldiArgumentParser, kaldi_bool, run
from speechlib.io.clip_lists import RESPONSE, ClipEntry, list_clips, write_clips
from speechlib.io.datadir import DataDir
from speechlib.io.kaldi_conf import build_options

SPEED = "speed"
_OPTIONS = {
    "fg_snrs": "of noise, dB",
    "fg_interval": "seconds of silence between two noises",
    "bg_snrs": "of music, dB",
    "babble_snrs": "of each other speaker, dB",
    "babble_speakers": "how many there may be",
    "rooms": "whose responses are equally likely; any where there are none of these",
    "normalize": "whether a copy has the energy of the original",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Write the plan into <plan-dir>, a part for each job, and print the number of jobs."""
    args, options, kinds = _parse(argv)
    data, out = Path(args.data_dir), Path(args.plan_dir)
    if os.path.realpath(out.parent) == os.path.realpath(data):
        raise ValueError(f"{data} is both source and target; give the target another name")
    noises = list_clips(args.noise) if args.noise else []
    responses = list_clips(args.rirs, unnamed=RESPONSE) if args.rirs else []
    copies = plan_copies(data, kinds, args.subset, args.seed, args.new_speakers)
    if options is not None:
        _check_sounds(noises, responses, options, data)
    out.mkdir(parents=True, exist_ok=True)
    for stale in out.glob("plan.*.txt"):
        stale.unlink()
    write_clips(out / "clips.tsv", _clips_of_use(noises, responses))
    write_plan(out / "plan.txt", copies)
    # kinds and chances are in the plan: the options say how a copy is made
    recipe = {name: getattr(options, name) for name in _OPTIONS} if options is not None else {}
    write_json(out / "options.json", recipe | {"seed": args.seed})
    jobs = split_plan(copies, min(args.jobs, len(copies)))
    for number, job in enumerate(jobs, 1):
        write_plan(out / f"plan.{number}.txt", job)
    print(len(jobs))


def _parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, AugmentOptions | None, list[str]]:
    """The arguments, how copies are mixed (None if there are only other speeds), and all kinds with their speeds."""
    parser = KaldiArgumentParser(prog="plan_augmentation", description=__doc__)
    defaults = AugmentOptions()
    parser.add_argument("--kinds", default=" ".join(defaults.kinds), help="of reverb noise music babble speed")
    parser.add_argument("--noise", metavar="DIR", help="folder of audio, or one with a clips.tsv")
    parser.add_argument("--rirs", metavar="DIR", help="folder of impulse responses, or one with a clips.tsv")
    for name, text in _OPTIONS.items():
        default = _text(getattr(defaults, name))
        parser.add_argument("--" + name.replace("_", "-"), default=default, metavar="X", help=text)
    parser.add_argument("--speeds", default="0.9:1.1", help="factors of the kind speed")
    parser.add_argument("--new-speakers", type=kaldi_bool, default=False, help="copies of another speed get their own")
    parser.add_argument("--subset", type=int, default=None, help="a random subset of so many of all copies")
    parser.add_argument("--seed", type=int, default=0, help="decides everything that is drawn")
    parser.add_argument("--jobs", type=int, default=1, help="parts; fewer if there are fewer copies")
    parser.add_argument("data_dir", metavar="<data-dir>")
    parser.add_argument("plan_dir", metavar="<plan-dir>", help="a folder in the data directory that is to be made")
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: expected at least 1")
    if args.seed < 0:
        parser.error(f"--seed {args.seed}: must not be negative")
    kinds = args.kinds.replace(",", " ").split()
    if not kinds:
        parser.error("--kinds is empty: choose from reverb noise music babble speed")
    values = {name: getattr(args, name) for name in _OPTIONS} | {"speeds": args.speeds}
    mixed = [kind for kind in kinds if kind != SPEED]
    checked = build_options(AugmentOptions, values | ({"kinds": mixed} if mixed else {}), "command line")
    if SPEED in kinds:
        if any(speed == 1 for speed in checked.speeds):
            raise ValueError(f"--speeds {args.speeds}: a speed of 1 changes nothing: leave it out")
        return args, checked if mixed else None, mixed + [f"{SPEED_PREFIX}{speed:g}" for speed in checked.speeds]
    return args, checked, mixed


def _text(value: object) -> str:
    """A default as it is typed."""
    if isinstance(value, tuple):
        return ":".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return str(value).lower()


def _check_sounds(noises: list[ClipEntry], responses: list[ClipEntry], options: AugmentOptions, data: Path) -> None:
    """Whether there is something for each kind."""
    by_kind: dict[str, list] = {}
    for clip in noises:
        if clip.kind != RESPONSE:
            by_kind.setdefault(clip.kind, []).append(clip)
    others = len(DataDir(data).speakers()) > 1
    if not others and not by_kind.get(SPEECH) and any(BABBLE in kind for kind in options.kinds):
        raise ValueError(f"babble comes from other speakers: {data} has but one, and there is no speech in --noise")
    rooms = {"any": [clip for clip in responses if clip.kind == RESPONSE]}
    Sounds(by_kind, rooms, (lambda rng, speaker: None) if others else None).check(options)


def _clips_of_use(noises: list[ClipEntry], responses: list[ClipEntry]) -> Iterator[ClipEntry]:
    """Noises of one folder, responses of the other: the folders may be the same."""
    yield from (clip for clip in noises if clip.kind != RESPONSE)
    yield from (clip for clip in responses if clip.kind == RESPONSE)


if __name__ == "__main__":
    run(main)
