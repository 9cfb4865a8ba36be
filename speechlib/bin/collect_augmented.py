"""Join the jobs of an augmentation into a data directory (see plan_augmentation, augment_data)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from speechlib.io.atomic import write_text
from speechlib.io.augmented_dirs import read_plan, write_augmented_dir
from speechlib.io.cli import KaldiArgumentParser, run
from speechlib.io.maps import read_map

HEADER = "utterance source kind room clip channel start end snr reached gain".split()


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files of the data directory, and augmentation.tsv."""
    parser = KaldiArgumentParser(
        prog="collect_augmented",
        description=__doc__,
        epilog="augmentation.tsv has a line for each sound in each copy: from when to when in seconds, the SNR that "
        "was asked for and the one reached in the written samples in dB, and by what the speech was multiplied.",
    )
    parser.add_argument("data_dir", metavar="<data-dir>", help="the clean utterances")
    parser.add_argument("out_dir", metavar="<out-dir>", help="with the plan in <out-dir>/plan")
    parser.add_argument("scps", nargs="+", metavar="<wav.scp>", help="one of each job, in their order")
    args = parser.parse_args(argv)
    out, plan = Path(args.out_dir), Path(args.out_dir) / "plan"
    wav_scp: dict[str, str] = {}
    durations: dict[str, str] = {}
    rows: list[str] = []
    for job, scp in enumerate(args.scps, 1):
        wav_scp |= read_map(scp)
        durations |= read_map(plan / f"utt2dur.{job}.txt")
        rows += (plan / f"made.{job}.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    copies = read_plan(plan / "plan.txt")
    write_augmented_dir(args.data_dir, out, copies, wav_scp, durations)
    rows.sort(key=lambda row: row.split("\t", 1)[0])  # stable: the sounds of a copy stay in their order
    write_text(out / "augmentation.tsv", "\t".join(HEADER) + "\n" + "".join(rows))
    if len(wav_scp) < len(copies):
        sys.stderr.write(
            f"collect_augmented: warning: {len(copies) - len(wav_scp)} of {len(copies)} copies could not be made (bad "
            f"or silent audio): see the logs in {out}/log\n"
        )
    print(f"collect_augmented: {len(wav_scp)} augmented utterances in {out}")


if __name__ == "__main__":
    run(main)
