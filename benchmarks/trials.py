"""Trials and scores: EER of a million scores beside Kaldi's compute-eer, and 37 million trials in bounded memory.

Kaldi is not there to be run. Its CPU time was measured on another machine together with kaldi-native-fbank's on 2,880 s
of speech; that program is run here, too, in turns with ours, and the ratio of its times scales Kaldi's to this machine
(features.py tells what it computes). CPU seconds (user and system) of whole processes, from the start of Python, and of
the work alone, from the file to the printed number; the median of the rounds.

    python benchmarks/trials.py [--speech FOLDER] [--rounds 5] [--num-bootstrap 1000] [--dir FOLDER] [--json FILE]
    python benchmarks/trials.py --long 0     without the long list, which needs 5 GB of disk and some minutes
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import features as yardstick  # noqa: E402
import numpy as np  # noqa: E402

KALDI_EER, KNF_SECONDS = 0.49, 4.35  # CPU seconds on one machine, the latter for 2,880 s of speech
YARDSTICK_SECONDS = 240
UTTERANCES, SPEAKERS = 8700, 1211
CHUNK = 1 << 17


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, help="folder with recordings of 16 kHz, for kaldi-native-fbank")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--long", type=int, default=37_000_000, help="trials of the long list; 0: none")
    parser.add_argument("--num-bootstrap", type=int, default=1000, help="draws of speakers for the long list")
    parser.add_argument("--dir", help="folder for the files (default: a temporary one)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        pieces = folder / "speech"
        pieces.mkdir()
        files = yardstick.write_pieces(args.speech or yardstick.default_speech(), YARDSTICK_SECONDS, pieces)
        figures: dict = {"million": million(folder, files, args.rounds)}
        if args.long:
            figures["long"] = long_list(folder, args.long, args.num_bootstrap)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")


def million(folder: Path, files: list[Path], rounds: int) -> dict[str, float]:
    """EER and all error rates of a million trials, in turns with the yardstick."""
    write_lists(folder, 1_000_000)
    labelled = folder / "labelled"
    with open(labelled, "w") as out, open(folder / "trials") as trials, open(folder / "scores") as scores:
        for trial, score in zip(trials, scores, strict=True):
            out.write(f"{score.split()[2]} {trial.split()[2]}\n")
    lists = ["--trials", str(folder / "trials"), "--scores", str(folder / "scores")]
    commands = {
        "compute_eer": ["compute_eer", str(labelled)],
        "eval_trials without intervals": ["eval_trials", *lists, "--num-bootstrap", "0"],
        "eval_trials": ["eval_trials", *lists],
    }
    alone = (
        "import sys, time; from speechlib.bin.compute_eer import main; start = time.process_time(); "
        "main(sys.argv[1:]); print(time.process_time() - start)"
    )
    knf = yardstick.knf("mfcc30")
    times: dict[str, list[float]] = {name: [] for name in (*commands, "compute_eer, the work alone", "knf")}
    peaks: dict[str, float] = {}
    for number in range(rounds):
        for name, command in commands.items():
            if name == "compute_eer" or number == 0:
                seconds, peaks[name] = measure(command)
                times[name].append(seconds)
        printed = subprocess.run([sys.executable, "-c", alone, labelled], cwd=ROOT, check=True, capture_output=True)
        times["compute_eer, the work alone"].append(float(printed.stdout.split()[-1]))
        times["knf"].append(yardstick.one_round(knf, files, folder / "out.ark"))
    scale = statistics.median(times.pop("knf")) * 2880 / (len(files) * yardstick.PIECE_SECONDS) / KNF_SECONDS
    print(f"this machine takes {scale:.2f} times the time of the one where Kaldi was measured (kaldi-native-fbank)")
    figures = {"scale": scale}
    for name, seconds in times.items():
        figures[name] = statistics.median(seconds)
        beside = f", {KALDI_EER * scale / figures[name]:.2f} times Kaldi's speed" if "compute" in name else ""
        peak = f", peak {peaks[name]:.0f} MiB" if name in peaks else ""
        print(f"1 M trials, {name}: {figures[name]:.2f} CPU s ({min(seconds):.2f} .. {max(seconds):.2f}){peak}{beside}")
    return figures


def long_list(folder: Path, count: int, num_bootstrap: int) -> dict[str, float]:
    """The whole evaluation of a long list of trials."""
    start = time.perf_counter()
    write_lists(folder, count)
    size = sum((folder / name).stat().st_size for name in ("trials", "scores"))
    print(f"{count} trials: written in {time.perf_counter() - start:.0f} s, {size / 1e9:.1f} GB", flush=True)
    lists = ["--trials", str(folder / "trials"), "--scores", str(folder / "scores")]
    start = time.perf_counter()
    seconds, peak = measure(["eval_trials", *lists, "--num-bootstrap", str(num_bootstrap)])
    wall = time.perf_counter() - start
    print(f"{count} trials, eval_trials, {num_bootstrap} draws: {seconds:.0f} CPU s, {wall:.0f} s, peak {peak:.0f} MiB")
    return {"trials": count, "cpu": seconds, "wall": wall, "peak_mib": peak}


def write_lists(folder: Path, count: int) -> None:
    """Distinct pairs of utterances with names as VoxCeleb has them, and scores of a system of some 10 % EER."""
    names = [f"id1{index % SPEAKERS:04d}-5r0dWxy17C8-{index:05d}" for index in range(UTTERANCES)]
    per_row = -(-count // UTTERANCES)
    if per_row > UTTERANCES:
        raise ValueError(f"at most {UTTERANCES**2} trials, got {count}")
    generator = np.random.default_rng(0)
    ease = generator.standard_normal(SPEAKERS)
    first, labels = [f"{name} " for name in names], [" nontarget\n", " target\n"]
    with open(folder / "trials", "w") as trials, open(folder / "scores", "w") as scores:
        for start in range(0, count, CHUNK):
            places = np.arange(start, min(start + CHUNK, count))
            enrol = places // per_row
            # Steps that reach all speakers from each utterance, its own among them.
            test = (enrol + places % per_row * (SPEAKERS - 10)) % UTTERANCES
            target = enrol % SPEAKERS == test % SPEAKERS
            values = generator.standard_normal(len(places)) * 1.2 + 3.0 * target - 2.0 + 0.4 * ease[enrol % SPEAKERS]
            pairs = [first[a] + names[b] for a, b in zip(enrol.tolist(), test.tolist(), strict=True)]
            trials.writelines([pair + labels[label] for pair, label in zip(pairs, target.tolist(), strict=True)])
            scores.writelines([f"{pair} {value:.7g}\n" for pair, value in zip(pairs, values.tolist(), strict=True)])


def measure(command: list[str]) -> tuple[float, float]:
    """CPU seconds and peak memory in MiB of a command of ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"speechlib.bin.{command[0]}", *command[1:]], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)}: failed with status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024.0


if __name__ == "__main__":
    main()
