"""Decide for every frame of features whether there is speech, by its energy (Kaldi's compute-vad)."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from speechlib.features.vad import VadOptions, energy_vad
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.command_options import add_options, parse_options
from speechlib.io.feature_table import FeatureTable
from speechlib.io.maps import read_map
from speechlib.io.specifiers import parse_rspecifier, parse_wspecifier, split_offset
from speechlib.io.stamps import is_complete, mark_complete
from speechlib.io.tables import open_table

_HELP = {
    "vad_energy_threshold": "constant part of the threshold on the log-energy",
    "vad_energy_mean_scale": "times the utterance's mean log-energy, added to the threshold",
    "vad_frames_context": "frames on each side of the one decided about",
    "vad_proportion_threshold": "share of these frames that must be above the threshold",
    "omit_unvoiced_utts": "write nothing for utterances without a voiced frame",
}


@dataclass(frozen=True)
class _Options(VadOptions):
    omit_unvoiced_utts: bool = False


def _job(features: str, vad: str, options: _Options) -> tuple[list[str], dict[str, object], list[str]]:
    """What a stamp records: the input script, the options with the state of the archives, and the outputs."""
    source, target = parse_rspecifier(features), parse_wspecifier(vad)
    if source.kind != "scp" or not os.path.isfile(source.name) or not target.ark or not target.scp:
        raise ValueError(f"--stamp goes with scp:FILE as input and ark,scp:FILE,FILE as output, not {features} {vad}")
    archives = sorted({split_offset(entry)[0] for entry in read_map(source.name).values()})
    states = [(path, os.path.getsize(path), os.stat(path).st_mtime_ns) for path in archives if os.path.isfile(path)]
    return [source.name], {**dataclasses.asdict(options), "archives": str(states)}, [target.ark, target.scp]


def main(argv: Sequence[str] | None = None) -> int:
    """Write ones and zeros for the frames of each utterance; return 1 if none has frames (but 0 for a job)."""
    parser = KaldiArgumentParser(
        prog="compute_vad",
        description=__doc__,
        epilog="e.g.: python -m speechlib.bin.compute_vad --config conf/vad.conf scp:feats.scp ark,scp:vad.ark,vad.scp",
    )
    add_options(parser, _Options, _HELP)
    parser.add_argument("--stamp", metavar="FILE", help="of a job: written when it is done; it is not done twice")
    parser.add_argument("features", help="rspecifier of (frames, dim) features, the log-energy in column 0")
    parser.add_argument("vad", help="wspecifier of (frames,) decisions")
    args, options = parse_options(parser, _Options, argv)

    job = _job(args.features, args.vad, options) if args.stamp else None
    if job and is_complete(args.stamp, *job):
        sys.stderr.write(f"compute_vad: {args.vad} is complete, as {args.stamp} says: nothing to do\n")
        return 0

    num_done = num_unvoiced = num_frames = num_voiced = 0
    table = FeatureTable(args.features, parser.prog)
    with open_table(args.vad) as writer:
        for utterance, features in table:
            voiced = energy_vad(features, options)
            count = int(voiced.sum(dtype=float))
            num_done += 1
            num_frames += len(voiced)
            num_voiced += count
            if not count:
                sys.stderr.write(f"compute_vad: warning: utterance {utterance} has no voiced frame\n")
                num_unvoiced += 1
            if count or not options.omit_unvoiced_utts:
                writer.write(utterance, voiced)
    sys.stderr.write(
        f"compute_vad: {num_done} utterances, {num_unvoiced} of them without a voiced frame; {table.num_empty} had no "
        f"frames; {num_voiced} of {num_frames} frames are voiced\n"
    )
    if job:  # of several jobs one may well have nothing but utterances without frames
        mark_complete(args.stamp, *job)
    return 0 if num_done or job else 1


if __name__ == "__main__":
    run(main)
