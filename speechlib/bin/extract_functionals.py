"""Functionals of the utterances of a data directory: a vector of statistics of pitch, energy, spectrum and voice each.

Audio of other rates than 16 kHz is resampled. The values do not depend on the number of jobs, and are the same for an
utterance whatever stands beside it. Audio that cannot be used is left out and listed in --bad, or is an error without.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from speechlib.features.functionals import GROUPS, FunctionalOptions, Functionals
from speechlib.features.power_spectra import check_waveform
from speechlib.io.atomic import write_text
from speechlib.io.audio import UtteranceAudio, write_bad_list
from speechlib.io.cli import KaldiArgumentParser, nearest, run
from speechlib.io.specifiers import parse_wspecifier
from speechlib.io.stamps import Stamp, archive_states
from speechlib.io.tables import open_table

REPORT_SECONDS = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """Write a vector by utterance; return 1 if audio is bad and nobody asked for a list of it."""
    parser = KaldiArgumentParser(
        prog="extract_functionals",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.extract_functionals --names exp/functionals/names.txt data/train "
        "ark,scp:exp/functionals.ark,exp/functionals.scp",
    )
    defaults = FunctionalOptions()
    add = parser.add_argument
    add("--groups", default=",".join(GROUPS), metavar="A,B", help="of descriptors")
    add("--min-pitch", type=float, default=defaults.min_pitch, metavar="HZ", help="lowest pitch that is looked for")
    add("--max-pitch", type=float, default=defaults.max_pitch, metavar="HZ", help="highest")
    add("--names", metavar="FILE", help="write the names of the values there, one a line, in their order")
    add("--bad", metavar="FILE", help="list bad utterances there instead of failing for them")
    add("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    add("data_dir", metavar="<data-dir>", help="with wav.scp and perhaps segments")
    add("wspecifier", metavar="<wspecifier>", help="(dim,) by utterance")
    args = parser.parse_args(argv)

    options = FunctionalOptions(groups_of(args.groups), args.min_pitch, args.max_pitch)
    if not args.stamp:
        return extract(options, args)
    target = parse_wspecifier(args.wspecifier)
    if not target.ark or not target.scp:
        raise ValueError(f"--stamp goes with ark,scp:FILE,FILE as output, not {args.wspecifier}")
    inputs = [path for name in ("wav.scp", "segments") if (path := Path(args.data_dir) / name).is_file()]
    decisive = dataclasses.asdict(options) | {"recordings": str(archive_states(Path(args.data_dir) / "wav.scp"))}
    outputs = [target.ark, target.scp, *filter(None, (args.names, args.bad))]
    stamp = Stamp(args.stamp, inputs, decisive, outputs)
    if stamp.is_complete():
        print(f"{args.wspecifier}: complete already")
        return 0
    stamp.begin()
    status = extract(options, args)
    if status == 0:
        stamp.finish()
    return status


def groups_of(text: str) -> tuple[str, ...]:
    """The groups that a comma-separated list names."""
    groups = tuple(filter(None, text.split(",")))
    for group in groups:
        if group not in GROUPS:
            known = ", ".join(GROUPS)
            raise ValueError(f"--groups {text}: no group {group!r}{nearest(group, GROUPS)}: expected some of {known}")
    return groups


def extract(options: FunctionalOptions, args) -> int:
    """Compute and write all vectors."""
    functionals = Functionals(options)
    audio = UtteranceAudio(args.data_dir)
    bad: list[tuple[str, str, str]] = []
    num_done, seconds = 0, 0.0
    started = reported = time.monotonic()
    with open_table(args.wspecifier) as writer:
        for utterance, samples, rate in audio:
            try:
                vector = functionals(check_waveform(samples, rate))
            except ValueError as error:
                bad.append((utterance, "unusable", str(error)))
                continue
            writer.write(utterance, vector)
            num_done += 1
            seconds += len(samples) / rate
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                say(f"{num_done} of {len(audio)} utterances, {seconds / (reported - started):.0f} x real time")
    bad = sorted(bad + audio.bad)
    if args.names:
        write_text(args.names, "".join(f"{name}\n" for name in functionals.names))
    if args.bad:
        write_bad_list(args.bad, bad)
    else:
        for utterance, _, message in bad:
            say(f"error: utterance {utterance}: {message}")
    elapsed = max(time.monotonic() - started, 1e-9)
    say(
        f"{functionals.dim} functionals of {num_done} utterances, {len(bad)} bad, {len(audio.skipped)} skipped; "
        f"{seconds:.0f} s of audio in {elapsed:.1f} s ({seconds / elapsed:.0f} x real time)"
    )
    return 1 if bad and not args.bad else 0


def say(message: str) -> None:
    """Print a line to the log of the job."""
    print(f"extract_functionals: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run(main)
